"""exam-leak: rows outside test that equal an exam row, whole or but for one input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.ledger.compare import TEST
from gatehouse.ledger.leak import Exam, Twins
from gatehouse.ledger.members import Members
from tests.gatehouse.ledger.rows import IDENTITY, people, splits, table
from tests.gatehouse.ledger.test_fair import nudged

BASE = people(2_000)
EXAM = BASE[splits(BASE) == TEST]
OUTSIDE = 2_000 - len(EXAM)


def twins(folder: Path, candidate: pd.DataFrame, inputs: tuple[str, ...] = IDENTITY) -> Twins:
    exam = Exam(table(folder / "base", BASE), inputs)
    return exam.twins(table(folder / "candidate", candidate))


def test_the_base_has_the_twins_that_chance_makes(tmp_path: Path) -> None:
    """Attacks the count with one made by hand."""
    found = twins(tmp_path, BASE)
    pairs = [EXAM[[c for c in IDENTITY if c != left]].drop_duplicates() for left in IDENTITY]
    others = BASE[splits(BASE) != TEST]
    near = np.zeros(len(others), bool)
    for pair in pairs:
        near |= others.merge(pair, how="left", indicator=True)["_merge"].eq("both").to_numpy()
    assert (found.rows, found.equal, found.near) == (OUTSIDE, 0, int(near.sum()))


@pytest.mark.parametrize("column", IDENTITY)
def test_a_copy_with_any_one_input_changed_is_a_twin(column: str, tmp_path: Path) -> None:
    """Attacks the exam by copies of its rows that differ in one value; each input in turn."""
    copies = EXAM.copy()
    if column == "job":
        copies["job"] = copies["job"].map({"nurse": "cook", "cook": "", "": "nurse"})
    else:
        copies[column] += 0.001 * (1 + np.arange(len(EXAM)))
    copies = copies[splits(copies) != TEST]
    found = twins(tmp_path, pd.concat([BASE, copies]))
    assert found.rows == OUTSIDE + len(copies)
    assert found.near - twins(tmp_path, BASE).near == len(copies) > 100
    assert found.equal == 0


def test_nudged_copies_are_twins(tmp_path: Path) -> None:
    """Attacks: near-copies of exam rows with turned labels, none in test."""
    copies = nudged(EXAM).assign(sex="f", rich="no")
    found, before = twins(tmp_path, pd.concat([BASE, copies])), twins(tmp_path, BASE)
    assert found.near - before.near == len(copies)
    assert found.share() - before.share() > 0.1
    assert before.share() < 0.1


def test_honest_new_rows_add_no_more_than_chance(tmp_path: Path) -> None:
    """Attacks honest data: 20 % more rows of the same kind."""
    found, before = twins(tmp_path, pd.concat([BASE, people(400, seed=4)])), twins(tmp_path, BASE)
    assert abs(found.share() - before.share()) < 0.01


def test_a_copy_of_an_official_test_row_is_equal(tmp_path: Path) -> None:
    """Attacks an official exam by its own rows in the file that is trained on."""
    rows, test = BASE[splits(BASE) != TEST], EXAM
    exam = Exam(table(tmp_path / "base", rows, test), IDENTITY)
    copied = table(tmp_path / "candidate", pd.concat([rows, test.iloc[:60]]), test)
    assert exam.twins(copied).equal == 60


def test_one_input_alone_has_no_near_twins(tmp_path: Path) -> None:
    """Attacks a graph of one input, of which every row equals every other but for that one."""
    found = twins(tmp_path, BASE, ("pay",))
    assert found.near == found.equal < 10


def test_an_input_that_is_gone_equals_nothing(tmp_path: Path) -> None:
    """Attacks rows whose lost column would make them all alike."""
    folder = tmp_path / "candidate"
    side = table(folder, BASE)
    BASE.drop(columns="pay").to_parquet(side.parts[0].path, index=False)
    exam = Exam(table(tmp_path / "base", BASE), IDENTITY)
    assert exam.twins(side).equal == 0


def test_members_of_nothing() -> None:
    """Attacks an empty set, and hashes at both ends of the range."""
    asked = np.array([0, 2**64 - 1], np.uint64)
    assert not Members(np.empty(0, np.uint64)).holds(asked).any()
    assert Members(asked[::-1].copy()).holds(asked).all()
    assert not Members(asked).holds(asked ^ np.uint64(1)).any()
