"""The scale of differences of numbers, whatever their units."""

from __future__ import annotations

import numpy as np

from gatehouse.gates.bootstrap import Floats

_NORMAL = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""


def robust_deviation(values: Floats) -> float:
    """The interquartile range over 1.349: of a normal distribution its standard deviation.

    One wild value moves it by next to nothing, while it would blow up the standard deviation, and
    so make every difference look small. Where half of the values are equal it is the standard
    deviation, and of a constant 1.

    Source: Hampel, "The influence curve and its role in robust estimation", 1974.
    """
    low, high = np.quantile(values, [0.25, 0.75])
    if high > low:
        return float(high - low) / _NORMAL
    return float(values.std()) if np.ptp(values) > 0 else 1.0
