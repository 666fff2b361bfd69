"""The usual values of a numeric column, and those that lie far from them.

Stand-ins for missing values (-999, 9999999, 2147483647) and unit errors lie far from all other
values. A few of them dominate a column's mean and standard deviation and so hide changes of the
other values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_REACH = 10.0
"""A value is far beyond this many widths of the densest half: 14 deviations of a normal column."""
_HEAVIEST = 0.05
"""Maximum share of the rows that one value can count for. Otherwise a column whose most frequent
value is 0, or 999, would look narrow."""
_OTHER_PLACE = 0.5
"""If the far shares of two samples differ by more than this, the values themselves moved."""


class Usual(NamedTuple):
    """Range of usual values; both ends are included."""

    low: float
    high: float

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        return (values >= self.low) & (values <= self.high)

    def decades(self, values: Floats) -> NDArray[np.intp]:
        """Return a cell for each value by its distance from the middle of the range, [N].

        Usual values are in cell 0. Values above are in the cells 1, 3, 5, ... if their distance is
        up to 10, 100, 1,000, ... times that of the end, and values below in the cells 2, 4, 6, ...
        """
        cells = np.zeros(len(values), np.intp)
        far = np.flatnonzero(~self.holds(values))
        if not len(far):
            return cells
        # Halves, because the distance between the smallest and the largest number is infinite.
        middle = self.low / 2 + self.high / 2
        reach = self.high / 2 - middle / 2
        away = np.abs(values[far] / 2 - middle / 2)
        decade = np.ceil(np.log10(away) - np.log10(reach)).clip(1, 700).astype(np.intp)
        cells[far] = 2 * decade - (values[far] > self.high)
        return cells


EVERYTHING = Usual(-np.inf, np.inf)


def usual_values(old: Floats, new: Floats) -> Usual:
    """Return the range of the usual values of two non-empty samples of finite numbers.

    It reaches 10 widths beyond the shortest interval that holds more than half of both samples
    together, with each sample weighted equally. This shortest half works even if up to half of the
    values are wild (Rousseeuw, Leroy, "A robust scale estimator based on the shortest half",
    1988). If the samples lie apart, the interval spans both, so that a shift of all values is not
    taken for wild values. If only one value occurs, every value is usual.
    """
    values, weights = _weights(old, new)
    if len(values) < 2:
        return EVERYTHING
    with np.errstate(over="ignore"):  # infinite width or end: no value is far
        first, last = _shortest_half(values, weights)
        if first == last:  # only one value: the nearest other one gives the scale
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
    """Return the distinct values in order, and each one's capped share of both samples."""
    values, index = np.unique(np.concatenate([old, new]), return_inverse=True)
    parts = np.split(index, [len(old)])
    share = sum(np.bincount(part, minlength=len(values)) / len(part) for part in parts) / 2
    return values, np.minimum(share, max(_HEAVIEST, 1 / len(index)))


def _shortest_half(values: Floats, weights: Floats) -> tuple[int, int]:
    """Return the first and last index of the shortest interval with over half of the weight."""
    upto = np.concatenate([[0.0], np.cumsum(weights)])
    last = np.searchsorted(upto[1:], upto[:-1] + upto[-1] / 2, side="right")
    first = np.flatnonzero(last < len(values))
    widths = values[last[first]] - values[first]
    best = int(np.argmin(widths))
    return int(first[best]), int(last[first[best]])
