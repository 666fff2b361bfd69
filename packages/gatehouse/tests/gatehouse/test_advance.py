"""Later cuts: attacks an exam that both models know, a lost comment, and a cut without an exam."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from gatehouse.advance import advance
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.gates.exam import exam_of
from gatehouse.gates.rows.question import split_changes
from gatehouse.prepare import prepare
from gatehouse.table import write_table
from gatehouse.workspace import Workspace
from tests.gatehouse.conftest import Command
from tests.gatehouse.visits import BY_HASH, BY_TIME, CONTRACT, visits

SPLIT = """\
split:           # by time
  by: time
  identity: [visit]
  time: at
  valid_from: 2026-07-01  # the first cut
  test_from: 2026-08-01   # the second
"""


def laid(root: Path, split: str = SPLIT, role: str = "group") -> Workspace:
    head = CONTRACT.replace("GROUP", role).partition("split:")[0]
    root.mkdir()
    (root / CONTRACT_FILE).write_text(head + split)
    write_table(visits(1_500, patients=1_200), root / "data/raw/rows.parquet")
    return Workspace(root)


def dealt(workspace: Workspace) -> Workspace:
    prepare(load_contract(workspace.root / CONTRACT_FILE), workspace.raw, workspace.prepared)
    return Workspace(workspace.root)


@pytest.mark.parametrize("role", ["group", "ignored"])
def test_the_exam_is_the_base_s_test_rows_after_the_new_cut(role: str, tmp_path: Path) -> None:
    """Attacks rows that the new model learned from, and a change that no owner looks at."""
    base = dealt(laid(tmp_path / "base", role=role))
    shutil.copytree(base.root, tmp_path / "change")
    change = Workspace(tmp_path / "change")
    lines = advance(root=change.root)
    change = dealt(change)
    assert split_changes(change, base).value == 2
    exam = exam_of(change, base)
    assert exam.record is not None
    assert f"{exam.record.scored:,} test rows from 2026-09-01 on" in lines[-1]
    old, learned = base.split("test"), pd.concat([change.split("train"), change.split("valid")])
    assert 0 < len(exam.rows) < len(old)
    assert exam.rows["at"].min() >= pd.Timestamp("2026-09-01", tz="Europe/Berlin")
    assert set(exam.rows["visit"]) <= set(old["visit"])
    assert not set(exam.rows["visit"]) & set(learned["visit"])
    assert exam.rows.equals(exam.base_rows)
    assert "put outside test" in (exam.note or "")


def test_only_the_dates_change(tmp_path: Path, gatehouse: Command) -> None:
    """Attacks comments and layout, and a command that nobody finds."""
    root = laid(tmp_path / "work").root
    before = (root / CONTRACT_FILE).read_text()
    done = gatehouse("split", "advance", cwd=root)
    assert done.exit_code == 0
    assert "contract.yaml: split.test_from: 2026-08-01 → 2026-09-01" in done.output
    after = (root / CONTRACT_FILE).read_text()
    assert after == before.replace("2026-08-01 ", "2026-09-01 ").replace("2026-07-01", "2026-08-01")
    done = gatehouse("split", "advance", "--to", "2026-11-15", cwd=root)
    assert load_contract(root / CONTRACT_FILE).split.test_from == date(2026, 11, 15)
    assert load_contract(root / CONTRACT_FILE).split.valid_from == date(2026, 10, 15)


@pytest.mark.parametrize(
    ("split", "to", "problem"),
    [
        (SPLIT, date(2026, 8, 1), "give --to a later date"),
        (SPLIT, date(2028, 1, 1), "no row of the test split is left from 2028-01-01 on"),
        (f"split: {{identity: [visit], {BY_HASH}}}", None, "split.by: hash has no dates to move"),
    ],
)
def test_a_cut_that_gives_no_exam_changes_nothing(
    split: str, to: date | None, problem: str, tmp_path: Path
) -> None:
    """Attacks a contract that is written although the change could not be judged."""
    root = laid(tmp_path / "work", split).root
    before = (root / CONTRACT_FILE).read_text()
    with pytest.raises(GatehouseError, match=problem):
        advance(to, root)
    assert (root / CONTRACT_FILE).read_text() == before


def test_a_contract_in_one_line_is_edited_too(tmp_path: Path) -> None:
    """Attacks the flow style, in which docs/data.md shows the split."""
    root = laid(tmp_path / "work", f"split: {{identity: [visit], {BY_TIME}}}").root
    advance(date(2026, 11, 1), root)
    assert "test_from: 2026-11-01}" in (root / CONTRACT_FILE).read_text()
