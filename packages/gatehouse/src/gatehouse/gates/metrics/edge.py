"""Intervals where every resample is alike, as if few rows proved it: shares that are 0 or 1.

Wilson's score interval (1927) knows how few they were. Means and differences of shares combine
their intervals by MOVER (Zou and Donner 2008), as Newcombe (1998, method 10) does for a difference.
"""

from __future__ import annotations

import math

import numpy as np

from gatehouse.contract import Task
from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.bootstrap import wilson_interval
from gatehouse.gates.predictions import Predictions

Told = tuple[Interval, str]

METHOD = "Wilson score interval, since the share is 0 or 1"
MEAN = "Wilson score intervals of the classes' recalls by MOVER, since all are 0 or 1"
DIFFERENCE = "candidate - base, two-sample MOVER, since a share is 0 or 1"
METHODS = {"accuracy": METHOD, "recall": METHOD, "precision": METHOD, "balanced_accuracy": MEAN}


def edge_interval(
    predictions: Predictions, name: str, where: str, value: float, confidence: float
) -> Told | None:
    """Interval and method of a metric of `METHODS` whose value is 0 or 1; None of all others."""
    if name not in METHODS or value not in (0, 1):
        return None
    sides = [
        wilson_interval(int(value) * n, n, confidence) for n in _rows(predictions, name, where)
    ]
    width = math.hypot(*(side.high - side.low for side in sides)) / len(sides)
    low, high = (1 - width, 1.0) if value else (0.0, width)
    return Interval(low=low, high=high, confidence=confidence), METHODS[name]


def _rows(predictions: Predictions, name: str, where: str) -> list[int]:
    """How many rows each share divides by."""
    if name == "accuracy":
        return [len(predictions.labels)]
    if name == "balanced_accuracy":
        return [int(n) for n in np.unique(predictions.labels, return_counts=True)[1]]
    among = predictions.labels if name == "recall" else predictions.decisions
    several = predictions.task is Task.MULTICLASS
    place = predictions.classes.index(where.removeprefix("class=")) if several else 1
    return [int((among == place).sum())]


def edge_difference(ours: Measurement, theirs: Measurement) -> Told | None:
    """Interval and method of the difference of rows drawn apart; None where no share is 0 or 1."""
    if not {ours.method, theirs.method} & {METHOD, MEAN}:
        return None
    if ours.interval is None or theirs.interval is None:
        return None
    assert ours.value is not None and theirs.value is not None
    a, b, value = ours.interval, theirs.interval, ours.value - theirs.value
    low = value - math.hypot(ours.value - a.low, b.high - theirs.value)
    high = value + math.hypot(a.high - ours.value, theirs.value - b.low)
    return Interval(low=low, high=high, confidence=a.confidence), DIFFERENCE
