"""The rows gate by group and by time: attacks alarms over honest rows, and rows that are chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse.evidence import Evidence, Of
from gatehouse.judge import apply_rule
from gatehouse.policy import load_policy
from gatehouse.split import deal
from gatehouse.table import ROWS_FILE, write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by
from tests.gatehouse.visits import BY_GROUP, BY_TIME, contract, visits
from tests.sample import SAMPLE

POLICY = load_policy(SAMPLE / "policy.yaml")
TEST = 2

Compare = Callable[..., Evidence]


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Evidence of the rows gate on more rows than the base has."""

    def compare(split: str, base: pd.DataFrame, rows: pd.DataFrame) -> Evidence:
        sides = []
        for name, frame in (("base", base), ("candidate", rows)):
            text = contract(split).model_dump_json(exclude_none=True)
            write_table(frame, tmp_path / name / "data/raw" / ROWS_FILE)
            (tmp_path / name / "contract.yaml").write_text(text)
            sides.append(Workspace(tmp_path / name))
        return evidence_by("rows", sides[1], sides[0], POLICY)

    return compare


def outcome(evidence: Evidence, rule: str) -> Outcome:
    found = apply_rule(POLICY.rules[rule], evidence)
    return max((each.outcome for each in found), key=lambda each: each.rank)


def more(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([base, new.assign(visit=new["visit"] + 10**6)], ignore_index=True)


def test_new_patients_are_dealt_fairly_and_many_visits_of_one_are_too(compare: Compare) -> None:
    """Attacks a false alarm: the visits of a few patients all fall into one split."""
    base = visits(2_000, patients=700)
    new = visits(600, patients=300, seed=1)
    honest = more(base, new.assign(patient="new-" + new["patient"]))
    assert outcome(compare(BY_GROUP, base, honest), "fair-deal") is Outcome.PASS
    one = more(base, new.assign(patient=base["patient"][0]))
    assert outcome(compare(BY_GROUP, base, one), "fair-deal") is Outcome.PASS


def test_patients_that_are_chosen_by_their_split_fail(compare: Compare) -> None:
    """Attacks the exam by new patients whose numbers never fall into test."""
    base = visits(2_000, patients=700)
    new = visits(600, patients=300, seed=1).assign(patient=lambda rows: "new-" + rows["patient"])
    table = pa.Table.from_pandas(new, preserve_index=False)
    chosen = new[np.asarray(deal(table, contract(BY_GROUP))) != TEST]
    assert outcome(compare(BY_GROUP, base, more(base, chosen)), "fair-deal") is Outcome.FAIL


def test_a_row_moved_to_the_past_touches_the_exam(compare: Compare) -> None:
    """Attacks exam rows that train, by an earlier visit of the same patients."""
    base = visits(2_000, patients=1_500)
    table = pa.Table.from_pandas(base, preserve_index=False)
    exam = base[np.asarray(deal(table, contract(BY_TIME))) == TEST]
    early = exam.head(20).assign(at=pd.Timestamp("2026-01-02", tz="UTC").as_unit("us"))
    evidence = compare(BY_TIME, base, more(base, early))
    assert outcome(evidence, "exam-untouched") is Outcome.FAIL


def test_new_rows_join_the_exam_by_time_and_are_not_dealt_by_chance(compare: Compare) -> None:
    """Attacks a false alarm over this month's rows, all of which are in test; they are counted."""
    base = visits(2_000, patients=1_500)
    new = visits(40, patients=40, seed=3)
    new = new.assign(patient="new-" + new["patient"], at=new["at"] + pd.Timedelta(days=365))
    evidence = compare(BY_TIME, base, more(base, new))
    assert outcome(evidence, "fair-deal") is Outcome.PASS
    assert outcome(evidence, "exam-untouched") is Outcome.PASS
    (added,) = [
        m for m in evidence.measurements if (m.name, m.slice) == ("added_rows", "split=test")
    ]
    assert added.value == 40
    (out,) = [m for m in evidence.measurements if m.name == "left_out_rows"]
    assert out.of is Of.CANDIDATE
    assert out.value
