"""The ladder: answers about a sealed exam that stay right after many adaptive questions.

An answer is the best value so far. Only a candidate that is better by at least a step, and surely
better, gets a new one, rounded to the step (the ladder mechanism, Blum and Hardt 2015). All other
candidates get the same answer, so that their authors learn nothing about the rows. "Surely" holds
for all questions of the budget together (Bonferroni).
"""

from __future__ import annotations

import math
from statistics import NormalDist

_LEVEL = 0.05
"""Probability that chance alone makes any answer of the whole budget better."""


def rounded(value: float, step: float) -> float:
    """Return the multiple of `step` that is nearest to `value`."""
    return round(round(value / step) * step, 9)


def climb(answer: float, value: float, error: float, *, step: float, budget: int) -> float:
    """Return the answer on a candidate, for a metric that is better if it is higher.

    Args:
        answer: the best answer so far.
        value: the candidate's metric on the sealed rows.
        error: standard error of the difference between the candidate and the model that the answer
            is about, on these rows.
        step: smallest improvement that an answer shows.
        budget: number of questions that the sealed rows may answer.
    """
    # The model of the answer may be half a step better than the answer says.
    sure = value - answer - step / 2 > NormalDist().inv_cdf(1 - _LEVEL / budget) * error
    return rounded(value, step) if sure and value >= answer + step else answer


def rounded_up(variance: float) -> float:
    """Return a positive number with one significant digit that is not below `variance`."""
    scale = 10.0 ** math.floor(math.log10(variance))
    return math.ceil(variance / scale) * scale
