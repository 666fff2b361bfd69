"""Leaks across splits: attacks a patient in train and test, and a model that knows the future."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gatehouse.contract import Contract
from gatehouse.gates.rows.leaks import leaks, left_out
from gatehouse.judge import apply_rule
from gatehouse.ledger.ledger import deal_parts
from gatehouse.ledger.parts import raw_parts
from gatehouse.policy import load_policy
from gatehouse.table import ROWS_FILE, TEST_FILE, write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by
from tests.gatehouse.visits import BY_GROUP, BY_HASH, BY_TIME, contract, visits
from tests.sample import SAMPLE


def measured(
    folder: Path, rows: pd.DataFrame, made: Contract, test: pd.DataFrame | None = None
) -> dict[str, float | None]:
    write_table(rows, folder / ROWS_FILE)
    if test is not None:
        write_table(test, folder / TEST_FILE)
    table = deal_parts(tuple(raw_parts(folder)), made, official_test=test is not None)
    found = {m.slice.removeprefix("rows="): m.value for m in leaks(table, made, 0)}
    return found | {"out": left_out(table).value}


def test_a_group_on_both_sides_is_counted(tmp_path: Path) -> None:
    """Attacks patients whose visits are dealt one by one; by group and by time they are not."""
    rows = visits(900, patients=300)
    for split, shared in ((BY_HASH, True), (BY_GROUP, False), (BY_TIME, False)):
        found = measured(tmp_path / split[:9], rows, contract(split))
        assert ((found["group"] or 0) > 0.5) is shared
        assert found["time"] == 0
    assert found["out"]


def test_an_official_test_that_shares_patients_or_is_older_is_counted(tmp_path: Path) -> None:
    """Attacks test rows in a file of their own, which the rule does not deal."""
    rows = visits(900, patients=900)
    early = rows["at"] < "2026-04-01"
    old, new = rows[early], rows[~early]
    found = measured(tmp_path / "old", new, contract(), test=old)
    assert found["time"] == 1
    rest = measured(tmp_path / "new", old, contract(), test=new)
    assert rest["time"] == 0
    assert 0 < (rest["group"] or 0) < 1


@pytest.mark.parametrize(
    ("split", "outcome"), [(BY_HASH, Outcome.FAIL), (BY_GROUP, Outcome.PASS)], ids=["hash", "group"]
)
def test_the_rule_judges_it(split: str, outcome: Outcome, tmp_path: Path) -> None:
    """Attacks a measurement that no default rule looks at."""
    policy, made = load_policy(SAMPLE / "policy.yaml"), contract(split)
    write_table(visits(900, patients=300), tmp_path / "data/raw/rows.parquet")
    (tmp_path / "contract.yaml").write_text(made.model_dump_json(exclude_none=True))
    evidence = evidence_by("rows", Workspace(tmp_path), None, policy)
    found = apply_rule(policy.rules["split-leak"], evidence)
    assert len(found) == 4
    assert max((each.outcome for each in found), key=lambda each: each.rank) is outcome
