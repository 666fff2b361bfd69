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
from gatehouse.gates.bootstrap import Floats, Statistic
from gatehouse.gates.metrics.weighted import ratio

METHOD = "inverted noncentral chi-squared of the binned squared gaps, variance matched"
_STEPS = 50
_CLOSE = 1e-10
_FARTHEST = 30.0
"""Log odds are clipped to this: a score of 0 or 1 has none."""


def binned(score: Floats, bins: int) -> tuple[NDArray[np.intp], int]:
    """Return each row's bin of about equal numbers of rows, shape [N], and the number of bins."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, score, side="right"), len(edges) + 1


def calibration_error_of(y: Floats, score: Floats, bins: int) -> Statistic:
    """Return the debiased calibration error as a function of counts, [B, N] to [B].

    Args:
        y: labels 0 or 1, shape [N].
        score: predicted probabilities, shape [N].
        bins: number of bins.
    """
    place, count = binned(score, bins)
    member, gap = np.eye(count)[place], score - y
    cells = np.concatenate([member, member * gap[:, None], member * (gap**2)[:, None]], axis=1)

    def calibration_error(counts: Floats) -> Floats:
        rows, sums, squares = np.split(counts @ cells, 3, axis=1)
        mean = ratio(sums, rows)
        spread = ratio(squares, rows) - mean**2
        # A bin with a single row has no variance to take off, and so no squared gap to count.
        known = rows > 1
        parts = np.where(known, rows * (mean**2 - spread / np.where(known, rows - 1, 1)), 0.0)
        square: Floats = parts.sum(axis=1) / rows.sum(axis=1)
        return np.asarray(np.sqrt(square.clip(0)))

    return calibration_error


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
    total = np.bincount(place, weights=weight, minlength=count)
    mean = np.bincount(place, weights=weight * (score - y), minlength=count) / total
    part = weight * (score - y - mean[place])
    if units is None:
        squares = np.bincount(place, weights=part**2, minlength=count)
        n = np.bincount(place, minlength=count).astype(np.float64)
    else:
        cells, index = np.unique(place * (units.max() + 1) + units, return_inverse=True)
        of_bin = cells // (units.max() + 1)
        squares = np.bincount(of_bin, weights=np.bincount(index, weights=part) ** 2)
        n = np.bincount(of_bin, minlength=count).astype(np.float64)
    known = n > 1
    variance = squares / total**2 * ratio(n, np.where(known, n - 1, 1.0))
    # A bin with one unit shows no variance: it counts neither for nor against.
    mean = np.where(known, mean, 0.0)
    return Gaps(total / total.sum(), mean, np.where(known, variance, 0.0))


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


def slope_of(y: Floats, score: Floats) -> Statistic:
    """Return the calibration slope as a function of counts, NaN where it is not defined."""
    return _fitted(y, _log_odds(score), slope=True)


def intercept_of(y: Floats, score: Floats) -> Statistic:
    """Return the calibration intercept (slope 1) as a function of counts, NaN if not defined."""
    return _fitted(y, _log_odds(score), slope=False)


def _log_odds(score: Floats) -> Floats:
    tiny = np.exp(-_FARTHEST)
    clipped = score.astype(np.float64).clip(tiny, 1 - 1e-13)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _fitted(y: Floats, odds: Floats, *, slope: bool) -> Statistic:
    """Fit once on all rows; each resample then takes one Newton step from there.

    One step is exact to the second order (Davison and Hinkley 1997, section 7.2.2), and needs only
    sums over the rows.
    """
    columns = np.stack([np.ones_like(odds), odds], axis=1) if slope else np.ones((len(odds), 1))
    offset = np.zeros_like(odds) if slope else odds
    start = _newton(y, columns, offset)

    def coefficient(counts: Floats) -> Floats:
        if start is None:
            return np.full(len(counts), np.nan)
        chance = _sigmoid(columns @ start + offset)
        steep = chance * (1 - chance)
        k = columns.shape[1]
        products = (columns[:, :, None] * columns[:, None, :]).reshape(len(y), k * k)
        hessian = (counts @ (products * steep[:, None])).reshape(-1, k, k)
        gradient = counts @ (columns * (y - chance)[:, None])
        flat = np.abs(np.linalg.det(hessian)) < 1e-12
        hessian[flat] = np.eye(k)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        return np.where(flat, np.nan, start[-1] + step[:, -1])

    return coefficient


def _newton(y: Floats, columns: Floats, offset: Floats) -> Floats | None:
    """Return the maximum-likelihood coefficients; None if there is no finite maximum."""
    found = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        chance = _sigmoid(columns @ found + offset)
        hessian = columns.T @ (columns * (chance * (1 - chance))[:, None])
        try:
            step = np.linalg.solve(hessian, columns.T @ (y - chance))
        except np.linalg.LinAlgError:
            return None
        found = found + step
        if not np.isfinite(found).all() or np.abs(found).max() > 1e3:
            return None
        if np.abs(step).max() < _CLOSE:
            return np.asarray(found)
    return None


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds.clip(-700, 700))))
