"""Test of a metric's fall over periods: weighted linear regression on time.

Each period counts by its inverse variance (fixed-effect meta-regression). If the periods scatter
more around the line than their standard errors explain, the slope's error grows by that ratio
(Birge 1932). The test is a one-sided z test, because the errors of the periods are known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from gatehouse.gates.bootstrap import Floats

METHOD = "weighted linear regression on time, inverse variances, Birge ratio; one-sided z test"


@dataclass(frozen=True)
class Trend:
    """How much a metric falls from the first period to the last.

    Attributes:
        fall: on the fitted line; negative if it rises.
        error: its standard error.
    """

    fall: float
    error: float

    @property
    def p_value(self) -> float:
        """One-sided p-value of no fall."""
        return NormalDist().cdf(-self.fall / self.error)


def trend_of(times: Floats, values: Floats, errors: Floats) -> Trend:
    """Return the fall of `values` over `times`, with standard errors above 0; each of shape [K].

    There are three periods or more, at different times.
    """
    weights = 1 / errors**2
    centred = times - np.average(times, weights=weights)
    spread = float((weights * centred**2).sum())
    slope = float((weights * centred * values).sum()) / spread
    fitted = np.average(values, weights=weights) + slope * centred
    scatter = float((weights * (values - fitted) ** 2).sum()) / (len(values) - 2)
    span = float(times.max() - times.min())
    return Trend(-slope * span, span * math.sqrt(max(1.0, scatter) / spread))
