"""The mean loss of a slice, with a one-sided test and an interval over independent units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatehouse.gates.bootstrap import Floats


@dataclass(frozen=True)
class Mean:
    """A mean loss of a slice.

    Attributes:
        value: the (weighted) mean.
        error: its standard error.
        units: number of independent units.
    """

    value: float
    error: float
    units: int

    @property
    def p_value(self) -> float:
        """One-sided p-value of Student's t test that the mean is at most 0."""
        from scipy.stats import t

        if not self.error:
            return 0.0 if self.value > 0 else 1.0
        return float(t.sf(self.value / self.error, self.units - 1))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Student's t interval of the mean."""
        from scipy.stats import t

        wide = float(t.ppf((1 + confidence) / 2, self.units - 1)) * self.error
        return self.value - wide, self.value + wide


def mean_of(
    losses: Floats, weights: Floats | None = None, units: NDArray[np.intp] | None = None
) -> Mean:
    """Return the mean of losses, with a standard error by linearization over units.

    Args:
        losses: shape [N], of two units or more.
        weights: shape [N]; None if all rows count the same.
        units: index of each row's unit, shape [N]; None if each row is one.
    """
    weighed = np.ones(len(losses)) if weights is None else weights
    total = float(weighed.sum())
    value = float((weighed * losses).sum() / total)
    parts = weighed * (losses - value)
    if units is not None:
        _, units = np.unique(units, return_inverse=True)
        parts = np.asarray(np.bincount(units, parts), np.float64)
    n = len(parts)
    variance = n / (n - 1) * float((parts**2).sum()) / total**2
    return Mean(value, math.sqrt(variance), n)
