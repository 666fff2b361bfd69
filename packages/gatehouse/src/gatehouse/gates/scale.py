"""A scale for differences of numbers that works for every unit."""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats

_NORMAL = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""


def robust_deviation(values: Floats) -> float:
    """Return the interquartile range over 1.349, which for a normal distribution is its deviation.

    One wild value hardly moves it, but would inflate the standard deviation and make every
    difference look small. If half of the values are equal, the standard deviation is returned, and
    1 for a constant.

    Source: Hampel, "The influence curve and its role in robust estimation", 1974.
    """
    low, high = np.quantile(values, [0.25, 0.75])
    if high > low:
        return float(high - low) / _NORMAL
    return float(values.std()) if np.ptp(values) > 0 else 1.0
