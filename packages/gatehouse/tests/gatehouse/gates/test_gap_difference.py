"""Gaps against the base's, small groups together, weights and units: values and coverage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Task
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.fairness.means import Rows
from gatehouse.gates.fairness.measure import measure_rows
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy

GAP = "equalized_odds_difference"


def predicted(labels: Any, decisions: Any, task: Task = Task.BINARY, **kept: Any) -> Predictions:
    truth, said = (np.asarray(each, np.float64) for each in (labels, decisions))
    return Predictions(truth, said, said, task, **kept)


def models(
    sizes: tuple[int, ...], base: tuple[float, ...], ours: tuple[float, ...], seed: int = 0
) -> tuple[pd.DataFrame, list[Predictions]]:
    """Rows whose groups have these true positive rates; the models agree where these are equal."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = rng.random(len(groups)) < 0.4
    number = rng.random(len(groups))
    said = [
        (number < np.where(labels, np.asarray(rates)[groups], 0.1)) * 1.0 for rates in (ours, base)
    ]
    return pd.DataFrame({"g": groups}), [predicted(labels, d) for d in said]


def gaps(
    rows: pd.DataFrame, said: list[Predictions], policy: Policy, name: str = GAP
) -> dict[Of, Measurement]:
    quick = policy.measure.model_copy(update={"resamples": 300})
    found = measure_rows(rows, ["g"], said, policy.model_copy(update={"measure": quick}))
    return {m.of: m for m in found if (m.name, m.slice) == (name, "g")}


def test_equal_decisions_differ_by_exactly_nothing(policy: Policy) -> None:
    """Attacks smoothing and draws: a model against itself is 0 with an interval of no width."""
    rows, said = models((800, 700, 600), (0.5, 0.6, 0.6), (0.5, 0.6, 0.6))
    found = gaps(rows, said, policy)
    assert found[Of.CANDIDATE].value == found[Of.BASE].value
    change = found[Of.COMPARISON]
    assert change.value == 0
    assert change.interval
    assert (change.interval.low, change.interval.high) == (0, 0)


def test_a_gap_that_grew_within_the_absolute_limit_is_surely_worse(policy: Policy) -> None:
    """Attacks the absolute limit of 0.25 alone: 0.065 to 0.189 lies below it."""
    rows, said = models((5000, 2500), (0.6, 0.535), (0.6, 0.411))
    found = gaps(rows, said, policy)
    change = found[Of.COMPARISON]
    assert change.value is not None
    assert change.value == pytest.approx(0.124, abs=0.03)
    assert change.interval
    assert change.interval.low > 0.05
    assert low(found[Of.CANDIDATE]) < 0.25


def test_a_gap_that_moves_to_another_pair_is_no_larger_gap(policy: Policy) -> None:
    """Attacks differences pair by pair: the largest gap is the same, and so is the difference."""
    rows, said = models((4000, 4000, 4000), (0.6, 0.4, 0.6), (0.6, 0.6, 0.4))
    change = gaps(rows, said, policy)[Of.COMPARISON]
    assert change.interval
    assert change.interval.low < 0 < change.interval.high


@pytest.mark.parametrize(
    ("base", "ours"),
    [((0.6, 0.535), (0.6, 0.535)), ((0.6, 0.55), (0.6, 0.42)), ((0.6, 0.6), (0.6, 0.6)),
     ((0.6, 0.5, 0.6), (0.6, 0.6, 0.5)), ((0.02, 0.1), (0.02, 0.02))],
)  # fmt: skip
def test_the_true_difference_is_held(
    policy: Policy, base: tuple[float, ...], ours: tuple[float, ...]
) -> None:
    """Attacks coverage: one model's random numbers are mostly the other's, as after retraining."""
    truth, held = np.ptp(ours) - np.ptp(base), 0
    rng = np.random.default_rng(1)
    sizes = (900, 500, 400)[: len(base)]
    for seed in range(60):
        rows, said = models(sizes, base, ours, seed)
        noisy = np.where(rng.random(len(rows)) < 0.1, rng.permutation(said[0].decisions), 0)
        noisy = np.where(noisy > 0, said[1].decisions, said[0].decisions)
        change = gaps(rows, [predicted(said[0].labels, noisy), said[1]], policy)
        interval = change[Of.COMPARISON].interval
        assert interval
        held += interval.low - 0.02 <= truth <= interval.high + 0.02
    assert held >= 50  # 54 are expected; fewer than 50 have a chance of 3 %


def test_small_groups_decide_together(policy: Policy) -> None:
    """Attacks bias that hides in many groups of 60 rows: as one group, they are large enough."""
    sizes = (3000, *(60,) * 12)
    rows, said = models(sizes, (0.6,) * 13, (0.6, *(0.2,) * 12))
    found = gaps(rows, said, policy)
    assert low(found[Of.CANDIDATE]) > 0.25
    assert found[Of.CANDIDATE].n == len(rows)
    assert low(found[Of.COMPARISON]) > 0.2
    listed = {m.slice: m for m in measure_rows(rows, ["g"], said, policy)
              if m.name == "true_positive_rate"}  # fmt: skip
    assert listed["g=(small groups)"].decides
    assert not listed["g=5"].decides


def low(measured: Measurement) -> float:
    assert measured.interval
    return measured.interval.low


def of_groups(found: list[Measurement], name: str) -> dict[str, Measurement]:
    return {m.slice: m for m in found if m.name == name and m.of is Of.CANDIDATE}


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_weight_counts_as_often_as_it_says(policy: Policy, task: Task) -> None:
    """Attacks rows that are counted once: values are those of rows repeated by their weights."""
    rng = np.random.default_rng(0)
    groups, weights = rng.integers(0, 3, 1200), rng.integers(1, 4, 1200)
    labels, decisions = rng.integers(0, 2, 1200), rng.integers(0, 2, 1200)
    whole = predicted(labels, decisions, task, weights=weights * 1.0)
    again = np.repeat(np.arange(1200), weights)
    repeated = predicted(labels[again], decisions[again], task)
    name = "true_positive_rate" if task is Task.BINARY else "mean_error"
    found = of_groups(measure_rows(pd.DataFrame({"g": groups}), ["g"], [whole], policy), name)
    other = of_groups(measure_rows(pd.DataFrame({"g": groups[again]}), ["g"], [repeated], policy),
                      name)  # fmt: skip
    for where, m in found.items():
        assert m.value == pytest.approx(other[where].value)
        assert m.interval
        narrow = other[where].interval
        assert narrow
        assert m.interval.high - m.interval.low > narrow.high - narrow.low  # fewer rows


def test_equal_weights_change_nothing(policy: Policy) -> None:
    """Attacks the scale of weights: 7 for each row is 1 for each row."""
    rows, said = models((900, 400), (0.6, 0.5), (0.6, 0.4))
    heavy = [replace(p, weights=np.full(1300, 7.0)) for p in said]
    found, other = gaps(rows, said, policy), gaps(rows, heavy, policy)
    for of, plain in found.items():
        weighted = other[of]
        assert plain.interval
        assert weighted.interval
        assert weighted.value == pytest.approx(plain.value)
        assert weighted.interval.low == pytest.approx(plain.interval.low)
        assert weighted.interval.high == pytest.approx(plain.interval.high)


def test_rows_of_one_unit_count_once(policy: Policy) -> None:
    """Attacks clusters: each row ten times over, in a unit of its own, gives the same interval."""
    rows, said = models((900, 600), (0.6, 0.5), (0.6, 0.4))
    again: Any = np.repeat(np.arange(1500), 10)
    units = [replace(p.of_rows(again), units=again) for p in said]
    plain = gaps(rows, said, policy)[Of.COMPARISON]
    clustered = gaps(rows.iloc[again], units, policy)[Of.COMPARISON]
    assert plain.interval
    assert clustered.interval
    assert clustered.value == pytest.approx(plain.value)
    assert clustered.interval.low == pytest.approx(plain.interval.low, abs=0.01)
    assert clustered.interval.high == pytest.approx(plain.interval.high, abs=0.01)
    own = of_groups(measure_rows(rows.iloc[again], ["g"], units, policy), "selection_rate")
    assert own["g=0"].n == 900


def outcomes(codes: Any) -> list[Any]:
    return [(codes > 1) * 1.0, (codes % 2) * 1.0]


def test_merged_rows_are_the_rows() -> None:
    """Attacks merging: means and covariances equal those of single rows, with weights and units."""
    rng = np.random.default_rng(0)
    n = 500
    group, codes, units = rng.integers(0, 4, n), rng.integers(0, 4, n), rng.integers(0, 60, n)
    weights = rng.random(n) + 0.1
    choices: Any = ((None, None), (weights, None), (None, units), (weights, units))
    for kept in choices:
        single = Rows.of(group, 4, *kept)
        merged, code = Rows.merged(group, 4, codes, 4, *kept)
        one = single.means(outcomes(codes))
        other = merged.means(outcomes(code))
        for field in ("values", "centres", "covariance", "n", "effective"):
            np.testing.assert_allclose(getattr(other, field), getattr(one, field), atol=1e-12)


def test_gaps_of_errors_with_heavy_tails_hold_the_truth(policy: Policy) -> None:
    """Attacks the bootstrap's short tails: errors are Student's with 3 degrees of freedom."""
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [1200, 200, 120])
    bias = np.array([0.0, 0.0, 0.5])[groups]
    held = 0
    for _ in range(150):
        truth = rng.normal(0, 1.0, len(groups))
        said = truth + rng.standard_t(3, len(groups)) + bias
        p = predicted(truth, said, Task.REGRESSION)
        m = gaps(pd.DataFrame({"g": groups}), [p], policy, "mean_error_difference")[Of.CANDIDATE]
        assert m.interval
        held += m.interval.low <= 0.5 <= m.interval.high
    assert held / 150 >= 0.87
