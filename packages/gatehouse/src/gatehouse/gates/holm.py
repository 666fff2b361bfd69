"""Several tests together: adjusted p-values."""

from __future__ import annotations

import numpy as np


def holm(p_values: list[float]) -> list[float]:
    """Return step-down adjusted p-values in the order of the input (Holm 1979)."""
    values = np.asarray(p_values)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    result = np.empty_like(values)
    result[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in result]
