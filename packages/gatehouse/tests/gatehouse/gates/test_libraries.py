"""Attacks the arithmetic of fairness and drift: Fairlearn's and Evidently's own, on twenty tables.

The tables differ in rows, columns, groups, kinds of values and shares. The gates have forms of
their own, since they resample; without resampling, the values are those of the libraries. Rows have
no weights in either gate, so there are none here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from evidently.legacy.calculations.stattests import wasserstein_stat_test
from evidently.legacy.calculations.stattests.tvd_stattest import _total_variation_distance
from evidently.legacy.core import ColumnType
from fairlearn import metrics as fl
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.gates.drift import measure as drift
from gatehouse.gates.drift.chance import Chance, Distance, beside_chance
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy

TABLES = pytest.mark.parametrize("table", range(20))
_GROUPS = (["a", "b"], [0, 1, 2], [True, False], [0.5, 1.5], ["x", "y", "z", None])


def attributes(rng: np.random.Generator, table: int, n: int) -> pd.DataFrame:
    """Two protected columns of unequal groups: text, numbers, truth values, missing ones."""
    found = {}
    for name, kind in (("g", table % 5), ("h", (table // 2) % 5)):
        values = np.array([*_GROUPS[kind]], dtype=object)
        shares = rng.dirichlet(np.full(len(values), 8.0)).clip(0.15)
        found[name] = rng.choice(values, n, p=shares / shares.sum())
    return pd.DataFrame(found).astype(object)


def predicted(rng: np.random.Generator, task: Task, rows: pd.DataFrame) -> Predictions:
    """Predictions that are better than chance, and worse for some groups."""
    n, k = len(rows), 2 if task is Task.BINARY else 3
    if task is Task.REGRESSION:
        labels = rng.normal(100, 15, n)
        values = labels + rng.normal(2, 5, n) * (1 + pd.factorize(rows["g"])[0])
        return Predictions(labels, values, values, task)
    labels = rng.integers(0, k, n).astype(float)
    better = rng.random(n) < 0.6 + 0.08 * pd.factorize(rows["h"])[0]
    decisions = np.where(better, labels, rng.integers(0, k, n)).astype(float)
    if task is Task.BINARY:
        return Predictions(labels, decisions * 0.8, decisions)
    return Predictions(labels, decisions * 0 + 0.8, decisions, task, ("p", "q", "r"))


def slices(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The columns of each attribute and of both together, as Fairlearn takes them."""
    told = rows.map(lambda value: "(missing)" if pd.isna(value) else str(value))
    return {"g": told[["g"]], "h": told[["h"]], "g & h": told}


def named(columns: pd.DataFrame, group: object) -> str:
    values = group if isinstance(group, tuple) else (group,)
    return " & ".join(f"{name}={value}" for name, value in zip(columns, values, strict=True))


@TABLES
def test_fairness_is_fairlearns(table: int, policy: Policy) -> None:
    """Attacks rates of groups and gaps between them, of each attribute and of both together."""
    rng = np.random.default_rng(table)
    task = tuple(Task)[table % 3]
    rows = attributes(rng, table, n=3_000 + 700 * table)
    p = predicted(rng, task, rows)
    measured = fairness.measure_rows(rows, ["g", "h"], [p], policy)
    found = {(m.name, m.slice): m.value for m in measured}
    checked = 0
    for where, columns in slices(rows).items():
        for name, expected in fairlearns(p, columns).items():
            assert found[name, where] == pytest.approx(expected), (name, where)
            checked += 1
        for name, frame in of_groups(p, columns).items():
            for group, value in frame.by_group.items():
                assert found[name, named(columns, group)] == pytest.approx(value), (name, group)
                checked += 1
    assert checked >= 9


def of_groups(p: Predictions, columns: pd.DataFrame) -> dict[str, fl.MetricFrame]:
    """Fairlearn's rates of each group."""
    metrics = {
        Task.BINARY: {
            "selection_rate": fl.selection_rate,
            "true_positive_rate": fl.true_positive_rate,
            "false_positive_rate": fl.false_positive_rate,
            "accuracy": sk.accuracy_score,
        },
        Task.MULTICLASS: {"accuracy": sk.accuracy_score},
        Task.REGRESSION: {"mean_absolute_error": sk.mean_absolute_error},
    }[p.task]
    decided = p.scores if p.task is Task.REGRESSION else p.decisions
    return {
        name: fl.MetricFrame(
            metrics=metric, y_true=p.labels, y_pred=decided, sensitive_features=columns
        )
        for name, metric in metrics.items()
    }


def fairlearns(p: Predictions, columns: pd.DataFrame) -> dict[str, float]:
    """Fairlearn's gaps."""
    if p.task is Task.REGRESSION:
        spread = np.subtract(*np.quantile(p.labels, [0.75, 0.25])) / 1.349
        frame = of_groups(p, columns)["mean_absolute_error"]
        return {"group_loss_difference": frame.difference() / spread}
    classes = [1] if p.task is Task.BINARY else [0, 1, 2]
    gaps = {
        name: max(
            getattr(fl, name)(p.labels == k, (p.decisions == k).astype(int),
                              sensitive_features=columns)
            for k in classes
        )
        for name in ("demographic_parity_difference", "equalized_odds_difference")
    }  # fmt: skip
    if p.task is Task.MULTICLASS:
        gaps["accuracy_score_difference"] = of_groups(p, columns)["accuracy"].difference()
    return gaps


def column(rng: np.random.Generator, kind: int, n: int, moved: float) -> pd.Series:
    """Numbers of one of five kinds, or categories; `moved` shifts them."""
    match kind:
        case 0:
            return pd.Series(rng.normal(moved, 1 + moved, n))
        case 1:
            return pd.Series(rng.uniform(0, 1e6 * (1 + moved), n))
        case 2:
            return pd.Series(rng.poisson(30 + 10 * moved, n))
        case 3:
            return pd.Series(rng.choice([-1e-1, 1e-1], n, p=[0.5 - moved / 3, 0.5 + moved / 3]))
        case 4:
            return pd.Series(rng.random(n).round(2) < 0.4 + moved).astype(float)
    levels = np.array([f"level {i}" for i in range(2 * kind)], dtype=object)
    weights = np.arange(1, len(levels) + 1) ** moved
    return pd.Series(rng.choice(levels, n, p=weights / weights.sum()))


@TABLES
def test_drift_is_evidentlys(table: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks the distances of numbers and categories, from which the gate takes chance off.

    Numbers are binned, which changes their distance by less than 1 %.
    """
    rng = np.random.default_rng(table)
    old_rows, new_rows = 300 * (table + 1), (15_000 if table % 4 == 0 else 1_000 + 50 * table)
    kinds = {f"c{kind}": kind for kind in range(5 + 1 + table % 4)}
    moved = [0.0, 0.05, 0.2, 0.4][table % 4]
    old = pd.DataFrame({name: column(rng, k, old_rows, 0.0) for name, k in kinds.items()})
    new = pd.DataFrame({name: column(rng, k, new_rows, moved) for name, k in kinds.items()})
    kept: list[float] = []

    def keeping(counts: NDArray[np.int64], distance: Distance) -> Chance:
        shares = counts / counts.sum(axis=1, keepdims=True)
        kept.append(float(distance(shares[:1] - shares[1:])[0]))
        return beside_chance(counts, distance)

    monkeypatch.setattr(drift, "beside_chance", keeping)
    for name, kind in kinds.items():
        kept[:] = []
        if kind >= 5:
            test = drift.compare_categories(name, old[name], new[name], 1)
            theirs = _total_variation_distance(old[name], new[name])
        else:
            numbers = (each[name].to_numpy(np.float64) for each in (old, new))
            test = drift.compare_numbers(name, *numbers)[-1]
            arguments = (old[name], new[name], ColumnType.Numerical, None)
            theirs = wasserstein_stat_test(*arguments).drift_score
        assert kept[-1] == pytest.approx(theirs, rel=0.01 if kind < 5 else 1e-9)
        assert 0 <= test.effect <= kept[-1]
