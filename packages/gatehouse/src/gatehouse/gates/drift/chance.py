"""What chance does to the distance between two samples, whose counts over K cells are known.

A distance between two samples is never 0, and with many cells it is large even if nothing changed.
So it is compared with two simulations:

- *permutation*: all rows are dealt again to two samples of the same sizes (Good, "Permutation,
  Parametric and Bootstrap Tests of Hypotheses", 2005). The share of deals with at least this
  distance is the p-value of no change. Beyond the tenth largest of the simulated distances, it is
  the tail of a Pearson III distribution with their mean, variance and skewness (Winkler et al.,
  "Faster permutation inference in brain imaging", 2016);
- *bootstrap*: each sample is drawn again from itself, and the distance of the two samples' errors
  is recorded. By the triangle inequality, the measured distance differs from the true one by at
  most the distance of the errors. Its 95 % quantile on either side of the measured distance is
  therefore an interval for the true one, however large that is. The reported value is the
  distance that, with these errors added, is on average as large as the measured one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval

Floats = NDArray[np.float64]
Distance = Callable[[Floats], Floats]
"""Maps differences of shares, [B, K], to distances, [B]."""

CONFIDENCE = 0.95
_DRAWS = 500
_FEW, _HALVINGS = 100, 10
_ENOUGH = 10
"""Simulated distances beyond the measured one from which their share is the p-value."""


class Chance(NamedTuple):
    """A distance, judged.

    Attributes:
        effect: the distance less what chance adds to it, at least 0.
        interval: of the true distance; None if both samples have equal counts.
        p_value: of no change.
    """

    effect: float
    interval: Interval | None
    p_value: float


NONE = Chance(0.0, None, 1.0)


def beside_chance(counts: NDArray[np.int64], distance: Distance) -> Chance:
    """Return the distance of two samples, with counts of shape [2, K], and what chance gives.

    The draws always have the same seed, so that equal counts give equal numbers.
    """
    sizes = counts.sum(axis=1, keepdims=True)
    shares = counts / sizes
    measured = float(distance(shares[:1] - shares[1:])[0])
    if measured == 0:
        return NONE
    rng = np.random.default_rng(0)
    (old, new), pooled = sizes[:, 0], counts.sum(axis=0)
    dealt = rng.multivariate_hypergeometric(pooled, old, size=_DRAWS, method="marginals")
    p_value = _tail(measured, distance(dealt / old - (pooled - dealt) / new))
    errors = [rng.multinomial(n, each, size=_DRAWS) / n - each
              for n, each in zip((old, new), shares, strict=True)]  # fmt: skip
    noise = distance(errors[0] - errors[1])
    reach = float(np.quantile(noise, CONFIDENCE))
    interval = Interval(
        low=max(0.0, measured - reach), high=measured + reach, confidence=CONFIDENCE
    )
    noisy = (errors[0] - errors[1])[:_FEW]
    share = _without_noise(measured, shares[0] - shares[1], noisy, distance)
    return Chance(share * measured, interval, p_value)


def _without_noise(measured: float, moved: Floats, noise: Floats, distance: Distance) -> float:
    """Return the share of a movement, [K], that with noise, [B, K], gives the measured distance.

    The noise adds most to a movement that is no larger, and to one that is spread over many cells.
    """
    low, high = 0.0, 1.0
    if float(distance(noise).mean()) >= measured:
        return 0.0
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        if float(distance(share * moved + noise).mean()) < measured:
            low = share
        else:
            high = share
    return high


def _tail(measured: float, null: Floats) -> float:
    """Return the p-value of a distance, given its values if nothing changed, shape [B]."""
    from scipy import stats

    beyond = int((null >= measured * (1 - 1e-9)).sum())
    if beyond < _ENOUGH and (largest := float(null.max())) > 0:
        null = null / largest  # so that no square is infinite
        mean, deviation = float(null.mean()), float(null.std())
        if deviation > 1e-9:
            skewness = max(float((((null - mean) / deviation) ** 3).mean()), 1e-3)
            return float(stats.pearson3.sf(measured / largest, skewness, mean, deviation))
    return (1 + beyond) / (1 + len(null))


def total_variation(differences: Floats) -> Floats:
    """Return the share of rows that moved to another cell, [B]."""
    return np.asarray(np.abs(differences).sum(axis=1) / 2)


def wasserstein(places: Floats, scale: float) -> Distance:
    """Return the Wasserstein distance over `scale`, for cells at these ascending places, [K]."""
    gaps = np.diff(places) / scale

    def distance(differences: Floats) -> Floats:
        return np.asarray(np.abs(np.cumsum(differences, axis=1)[:, :-1]) @ gaps)

    return distance
