"""The section `noise` of the policy: how much training alone moves each metric."""

from __future__ import annotations

import datetime
import math
from statistics import NormalDist
from typing import Annotated

from pydantic import Field

from gatehouse.evidence import RELEASED, Measurement
from gatehouse.typed import Frozen

SURE = 0.95
LEAST_SEEDS = 3
COMPARED = ("all", RELEASED)
"""Slices in which a comparison has all rows of the exam."""


class Noise(Frozen):
    """The spread of a metric over trainings that differ only in their seed."""

    date: datetime.date = Field(description="when it was measured")
    params: str = Field(description="digest of the training settings (train in params.yaml)")
    seeds: Annotated[int, Field(ge=LEAST_SEEDS)] = Field(description="how many models were trained")
    rows: Annotated[int, Field(ge=1)] = Field(description="of the valid split, which scored them")
    deviation: dict[str, Annotated[float, Field(ge=0)]] = Field(
        description="standard deviation of each metric over the seeds"
    )

    def moves(self, metric: str) -> float | None:
        """Return the difference that two trainings of one setting stay within in 95 % of all cases.

        It is t * sqrt(2) * deviation, with the quantile t of Student's distribution, because a
        deviation of a few seeds is itself uncertain. None if the metric was not measured.
        """
        deviation = self.deviation.get(metric)
        return None if deviation is None else _quantile(self.seeds - 1) * math.sqrt(2) * deviation

    def explains(self, measurement: Measurement) -> float | None:
        """Return `moves` if the measurement is a difference of models that is within it."""
        value, moves = measurement.value, self.moves(measurement.name)
        if measurement.neutral != 0 or measurement.slice not in COMPARED:
            return None
        if value is None or moves is None or abs(value) > moves:
            return None
        return moves


def _quantile(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's t (Abramowitz and Stegun 1964, 26.7.5).

    Within 1 % from 3 degrees of freedom on; the judge has no SciPy.
    """
    z = NormalDist().inv_cdf((1 + SURE) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / freedom**power for power, term in enumerate(terms, start=1)))
