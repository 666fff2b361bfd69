"""The usual values of a numeric column, and those that lie far from them.

Stand-ins for missing values (-999, 9999999, 2147483647) and slips of units lie far from all other
values. Few of them set a column's mean and standard deviation, and so hide what the others do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_REACH = 10.0
"""Widths of the densest half beyond which a value is far: 14 deviations of a normal column."""
_HEAVIEST = 0.05
"""Share of the rows that one value counts for at most: a column whose most frequent value is 0, or
999, is not narrow for that."""
_OTHER_PLACE = 0.5
"""Where the far shares of two samples differ by more, the values themselves moved."""


class Usual(NamedTuple):
    """The span of usual values; both ends are usual."""

    low: float
    high: float

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        return (values >= self.low) & (values <= self.high)


EVERYTHING = Usual(-np.inf, np.inf)


def usual_values(old: Floats, new: Floats) -> Usual:
    """The span of the usual values of two samples of finite numbers, neither of them empty.

    It reaches 10 widths beyond the shortest interval that holds more than half of both samples
    together, each counted as one whole: the shortest half, which holds where up to half of the
    values are wild (Rousseeuw, Leroy, "A robust scale estimator based on the shortest half",
    1988). Where the samples lie apart it spans both, so a shift as a whole is not taken for wild
    values. Where only one value occurs, every value is usual.
    """
    values, weights = _weights(old, new)
    if len(values) < 2:
        return EVERYTHING
    with np.errstate(over="ignore"):  # an infinite width or end is right: nothing lies beyond
        first, last = _shortest_half(values, weights)
        if first == last:  # one value alone: the nearest other one gives the scale
            steps = np.diff(values)
            before = steps[first - 1] if first else np.inf
            after = steps[first] if first < len(steps) else np.inf
            first, last = (first - 1, last) if before <= after else (first, last + 1)
        reach = _REACH * (values[last] - values[first])
        usual = Usual(float(values[first] - reach), float(values[last] + reach))
    shares = [usual.holds(sample).mean() for sample in (old, new)]
    if abs(shares[0] - shares[1]) > _OTHER_PLACE or min(shares) == 0:
        return EVERYTHING
    return usual


def _weights(old: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Distinct values in order, and each one's share of both samples, capped."""
    values, index = np.unique(np.concatenate([old, new]), return_inverse=True)
    parts = np.split(index, [len(old)])
    share = sum(np.bincount(part, minlength=len(values)) / len(part) for part in parts) / 2
    return values, np.minimum(share, max(_HEAVIEST, 1 / len(index)))


def _shortest_half(values: Floats, weights: Floats) -> tuple[int, int]:
    """The first and last place of the shortest interval with more than half of the weight."""
    upto = np.concatenate([[0.0], np.cumsum(weights)])
    last = np.searchsorted(upto[1:], upto[:-1] + upto[-1] / 2, side="right")
    first = np.flatnonzero(last < len(values))
    widths = values[last[first]] - values[first]
    best = int(np.argmin(widths))
    return int(first[best]), int(last[first[best]])
