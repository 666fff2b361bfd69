"""Columns that give the target away, and the baseline that finds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner

from gatehouse.adopt import baseline
from gatehouse.adopt.columns import plan_columns
from gatehouse.adopt.init import without_leaks
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.target import find_target
from gatehouse.adopt.texts import contract_text
from gatehouse.contract import Role, load_contract, parse_contract
from gatehouse.policy import load_policy
from tests.gatehouse.adopt.conftest import run_init
from tests.gatehouse.adopt.shapes import plain
from tests.gatehouse.adopt.tables import bought, seen, written


def test_a_class_of_one_row_has_a_baseline(tmp_path: Path) -> None:
    """Attacks the planets: a way of finding one by which a single one was found."""
    kinds = pd.Series([f"k{i % 9}" for i in range(89)] + ["once"])
    found = seen(tmp_path, plain(90).assign(kind=kinds), "kind")
    target = find_target(found, "kind", None, None, Questions(interactive=False))
    plan = plan_columns(found, target, (), None, Questions(interactive=False))
    contract = parse_contract(contract_text(plan, "planets", 0), "contract.yaml")
    measured = baseline.measure(baseline.learning(found, contract, "."), 18)
    assert 0 <= measured.scores["accuracy"].boosted <= 1


def test_a_leak_is_asked_about_and_the_last_feature_stays(tmp_path: Path) -> None:
    """Attacks a model of nothing, and a column taken from those who know it beforehand."""
    found = seen(tmp_path, plain(120).drop(columns=["age", "city"]).assign(refund=1.5, paid=2))
    found.profiles.update(
        refund=replace(found.profiles["visits"], name="refund"),
        paid=replace(found.profiles["visits"], name="paid"),
    )
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    leaking = {"refund": 1.0, "paid": 1.0, "visits": 0.995}
    for answers, left in (("n\ny\n\n", ["refund"]), ("\n\n", ["visits"])):
        with CliRunner().isolation(input=answers):
            left_plan = without_leaks(plan, leaking, Questions(interactive=True))
        assert [c.name for c in left_plan.of(Role.FEATURE)] == left
        assert all(c.warning for c in left_plan.columns if c.name in leaking)


def test_what_the_baseline_learns_nothing_without_is_kept(root: Path, tmp_path: Path) -> None:
    """Attacks a model of noise, in place of one of the measurements that its owner brought."""
    n = np.arange(240)
    frame = pd.DataFrame(
        {"spores": n % 2 * 3.5 + n % 7 / 10, "coin": n // 2 % 2, "die": n // 4 % 3}
    )
    frame["edible"] = np.where(n % 2, "yes", "no")
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "edible", "--force")
    assert result.exit_code == 0, result.output
    assert "kept, since nothing is learned without such columns" in result.stderr
    assert "predicts the target by itself (ROC AUC 1.000): a leak?" in result.output
    assert set(load_contract(root / "contract.yaml").inputs) == {"spores", "coin", "die"}
    rules = load_policy(root / "policy.yaml").rules
    assert rules["accuracy-auc-floor"].limit > 0.9
    assert "accuracy-too-good" in rules
