"""Bootstrap of metrics that have no closed form: one set of resamples for all metrics and models.

Rows, or whole units of rows, are resampled with replacement (Efron 1979) as counts. Every metric is
computed from the same counts, so that differences between two models on the same rows are paired.
Intervals are percentile intervals (Efron and Tibshirani 1993, chapter 13). The module also has the
score interval of a share (Wilson 1927).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval

Floats = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)
Statistic = Callable[[Floats], Floats]
"""Maps counts of shape [B, N] to values of shape [B]."""

_BLOCK_CELLS = 1_500_000


def resampled_counts(
    n: int, resamples: int, seed: int, size: int | None = None, *, row_cells: int | None = None
) -> Iterator[Floats]:
    """Yield how often each of `n` rows is drawn in each resample, in blocks of shape [B, n].

    Each resample draws `size` rows, or `n` if `size` is None. `row_cells` is the number of cells
    that a resample takes in all, if more than `n`.
    """
    rng = np.random.default_rng(seed)
    block = max(1, min(resamples, _BLOCK_CELLS // (row_cells or n)))
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        drawn = rng.integers(0, n, size=(count, size or n), dtype=np.int64)
        drawn += n * np.arange(count, dtype=np.int64)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * n)
        yield counts.reshape(count, n).astype(np.float64)


def bootstrap(
    metrics: Mapping[Key, Statistic],
    n: int,
    resamples: int,
    seed: int,
    *,
    size: int | None = None,
    units: NDArray[np.intp] | None = None,
    weights: Floats | None = None,
) -> dict[Key, Floats]:
    """Return the values of every metric over the resamples, each of shape [resamples].

    Args:
        metrics: statistics of the same `n` rows.
        n: number of rows.
        resamples: how many to draw.
        seed: of the draws.
        size: how many rows or units each resample draws; as many as there are by default.
        units: shape [n]; index of each row's unit, which is drawn as a whole.
        weights: shape [n]; how much each row counts.
    """
    parts: dict[Key, list[Floats]] = {name: [] for name in metrics}
    if units is not None:
        _, units = np.unique(units, return_inverse=True)
    drawn = n if units is None else int(units.max()) + 1
    for counts in resampled_counts(drawn, resamples, seed, size, row_cells=n):
        rows = counts if units is None else counts[:, units]
        if weights is not None:
            rows = rows * weights
        for name, metric in metrics.items():
            parts[name].append(metric(rows))
    return {name: np.concatenate(values) for name, values in parts.items()}


def percentile_interval(values: Floats, confidence: float) -> Interval | None:
    """Return the central interval that contains the share `confidence` of the resampled values.

    Resamples in which the metric is not defined (NaN) are left out. Returns None if the metric is
    defined in fewer than half of them.
    """
    defined = values[np.isfinite(values)]
    if len(defined) < max(2, len(values) // 2):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high), confidence=confidence)


def wilson(share: float, of: float, confidence: float) -> tuple[float, float]:
    """Return both ends of Wilson's score interval of a share of `of` rows, which may be a part."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = share + z**2 / (2 * of)
    wide = z * math.sqrt((max(share * (1 - share), 0.0) + z**2 / (4 * of)) / of)
    low, high = ((middle + end) / (1 + z**2 / of) for end in (-wide, wide))
    # If the share is 0 or 1, one end is exactly the share, which rounding would miss.
    return (low if share > 0 else 0.0), (high if share < 1 else 1.0)


def wilson_interval(hits: float, of: float, confidence: float) -> Interval:
    """Return Wilson's score interval of the share `hits / of`."""
    low, high = wilson(hits / of, of, confidence)
    return Interval(low=low, high=high, confidence=confidence)
