"""Many protected attributes and many groups: bounded work, told limits, honest error rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from gatehouse.contract import Task
from gatehouse.decide import decide
from gatehouse.evidence import Measurement
from gatehouse.gates.fairness import gaps
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy, Rule
from gatehouse.verdict import Outcome
from tests.gatehouse.gates.test_gaps import rates_of

GAP = "equalized_odds_difference"


def policy_with(policy: Policy, **changes: Any) -> Policy:
    fair = policy.measure.fairness.model_copy(update=changes)
    measure = policy.measure.model_copy(update={"fairness": fair, "resamples": 300})
    return policy.model_copy(update={"measure": measure})


def drawn(
    attributes: int, rows: int, seed: int, values: str = "wxyz", lower: float = 0.0
) -> tuple[pd.DataFrame, Predictions]:
    """Rows of independent attributes; the first's first group has a TPR that is `lower` by so much.

    30 % are positive, and the model selects at a TPR of 0.6 and an FPR of 0.1.
    """
    rng = np.random.default_rng(seed)
    groups = pd.DataFrame({f"a{i}": rng.choice(list(values), rows) for i in range(attributes)})
    labels = rng.random(rows) < 0.3
    chance = np.where(labels, np.where(groups["a0"] == values[0], 0.6 - lower, 0.6), 0.1)
    decisions = (rng.random(rows) < chance).astype(np.float64)
    return groups, Predictions(labels.astype(np.float64), decisions, decisions)


def gaps_of(groups: pd.DataFrame, said: Predictions, policy: Policy) -> dict[str, Measurement]:
    found = fairness.measure_rows(groups, list(groups), [said], policy)
    return {m.slice: m for m in found if m.name == GAP}


def test_intersections_stop_at_the_policys_depth(policy: Policy) -> None:
    """Attacks the 127 intersections of seven attributes: the policy says how many are measured."""
    names = [f"a{i}" for i in range(7)]
    counts = [len(fairness.partitions(names, depth)) for depth in (1, 2, 3, 7, 9)]
    assert counts == [7, 28, 63, 127, 127]
    groups, said = drawn(3, 100, 0, "xy")
    for depth, count in ((1, 3), (2, 6), (3, 7)):
        assert len(gaps_of(groups, said, policy_with(policy, depth=depth))) == count


def test_the_repository_looks_at_pairs(policy: Policy) -> None:
    """Attacks the default: the policy crosses two attributes, with the key left out as well."""
    assert policy.measure.fairness.depth == 2
    content = policy.model_dump(mode="json")
    del content["measure"]["fairness"]["depth"]
    assert Policy.model_validate(content).measure.fairness.depth == 2


def test_a_group_for_each_row_is_counted_and_not_listed(policy: Policy) -> None:
    """Attacks the size of the evidence: 4,000 groups get 200 lines, and a note for the rest."""
    rng = np.random.default_rng(0)
    groups = pd.DataFrame({"zip": np.arange(4000).astype(str)})
    labels, decisions = (rng.integers(0, 2, 4000).astype(float) for _ in range(2))
    said = Predictions(labels, decisions, decisions)
    found = fairness.measure_rows(groups, ["zip"], [said], policy)
    assert len(found) == 201 * 4 + 3
    pool = [m for m in found if m.slice == "zip=(small groups)"]
    assert [m.decides for m in pool] == [True] * 4  # 4,000 rows together
    (gap,) = (m for m in found if m.name == GAP)
    assert gap.value is None
    assert "3,800 smaller groups are not listed one by one" in str(gap.note)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_group_that_is_not_listed_still_decides(policy: Policy, task: Task) -> None:
    """Attacks the limit on lines: the group that is treated worst is the smallest of 300."""
    rng = np.random.default_rng(0)
    sizes = np.r_[np.full(299, 130), 110]
    names = np.repeat([f"g{i:03}" for i in range(300)], sizes)
    worst = names == "g299"
    if task is Task.BINARY:
        decisions = (rng.random(len(names)) < np.where(worst, 0.02, 0.6)).astype(np.float64)
        said = Predictions(rng.integers(0, 2, len(names)).astype(float), decisions, decisions)
        name = "demographic_parity_difference"
    else:
        truth = rng.normal(0, 1, len(names))
        guess = truth + rng.normal(0, np.where(worst, 3.0, 0.2))
        said = Predictions(truth, guess, guess, task=task)
        name = "group_loss_difference"
    found = fairness.measure_rows(pd.DataFrame({"g": names}), ["g"], [said], policy)
    assert "g=g299" not in {m.slice for m in found}
    (gap,) = (m for m in found if m.name == name)
    assert "Bonferroni" in gap.method
    assert gap.interval is not None
    assert gap.interval.low > 0.25


@pytest.mark.slow
def test_one_of_many_gaps_is_hardly_ever_claimed_falsely(policy: Policy) -> None:
    """Attacks multiplicity: 15 gaps, none of them true, and at most a tenth of draws claim one."""
    quick = policy_with(policy, minimum_class_rows=20)
    draws = [gaps_of(*drawn(5, 2000, seed, "xy"), quick) for seed in range(30)]
    claimed = [any(m.interval and m.interval.low > 0 for m in found.values()) for found in draws]
    assert sum(claimed) <= 7  # 3 are expected at most; 8 or more have a chance of 1 %


def test_a_planted_gap_among_many_attributes_fails_the_rule(policy: Policy) -> None:
    """Attacks an adjustment that lets nothing fail: one attribute of seven, and no other slice."""
    rule = Rule(gate="fairness", measurement=GAP, slice="*", at_most=0.1, why="planted")
    quick = policy_with(policy, depth=1)
    found = gaps_of(*drawn(7, 8000, 0, lower=0.3), quick)
    failed = [name for name, m in found.items() if decide(rule, m)[0] is Outcome.FAIL]
    assert failed == ["a0"]
    clean = gaps_of(*drawn(7, 8000, 1), quick)
    assert Outcome.FAIL not in {decide(rule, m)[0] for m in clean.values()}


def test_more_gaps_move_only_the_end_that_proves_a_failure() -> None:
    """Attacks passes that get rarer with each attribute: the upper end is that of one gap alone."""
    rates = [rates_of(np.array([40, 100, 120]), np.full(3, 200))]
    alone = gaps.largest_gap(rates, gaps.Draws(0.9, 2000, 0))
    among = gaps.largest_gap(rates, gaps.Draws(0.9, 2000, 0, family=28))
    assert alone is not None
    assert among is not None
    assert among[1].low < alone[1].low
    assert among[1].high == alone[1].high
    hits, of = np.array([30.0, 60.0]), np.array([200.0, 200.0])
    one, many = (gaps.smallest_ratio(hits, of, 0.9, family) for family in (1, 28))
    assert one is not None
    assert many is not None
    assert many[1].low == one[1].low
    assert many[1].high > one[1].high


def test_many_groups_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks the short cut without draws: normal intervals at Bonferroni's level."""
    monkeypatch.setattr(gaps, "MANY", 2)
    hits, of = np.array([20, 50, 40]), np.array([100, 100, 100])
    found = gaps.largest_gap([rates_of(hits, of)], gaps.Draws(0.9, 100, 0, family=2))
    assert found is not None
    assert found[0] == pytest.approx(0.3)
    p = (hits + 1) / (of + 2)
    errors = np.sqrt(p * (1 - p) / (of + 2))
    error, gap = np.hypot(errors[0], errors[1]), p[1] - p[0]
    assert found[1].low == pytest.approx(gap - norm.isf(0.1 / 12) * error)
    assert found[1].high == pytest.approx(gap + norm.isf(0.1 / 6) * error)


@pytest.mark.parametrize("rate", [0.6, 0.05])
def test_the_true_gap_of_many_groups_is_held(rate: float) -> None:
    """Attacks the normal distribution: 80 groups of 60 positives, rates in the middle and low."""
    rng = np.random.default_rng(0)
    true = np.full(80, rate)
    true[0] = rate / 2
    held = 0
    for _ in range(200):
        rates = rates_of(rng.binomial(60, true), np.full(80, 60))
        found = gaps.largest_gap([rates], gaps.Draws(0.9, 100, 0))
        assert found is not None
        held += found[1].low <= np.ptp(true) <= found[1].high
    assert held / 200 >= 0.87
