"""Do probabilities mean what they say? Slope and intercept, and a binned error without its bias.

- Slope and intercept of a logistic regression of the label on the score's log odds (Cox 1958;
  Van Calster et al. 2016). A slope under 1 means scores that are too extreme. The intercept is
  fitted with slope 1: above 0, events are more frequent than the scores say.
- The calibration error is the root of the mean squared gap between score and label over bins with
  equal numbers of rows. The squared gap of a bin contains the sampling variance of its rows, which
  is taken off (Kumar, Liang and Ma 2019). Without that, the error of a perfect model would be far
  above 0 in small tables, and no interval would cover it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.closed import PLAIN, Closed, Spread
from gatehouse.gates.metrics.weighted import ratio

METHOD = "inverted noncentral chi-squared of the binned squared gaps, variance matched"
FEWEST = 10
"""Rows of each class from which on a regression is fitted."""
_STEPS = 50
_UNREACHED = 1e3
_CLOSE = 1e-10
_FARTHEST = 30.0
"""Log odds are clipped to this: a score of 0 or 1 has none."""


def binned(score: Floats, bins: int) -> tuple[NDArray[np.intp], int]:
    """Return each row's bin of about equal numbers of rows, shape [N], and the number of bins."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, score, side="right"), len(edges) + 1


@dataclass(frozen=True)
class Gaps:
    """Gaps between score and label of K bins.

    Attributes:
        share: each bin's share of the rows' weight, shape [K].
        mean: mean of score - label, shape [K].
        variance: sampling variance of that mean, shape [K].
    """

    share: Floats
    mean: Floats
    variance: Floats


def gaps_of(
    y: Floats,
    score: Floats,
    bins: int,
    weights: Floats | None = None,
    units: NDArray[np.intp] | None = None,
) -> Gaps:
    """Return the gaps; rows of one unit are not independent, so a bin's variance is over units.

    Args:
        y: labels 0 or 1, shape [N].
        score: predicted probabilities, shape [N].
        bins: number of bins.
        weights: how much each row counts, shape [N].
        units: index of each row's independent unit, shape [N].
    """
    place, count = binned(score, bins)
    weight = np.ones(len(y)) if weights is None else weights
    total = _sums(place, weight, count)
    mean = np.nan_to_num(ratio(_sums(place, weight * (score - y), count), total))
    part = weight * (score - y - mean[place])
    if units is None:
        squares = _sums(place, part**2, count)
        n = np.bincount(place[weight > 0], minlength=count).astype(np.float64)
    else:
        cells, index = np.unique(place * (units.max() + 1) + units, return_inverse=True)
        of_bin = cells // (units.max() + 1)
        squares = _sums(of_bin, _sums(index, part, len(cells)) ** 2, count)
        n = np.bincount(of_bin, minlength=count).astype(np.float64)
    known = n > 1
    variance = np.nan_to_num(ratio(squares, total**2)) * n / np.where(known, n - 1, 1.0)
    # A bin with one unit shows no variance: it counts neither for nor against.
    mean = np.where(known, mean, 0.0)
    return Gaps(total / total.sum(), mean, np.where(known, variance, 0.0))


def _sums(place: NDArray[np.intp], values: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(place, weights=values, minlength=count), np.float64)


def debiased(gaps: Gaps) -> float:
    """Return the root mean squared gap without its sampling variance, at least 0."""
    return float(np.sqrt(max(0.0, float(gaps.share @ (gaps.mean**2 - gaps.variance)))))


def calibration_error_interval(gaps: Gaps, confidence: float) -> Interval:
    """Return an interval of the root mean squared gap.

    The weighted sum of squared gaps is about a scaled noncentral chi-squared variable whose
    noncentrality is the true squared error. Scale and degrees of freedom match its mean and
    variance without any error; where the bins with gaps vary more than the others, their scale
    counts. The interval holds the noncentralities that the observed sum does not refute.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2, ncx2

    squares, noise = gaps.share * gaps.mean**2, gaps.share * gaps.variance
    if not noise.any():
        value = float(np.sqrt(squares.sum()))
        return Interval(low=value, high=value, confidence=confidence)
    excess = np.maximum(squares - noise, 0.0)
    scale = float((noise**2).sum() / noise.sum())
    if excess.any():
        scale = max(scale, float((noise * excess).sum() / excess.sum()))
    freedom, seen = float(noise.sum()) / scale, float(squares.sum()) / scale

    def end(tail: float) -> float:
        def above(noncentrality: float) -> float:
            if noncentrality <= 0:
                return float(chi2.cdf(seen, freedom)) - tail
            return float(ncx2.cdf(seen, freedom, noncentrality)) - tail

        if above(0.0) <= 0:
            return 0.0
        high = max(1.0, seen)
        while above(high) > 0:
            high *= 2
        return float(np.sqrt(brentq(above, 0.0, high) * scale))

    tail = (1 - confidence) / 2
    return Interval(low=end(1 - tail), high=end(tail), confidence=confidence)


class CalibrationError(Closed):
    """The debiased root mean squared gap between score and label over bins."""

    method = METHOD
    additive = False

    def __init__(
        self, y: Floats, score: Floats, bins: int, units: NDArray[np.intp] | None = None
    ) -> None:
        """Take labels 0 or 1 and probabilities, [N], the number of bins, and rows' units, [N]."""
        self.y, self.score, self.bins, self.units = y, score, bins, units

    def _gaps(self, weights: Floats) -> Gaps:
        return gaps_of(self.y, self.score, self.bins, weights, self.units)

    def __call__(self, counts: Floats) -> Floats:
        return np.array([debiased(self._gaps(each)) for each in counts])

    def influence(self, weights: Floats) -> Floats:
        return np.zeros(len(weights))  # near 0, its error is not the sum of its rows'

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        found = calibration_error_interval(self._gaps(weights), confidence)
        return found.model_copy(
            update={"low": min(found.low, value), "high": max(found.high, value)}
        )


class Recalibration(Closed):
    """The slope, or the intercept at slope 1, of the label's regression on the log odds."""

    method = "Wald on the logistic regression, sandwich variance (Huber 1967), Student's t"

    def __init__(self, y: Floats, score: Floats, *, slope: bool) -> None:
        """Take labels 0 or 1 and probabilities, [N]."""
        odds = _log_odds(score)
        self.y = y
        self.columns = (
            np.stack([np.ones_like(odds), odds], axis=1) if slope else np.ones((len(odds), 1))
        )
        self.offset = np.zeros_like(odds) if slope else odds
        self._last: tuple[Floats, Floats | None] | None = None

    def __call__(self, counts: Floats) -> Floats:
        fits = [self._fit(each) for each in counts]
        return np.array([np.nan if fit is None else fit[-1] for fit in fits])

    def influence(self, weights: Floats) -> Floats:
        fit = self._fit(weights)
        assert fit is not None  # the value is defined
        chance = _sigmoid(self.columns @ fit + self.offset)
        hessian = self._hessian(chance, weights)
        scores = self.columns * (weights * (self.y - chance))[:, None]
        return np.asarray(np.linalg.solve(hessian, scores.T)[-1])

    def interval(
        self, value: float, spread: Spread, weights: Floats, confidence: float
    ) -> Interval:
        return PLAIN.interval(value, spread.reach(confidence) * spread.error, confidence)

    def lacking(self, units: NDArray[np.intp] | None) -> str | None:
        fewest = int(min(self.y.sum(), len(self.y) - self.y.sum()))
        if fewest >= FEWEST:
            return None
        return f"can't be told: {fewest} rows of a class are too few, the fit needs {FEWEST}"

    def _hessian(self, chance: Floats, weights: Floats) -> Floats:
        steep = weights * chance * (1 - chance)
        return np.asarray(self.columns.T @ (self.columns * steep[:, None]))

    def _fit(self, weights: Floats) -> Floats | None:
        """Return the maximum-likelihood coefficients; None if there is no finite maximum."""
        if self._last is None or not np.array_equal(self._last[0], weights):
            self._last = weights, self._newton(weights)
        return self._last[1]

    def _newton(self, weights: Floats) -> Floats | None:
        found = np.zeros(self.columns.shape[1])
        for _ in range(_STEPS):
            chance = _sigmoid(self.columns @ found + self.offset)
            try:
                step = np.linalg.solve(
                    self._hessian(chance, weights),
                    self.columns.T @ (weights * (self.y - chance)),
                )
            except np.linalg.LinAlgError:
                return None
            found = found + step
            if not np.isfinite(found).all() or np.abs(found).max() > _UNREACHED:
                return None
            if np.abs(step).max() < _CLOSE:
                return np.asarray(found)
        return None


def _log_odds(score: Floats) -> Floats:
    tiny = np.exp(-_FARTHEST)
    clipped = score.astype(np.float64).clip(tiny, 1 - 1e-13)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds.clip(-700, 700))))
