"""Statistics that know each row's influence, so that their intervals need no resamples.

The error of a statistic follows from the sum of its rows' influence (the delta method, or
infinitesimal jackknife: Efron 1982, chapter 6). Rows of one unit, such as a group or a block of
time, are added first (Binder 1983), which is the cluster bootstrap without drawing. Weights count
in the value and in each row's influence.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats, wilson

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Cells: TypeAlias = "Floats | csr_array"
"""What is summed: one row for each row of the table, one column for each sum."""

_HEAVY_SHARE = 0.15
_HEAVY_INDEX = 1.75


@dataclass(frozen=True)
class Spread:
    """How far a statistic may be from the truth, by the influence of each unit.

    Attributes:
        units: shape [G]; summed influence of the rows of each unit.
        degrees: degrees of freedom of the variance; 0 if it can't be estimated.
        plain: is each row a unit, and do all rows count alike?
    """

    units: Floats
    degrees: int
    plain: bool = False

    @cached_property
    def variance(self) -> float:
        n = len(self.units)
        return float(self.units @ self.units) * n / max(n - 1, 1)

    @cached_property
    def error(self) -> float:
        """Return the standard error as if the most influential unit had come twice.

        A sample rarely holds its share of rare, influential rows; benchmarks/coverage shows what
        this adds.
        """
        return math.sqrt(self.variance + float(np.square(self.units).max(initial=0.0)))

    def reach(self, confidence: float) -> float:
        """Return Student's quantile for a two-sided interval."""
        from scipy.special import stdtrit

        return float(stdtrit(max(self.degrees, 1), (1 + confidence) / 2))


def is_heavy(units: Floats) -> bool:
    """Return whether a few units decide a sum, so that no interval of it can be trusted.

    One unit then has 15 % of the variance or more, and the tail index (Hill 1975, on the largest
    sqrt(G) units) is so close to 2 or below that the variance may not exist.

    Args:
        units: what each unit adds to the sum, about its mean; shape [G].
    """
    sizes = np.abs(units)
    k = max(10, math.isqrt(len(sizes)))
    total = float(sizes @ sizes)
    if len(sizes) <= k or not total or sizes.max() ** 2 < _HEAVY_SHARE * total:
        return False
    largest = np.partition(sizes, len(sizes) - k - 1)[-k - 1 :]
    least = max(float(largest.min()), np.finfo(np.float64).tiny)
    return float(np.log(largest / least).sum()) * _HEAVY_INDEX > k


class Closed(ABC):
    """A statistic of weighted rows with a closed form for its error.

    It maps counts or weights of shape [B, N] to values of shape [B].

    Attributes:
        method: the interval's method, for people.
        tails: losses of the rows, shape [N], of which a few large ones can decide the value; None
            for bounded losses.
        additive: does the influence of its rows tell the error of a difference of two models? If
            not, both intervals are combined as if the models' rows were independent, which is too
            wide.
    """

    method: str
    tails: Floats | None = None
    additive = True

    @abstractmethod
    def __call__(self, counts: Floats) -> Floats:
        """Return the values of counts [B, N], shape [B]; NaN where not defined."""

    @abstractmethod
    def influence(self, weights: Floats) -> Floats:
        """Return each row's part of the difference from the truth, shape [N]; they add up to 0."""

    @abstractmethod
    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        """Return the interval of a defined value."""

    def degrees(self, units: NDArray[np.intp] | None, n: int) -> int:
        """Return the degrees of freedom of the variance over `n` units."""
        return n - 1

    def lacking(self, units: NDArray[np.intp] | None) -> str | None:
        """Return why the rows are too few for any interval; None if they are not."""
        return None


@dataclass(frozen=True)
class Scale:
    """A scale on which a statistic's error is close to symmetric.

    Attributes:
        name: for people.
        within: the values that have a place on it lie between these two.
        to: maps a value onto the scale.
        back: maps back.
        slope: derivative of `to`.
    """

    name: str
    within: tuple[float, float]
    to: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]

    def interval(self, value: float, wide: float, confidence: float) -> Interval:
        """Return the interval of a value, `wide` to each side before the scale bends it."""
        if wide and self.within[0] < value < self.within[1]:
            middle, wide = self.to(value), min(wide * self.slope(value), 50.0)
            low, high = self.back(middle - wide), self.back(middle + wide)
        else:
            low, high = value - wide, value + wide
        return Interval(low=min(low, value), high=max(high, value), confidence=confidence)


PLAIN = Scale("", (-math.inf, math.inf), lambda x: x, lambda x: x, lambda x: 1.0)
LOG = Scale(" on the log scale", (0.0, math.inf), math.log, math.exp, lambda x: 1 / x)
LOG_REST = Scale(  # of R²: the unexplained share is positive, as an error is
    " on the log scale of 1 - R²", (-math.inf, 1.0),
    lambda x: -math.log(1 - x), lambda y: 1 - math.exp(-y), lambda x: 1 / (1 - x),
)  # fmt: skip
LOGIT = Scale(
    " on the logit scale", (0.0, 1.0),
    lambda x: math.log(x / (1 - x)), lambda y: 1 / (1 + math.exp(-y)),
    lambda x: 1 / (x * (1 - x)),
)  # fmt: skip


class Sums(Closed):
    """A smooth function of sums over rows, such as a mean."""

    def __init__(
        self,
        cells: Cells,
        of: Callable[[Floats], Floats],
        scale: Scale = PLAIN,
        *,
        tails: Floats | None = None,
    ) -> None:
        """Take what is summed, shape [N, K], and the function of the sums, [B, K] to [B]."""
        self.cells, self.of, self.scale, self.tails = cells, of, scale, tails
        self.method = f"delta method{scale.name}, Student's t"

    def __call__(self, counts: Floats) -> Floats:
        return self.of(np.asarray(counts @ self.cells))

    def influence(self, weights: Floats) -> Floats:
        sums = np.asarray(weights @ self.cells)
        steps = 1e-6 * np.asarray(weights @ abs(self.cells))
        steps[steps == 0] = 1e-6
        around = np.diag(steps)
        slopes = (self.of(sums + around) - self.of(sums - around)) / (2 * steps)
        # The slope of a sum that no row is in, such as an empty bin's, need not be defined.
        return np.asarray(weights * (self.cells @ np.nan_to_num(slopes, posinf=0.0, neginf=0.0)))

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        return self.scale.interval(value, spread.reach(confidence) * spread.error, confidence)


class Shares(Closed):
    """The mean of shares of rows, such as the classes' recalls, or of their F1.

    The F1 of a class is a share too: twice the hits over hits plus true or predicted rows.
    Intervals are Wilson's (1927) on the effective number of rows (Korn and Graubard 1998). Those of
    several shares are combined by MOVER (Zou and Donner 2008).
    """

    def __init__(self, hits: Cells, of: Cells, *, f1: bool = False, every: bool = False) -> None:
        """Take the rows that count and those they are a share of; each [N, K], of 0 and 1.

        `f1`: means of F1, not of shares. `every`: undefined if any share is; by default the mean
        leaves undefined shares out.
        """
        self.hits, self.rows, self.f1, self.every = hits, of, f1, every
        several = hits.shape[1] > 1
        self.method = "Wilson score interval" + ("s of the classes by MOVER" if several else "")

    def __call__(self, counts: Floats) -> Floats:
        from gatehouse.gates.metrics.weighted import mean_of_defined, ratio

        hits, of = np.asarray(counts @ self.hits), np.asarray(counts @ self.rows)
        values = ratio(2 * hits, hits + of) if self.f1 else ratio(hits, of)
        return np.asarray(values.mean(axis=1)) if self.every else mean_of_defined(values)

    def _parts(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Return each share, NaN where undefined, its weighted rows, and its slope; each [K]."""
        hits, of = np.asarray(weights @ self.hits), np.asarray(weights @ self.rows)
        shares = np.divide(hits, of, out=np.full_like(hits, np.nan), where=of > 0)
        slopes = 2 / (1 + shares) ** 2 if self.f1 else np.ones_like(shares)
        return shares, of, slopes / max(1, int((of > 0).sum()))

    def influence(self, weights: Floats) -> Floats:
        shares, of, slopes = self._parts(weights)
        per_hit = np.divide(slopes, of, out=np.zeros_like(of), where=of > 0)
        missed = self.rows @ (per_hit * np.nan_to_num(shares))
        return np.asarray(weights * (self.hits @ per_hit - missed))

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        shares, of, slopes = self._parts(weights)
        defined = of > 0
        shares, slopes = shares[defined], slopes[defined]
        rows = np.asarray((weights > 0).astype(np.float64) @ self.rows)[defined]
        # One wrong row is in the F1 of two classes, so that these are not independent.
        if not spread.plain or (self.f1 and len(shares) > 1):
            rows = rows / self._inflation(shares, slopes, rows, spread, weights, confidence)
        ends = [wilson(share, float(n), confidence) for share, n in zip(shares, rows, strict=True)]
        low, high = np.array(ends).T
        if self.f1:
            shares, low, high = (2 * each / (1 + each) for each in (shares, low, high))
        count = len(shares)
        below = float(np.linalg.norm(shares - low)) / count
        above = float(np.linalg.norm(high - shares)) / count
        return Interval(
            low=max(0.0, value - below), high=min(1.0, value + above), confidence=confidence
        )

    @staticmethod
    def _inflation(
        shares: Floats, slopes: Floats, rows: Floats, spread: Spread, weights: Floats,
        confidence: float,
    ) -> float:  # fmt: skip
        """Return how many rows count as one, because of weights, of units and of few units."""
        from scipy.special import ndtri

        of_rows = float((slopes**2 * shares * (1 - shares) / rows).sum())
        if of_rows > 0 and spread.variance > 0:
            inflation = spread.variance / of_rows
        else:  # shares of 0 and 1 only: take the rows of a unit for copies
            kish = float((weights > 0).sum() * (weights @ weights) / weights.sum() ** 2)
            inflation = max(1.0, kish * int((weights > 0).sum()) / len(spread.units))
        return inflation * (spread.reach(confidence) / float(ndtri((1 + confidence) / 2))) ** 2
