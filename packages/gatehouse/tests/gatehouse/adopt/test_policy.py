"""The first policy: rules that a sound model passes, and a useless one does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from gatehouse.adopt import baseline
from gatehouse.adopt.columns import plan_columns
from gatehouse.adopt.policy.accuracy import accuracy_rules
from gatehouse.adopt.policy.data import drift_rules
from gatehouse.adopt.policy.latency import latency_rules
from gatehouse.adopt.policy.sizes import Sizes
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.texts import contract_text
from gatehouse.contract import Task, parse_contract
from gatehouse.gates.bootstrap import wilson_interval
from gatehouse.policy import load_policy
from tests.gatehouse.adopt.conftest import Fork, run_init
from tests.gatehouse.adopt.shapes import plain
from tests.gatehouse.adopt.tables import bought, seen, written


def test_protected_attributes_have_rules_and_are_not_fed(fork: Callable[..., Fork]) -> None:
    """Attacks fairness that nobody measures, and rules that too few rows turn into errors."""
    made = fork("500 rows", "--protected", "city")
    assert made.contract.protected == ["city"]
    assert "city" not in made.contract.inputs
    rules = made.policy.rules
    assert rules["fairness-equalized-odds"].inconclusive in ("warn", "pass")
    assert made.policy.measure.fairness.minimum_rows <= 20
    rare = fork("imbalanced", "--protected", "city").policy.rules
    assert rare["fairness-equalized-odds"].inconclusive == "pass"


def test_a_table_that_is_easy_does_not_warn_at_each_run(root: Path, tmp_path: Path) -> None:
    """Attacks iris: what two columns together tell nearly without error is no leak."""
    frame = plain(300).assign(bought=lambda d: np.where(d["age"] - d["visits"] > 25, "yes", "no"))
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "bought", "--force")
    assert "predicts the target by itself" not in result.output
    rules = load_policy(root / "policy.yaml").rules
    assert "accuracy-too-good" not in rules
    assert "accuracy-unseen" in rules


@pytest.mark.parametrize(("test", "limit"), [(12, 0.56), (60, 0.91), (110, 0.95), (2000, 0.98)])
def test_perfect_agreement_passes_on_however_few_rows(test: int, limit: float) -> None:
    """Attacks a rule that INT8 can't keep: the interval of 60 that all agree begins at 0.94."""
    rules = yaml.safe_load("".join(latency_rules(Task.BINARY, Sizes(4 * test, test, test))))
    assert rules["latency-agreement"]["at_least"] == limit
    assert wilson_interval(test, test, 0.95).low >= limit
    assert (
        wilson_interval(int(test - 1.5 * test**0.5), int(test - 1.5 * test**0.5), 0.95).low >= limit
    )


def test_noise_of_int8_is_within_what_it_may_cost() -> None:
    """Attacks a rule that turns red by chance: where decisions differ by pairs, cost is nothing."""
    for test in (60, 1000, 1176, 5000, 100_000):
        rules = yaml.safe_load("".join(latency_rules(Task.MULTICLASS, Sizes(4 * test, test, test))))
        agreement, cost = (
            rules[f"latency-{name}"]["at_least"] for name in ("agreement", "quality")
        )
        assert cost <= -1.96 * ((1 - agreement) / test) ** 0.5
        assert cost <= -0.005


@pytest.mark.parametrize(("reached", "guess", "floor"), [(0.8, 0.7345, 0.735), (0.74, 0.735, 0.67)])
def test_a_guess_is_no_floor_where_the_baseline_is_surely_better(
    reached: float, guess: float, floor: float
) -> None:
    """Attacks a floor that a model passes which always says no."""
    score = baseline.Score(reached, reached + 0.01, 0.025)
    scores = dict.fromkeys(("roc_auc", "accuracy", "calibration_error"), score)
    known = baseline.Baseline(7000, 5, scores, guess)
    rules = yaml.safe_load("".join(accuracy_rules(Task.BINARY, known, Sizes(4000, 1400, 370),
                                                  leaking=False, timed=False)))  # fmt: skip
    assert rules["accuracy-floor"]["at_least"] == floor


def test_a_column_that_is_mostly_missing_has_enough_rows_to_be_compared(tmp_path: Path) -> None:
    """Attacks a warning at every pull request, also where no row has changed."""
    frame = plain(1000).astype({"visits": float})
    frame.loc[frame.index % 10 != 0, "visits"] = np.nan
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    contract = parse_contract(contract_text(plan, "shop", 0), "contract.yaml")
    rules = yaml.safe_load("".join(drift_rules(contract, found, Sizes(640, 200, 100))))
    assert rules["drift-numbers"]["minimum_n"] <= 64
    assert rules["drift-categories"]["minimum_n"] == 300
