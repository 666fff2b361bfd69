"""Simulated tables whose true metrics are known, each with a base and a candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gatehouse.contract import Task
from gatehouse.gates.predictions import Predictions

Pair = tuple[Predictions, Predictions]
Make = Callable[[int, np.random.Generator], Pair]


@dataclass(frozen=True)
class Case:
    """One setting.

    Attributes:
        name: for the table.
        make: draws a table of some rows: what candidate and base predict.
        metrics: those that are simulated.
        equal: are both models equally good?
    """

    name: str
    make: Make
    metrics: tuple[str, ...]
    equal: bool = False


RATES = ("roc_auc", "accuracy", "balanced_accuracy", "f1", "recall", "log_loss", "brier_score_loss")
ERRORS = ("mean_absolute_error", "root_mean_squared_error", "r2")


def _binary(y: np.ndarray, z: np.ndarray) -> Predictions:
    scores = 1 / (1 + np.exp(-z))
    return Predictions(y, scores, (scores >= 0.5).astype(np.float64))


def _balanced(n: int, rng: np.random.Generator) -> Pair:
    """24 % positives; the candidate is as good, and differs a little on each row."""
    y = (rng.random(n) < 0.24).astype(np.float64)
    z = rng.normal(2.2 * y - 2, 1)
    return _binary(y, z + rng.normal(0, 0.2, n)), _binary(y, z + rng.normal(0, 0.2, n))


def _rare(n: int, rng: np.random.Generator) -> Pair:
    """0.5 % positives, a tenth of which no model can find."""
    y = (rng.random(n) < 0.005).astype(np.float64)
    hard = rng.random(n) < 0.1
    z = rng.normal(np.where(hard, 0.0, 3.0) * y - 5, 1)
    return _binary(y, z + rng.normal(0, 0.2, n)), _binary(y, z + rng.normal(0, 0.2, n))


def _weighted(n: int, rng: np.random.Generator) -> Pair:
    """Rows that count unlike, and that are harder the more they count."""
    y = (rng.random(n) < 0.4).astype(np.float64)
    weights = rng.lognormal(0, 0.7, n)
    z = rng.normal(1.5 * y - 0.75, np.where(weights > 1, 1.5, 0.7))
    pair = _binary(y, z + rng.normal(0, 0.2, n)), _binary(y, z + rng.normal(0, 0.2, n))
    ours, theirs = (replace(each, weights=weights) for each in pair)
    return ours, theirs


def _grouped(n: int, rng: np.random.Generator) -> Pair:
    """Groups of 1 to 9 rows, which share much of label and score."""
    units = np.repeat(np.arange(n), rng.integers(1, 10, n))[:n]
    of_group = rng.normal(0, 1, (3, int(units.max()) + 1))[:, units]
    y = (0.8 * of_group[0] + 0.6 * rng.normal(0, 1, n) > 0.5).astype(np.float64)
    z = 1.5 * y - 1 + 0.8 * of_group[1] + 0.6 * rng.normal(0, 1, n)
    change = 0.2 * of_group[2] + 0.1 * rng.normal(0, 1, n)
    ours, theirs = (replace(_binary(y, each), units=units) for each in (z + change, z))
    return ours, theirs


def _number(errors: Callable[[int, np.random.Generator], np.ndarray]) -> Make:
    def make(n: int, rng: np.random.Generator) -> Pair:
        labels, noise = rng.normal(0, 2, n), errors(n, rng)
        values = labels + noise
        other = values + rng.normal(0, 0.1, n)
        return (
            Predictions(labels, other, other, Task.REGRESSION),
            Predictions(labels, values, values, Task.REGRESSION),
        )

    return make


CASES = (
    Case("24 % positives", _balanced, RATES, equal=True),
    Case("0.5 % positives", _rare, RATES, equal=True),
    Case("weights", _weighted, RATES, equal=True),
    Case("groups", _grouped, RATES),
    Case("normal errors", _number(lambda n, rng: rng.normal(0, 1, n)), ERRORS),
    Case("errors t3", _number(lambda n, rng: rng.standard_t(3, n)), ERRORS),
    Case(
        "errors lognormal",
        _number(lambda n, rng: rng.lognormal(0, 1, n) - np.exp(0.5)),
        ERRORS,
    ),
)
