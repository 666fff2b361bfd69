"""The row ledger: what a change did to the base's rows, and what is left of the exam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.ledger.compare import TEST, Outcome
from gatehouse.ledger.ledger import Ledger, deal_parts, keep_ledger
from gatehouse.ledger.parts import raw_parts
from tests.gatehouse.ledger.rows import (
    contract,
    ledger,
    people,
    splits,
    table,
)

BASE = people(2_000)
IN_TEST = splits(BASE) == TEST


def counts(found: Ledger, split: int | None = None) -> dict[str, int]:
    """The outcomes that some rows have."""
    every = {outcome.name.lower(): found.count(outcome, split) for outcome in Outcome}
    return {name: count for name, count in every.items() if count}


def test_equal_rows_in_another_order_and_type_are_unchanged(tmp_path: Path) -> None:
    """Attacks a ledger that compares files in place of rows."""
    mixed = BASE.sample(frac=1, random_state=0).astype({"age": float, "job": "category"})
    found = ledger(tmp_path, BASE, mixed[["rich", "job", "sex", "pay", "age"]])
    assert counts(found) == {"unchanged": 2_000}
    assert found.exam.all()
    assert len(found.exam) == IN_TEST.sum()


def test_each_outcome_is_counted_in_its_split(tmp_path: Path) -> None:
    """Attacks counts that a reader of the report relies on."""
    relabelled, changed, gone = np.split(np.flatnonzero(IN_TEST)[:9], 3)
    new = BASE.copy()
    new.loc[relabelled, "rich"] = new.loc[relabelled, "rich"].map({"no": "yes", "yes": "no"})
    new.loc[changed, "sex"] = new.loc[changed, "sex"].map({"f": "m", "m": "f"})
    added = people(500, seed=1)
    twice = BASE[~IN_TEST].iloc[:7]
    found = ledger(tmp_path, BASE, pd.concat([new.drop(gone), added, twice]))
    dealt = np.bincount(splits(added), minlength=3)
    assert counts(found, TEST) == {
        "unchanged": IN_TEST.sum() - 9, "relabelled": 3, "changed": 3, "gone": 3,
        "added": dealt[TEST],
    }  # fmt: skip
    assert [found.count(Outcome.ADDED, split) for split in range(3)] == dealt.tolist()
    assert found.count(Outcome.REPEATED) == 7
    assert np.flatnonzero(~found.exam).tolist() == list(range(9))


def test_the_exam_lies_in_the_base_order(tmp_path: Path) -> None:
    """Attacks a bitmap that is put on other rows than those it was made of."""
    lost = np.flatnonzero(IN_TEST)[[5, 17, 40]]
    found = ledger(tmp_path, BASE, BASE.drop(lost).sample(frac=1, random_state=1))
    assert np.flatnonzero(~found.exam).tolist() == [5, 17, 40]


def test_repeating_an_exam_row_leaves_it_untouched(tmp_path: Path) -> None:
    """Attacks an exam that loses a row because the change brings it twice."""
    found = ledger(tmp_path, BASE, pd.concat([BASE, BASE[IN_TEST].iloc[:50]]))
    assert found.exam.all()
    assert found.count(Outcome.REPEATED, TEST) == 50


def test_repeating_one_exam_row_hides_no_other(tmp_path: Path) -> None:
    """Attacks: hard rows taken out, easy ones repeated in their place."""
    hard, easy = np.flatnonzero(IN_TEST)[:100], np.flatnonzero(IN_TEST)[100:200]
    found = ledger(tmp_path, BASE, pd.concat([BASE.drop(hard), BASE.loc[easy]]))
    assert found.count(Outcome.GONE, TEST) == 100
    assert (~found.exam).sum() == 100


@pytest.mark.parametrize("column", ["sex", "rich"])
def test_a_column_taken_out_of_sight_is_a_touched_exam(column: str, tmp_path: Path) -> None:
    """Attacks a change that hides a column, so that nothing in it can be compared."""
    found = ledger(tmp_path, BASE, BASE.drop(columns=column))
    assert not found.exam.any()


def test_a_new_column_changes_no_row(tmp_path: Path) -> None:
    """Attacks a new feature that would cost the exam."""
    found = ledger(tmp_path, BASE, BASE.assign(score=np.arange(len(BASE))))
    assert counts(found) == {"unchanged": 2_000}


def test_a_column_outside_the_contract_does_not_count(tmp_path: Path) -> None:
    """Attacks changes of a column that the contract doesn't know."""
    noted, other = BASE.assign(note="a"), BASE.assign(note="b")
    assert counts(ledger(tmp_path, noted, other)) == {"unchanged": 2_000}


def test_official_test_rows_pair_with_official_test_rows(tmp_path: Path) -> None:
    """Attacks exam rows that move into the file that is trained on, easy ones in their place."""
    rows, test = BASE.iloc[:1_500], BASE.iloc[1_500:]
    old = table(tmp_path / "base", rows, test)
    moved = pd.concat([rows, test.iloc[:40]]), pd.concat([test.iloc[40:], people(40, seed=2)])
    new = table(tmp_path / "candidate", *moved)
    found = keep_ledger(old, new, contract())
    assert np.flatnonzero(~found.exam).tolist() == list(range(40))
    assert found.count(Outcome.GONE, TEST) == 40
    assert found.count(Outcome.ADDED, TEST) == 40
    assert found.count(Outcome.ADDED) == 80


def test_a_lost_identity_column_is_an_error(tmp_path: Path) -> None:
    """Attacks rows that would fall into other splits, because nothing says where they belong."""
    with pytest.raises(GatehouseError, match=r"split of contract\.yaml needs column job"):
        ledger(tmp_path, BASE, BASE.drop(columns="job"))


def test_an_official_test_file_that_the_base_has_not_is_dealt_like_all_rows(tmp_path: Path) -> None:
    """Attacks the exam by a change that brings its own test file."""
    old = table(tmp_path / "base", BASE)
    table(tmp_path / "candidate", BASE.iloc[:1_000], BASE.iloc[1_000:])
    parts = tuple(raw_parts(tmp_path / "candidate"))
    new = deal_parts(parts, contract(), official_test=False)
    found = keep_ledger(old, new, contract())
    assert found.exam.all()
    assert len(found.exam) == IN_TEST.sum()


def test_identities_count_once(tmp_path: Path) -> None:
    """Attacks a test of shares that counts copies of one row as many."""
    added = people(1, seed=3)
    found = ledger(tmp_path, BASE, pd.concat([BASE, *[added] * 200]))
    assert found.count(Outcome.ADDED) == 200
    assert found.units(Outcome.ADDED).tolist() == splits(added).tolist()
