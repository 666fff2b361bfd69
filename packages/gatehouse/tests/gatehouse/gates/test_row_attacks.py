"""Attacks the exam by rows: it is touched, or its answers are copied into what is trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse.contract import Contract
from gatehouse.evidence import Evidence
from gatehouse.policy import Policy
from gatehouse.split import deal
from gatehouse.table import write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by
from tests.gatehouse.gates.test_rows import BASE, TEST, made, one, outcomes, small

Deal = Callable[[pd.DataFrame], np.ndarray]
TURN = {"yes": "no", "no": "yes", "f": "m", "m": "f", "red": "green", "green": "blue",
        "blue": "red"}  # fmt: skip


@pytest.fixture
def split_of(contract_of: Callable[..., Contract]) -> Deal:
    """The split of each row by the base's rule, shape [N]."""

    def split_of(rows: pd.DataFrame) -> np.ndarray:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        return np.asarray(deal(table, small(contract_of)))

    return split_of


@pytest.fixture
def found(
    tmp_path: Path, contract_of: Callable[..., Contract], policy: Policy
) -> Callable[[pd.DataFrame, pd.DataFrame | None, pd.DataFrame], Evidence]:
    """Evidence of rows against `BASE`, both with an official test file or without one."""

    def found(
        rows: pd.DataFrame, test: pd.DataFrame | None = None, base: pd.DataFrame = BASE
    ) -> Evidence:
        text = small(contract_of).model_dump_json(exclude_none=True)
        for name, frame in (("base", base), ("candidate", rows)):
            write_table(frame, tmp_path / name / "data/raw/rows.parquet")
            if test is not None:
                write_table(test, tmp_path / name / "data/raw/test.parquet")
            (tmp_path / name / "contract.yaml").write_text(text)
        return evidence_by(
            "rows", Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy
        )

    return found


def blocks(policy: Policy, evidence: Evidence) -> set[str]:
    """The rules that fail."""
    return {name for name, worst in outcomes(policy, evidence).items() if worst is Outcome.FAIL}


def turned(rows: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].map(TURN) for column in columns})


def swapped(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows that exchange their values with a neighbour's, so that no count of a value changes."""
    return rows.assign(**{column: np.roll(rows[column].to_numpy(), 1)})


TOUCHES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "some labels turned": lambda exam: turned(exam.iloc[:40], "y"),
    "all labels of one kind": lambda exam: exam[exam["y"] == "yes"].assign(y="no"),
    "labels exchanged between rows": lambda exam: swapped(exam, "y"),
    "a group exchanged between rows": lambda exam: swapped(exam, "sex"),
    "another group exchanged": lambda exam: swapped(exam, "race"),
    "everybody of one group": lambda exam: exam.assign(sex="f"),
    "an input moved by little": lambda exam: exam.iloc[:1].assign(age=lambda rows: rows.age + 1e-9),
    "an input gone": lambda exam: exam.iloc[:9].assign(size=np.nan),
    "a category by another": lambda exam: turned(exam.iloc[:9], "colour"),
    "a space behind a value": lambda exam: exam.iloc[:9].assign(sex=lambda rows: rows.sex + " "),
    "another case": lambda exam: exam.iloc[:9].assign(race=lambda rows: rows.race.str.upper()),
    "a look-alike letter": lambda exam: exam.iloc[:9].assign(race="\u0430"),
}
"""What is done to rows of the exam; those that it returns take the place of the old ones."""


@pytest.mark.parametrize("name", TOUCHES)
def test_no_row_of_the_exam_is_changed(
    name: str, found: Callable[..., Evidence], split_of: Deal, policy: Policy
) -> None:
    """Attacks hard rows, groups and labels in every column, by values that read alike as well."""
    exam = BASE[split_of(BASE) == TEST]
    touched = TOUCHES[name](exam)
    evidence = found(pd.concat([BASE.drop(touched.index), touched]))
    assert "exam-untouched" in blocks(policy, evidence)
    assert (one(evidence, "touched_exam_rows").value or 0) >= (
        touched != exam.loc[touched.index]
    ).any(axis=1).sum()


GONE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "one": lambda exam: exam.iloc[:1],
    "one kind of row": lambda exam: exam[exam["age"] < 36],
    "a whole group": lambda exam: exam[exam["race"] == "c"],
    "one label of one group": lambda exam: exam[(exam["sex"] == "f") & (exam["y"] == "yes")],
    "all": lambda exam: exam,
}


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("name", GONE)
def test_no_row_of_the_exam_goes(
    name: str, repeated: bool, found: Callable[..., Evidence], split_of: Deal, policy: Policy
) -> None:
    """Attacks hard rows; others are repeated, or new ones made, so that the count stays."""
    exam = BASE[split_of(BASE) == TEST]
    gone = GONE[name](exam)
    others = exam.drop(gone.index) if len(gone) < len(exam) else made(len(exam), 8)
    more = others.sample(len(gone), replace=True, random_state=0) if repeated else others.iloc[:0]
    evidence = found(pd.concat([BASE.drop(gone.index), more]))
    assert "exam-untouched" in blocks(policy, evidence)
    assert one(evidence, "touched_exam_rows").value == len(gone)


def nudge(
    rows: pd.DataFrame, columns: tuple[str, ...], keep: Callable[[pd.DataFrame], np.ndarray]
) -> pd.DataFrame:
    """Rows whose numbers are moved by millionths until each falls where `keep` wants it."""
    rng, rows = np.random.default_rng(0), rows.reset_index(drop=True)
    for column in columns:
        rows[column] = rows[column] + rng.uniform(1e-7, 1e-6, len(rows))
    while (bad := ~keep(rows)).any():
        rows.loc[bad, columns[0]] += rng.uniform(1e-7, 1e-6, bad.sum())
    return rows


def none_in_test(split_of: Deal) -> Callable[[pd.DataFrame], np.ndarray]:
    """Nudged until the public hash puts no row into test."""
    return lambda rows: np.asarray(split_of(rows) != TEST)


def fairly(split_of: Deal) -> Callable[[pd.DataFrame], np.ndarray]:
    """Nudged until the rows fall as the contract deals: a fifth into test, so that none is told."""
    order = np.repeat([0, 1, TEST], [64, 16, 20])

    def keep(rows: pd.DataFrame) -> np.ndarray:
        wanted = np.resize(np.random.default_rng(1).permutation(order), len(rows))
        return np.asarray(split_of(rows) == wanted)

    return keep


def both(*rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(rows, ignore_index=True)


COPIES: dict[str, tuple[Callable[[pd.DataFrame, Deal], pd.DataFrame], set[str]]] = {
    "a number moved": (
        lambda exam, deal: nudge(exam.iloc[:600], ("size",), none_in_test(deal)),
        {"exam-leak", "fair-deal"},
    ),
    "another number moved": (
        lambda exam, deal: nudge(exam.iloc[:600], ("age",), none_in_test(deal)),
        {"exam-leak", "fair-deal"},
    ),
    "one number or the other moved": (
        lambda exam, deal: both(
            nudge(exam.iloc[:300], ("size",), none_in_test(deal)),
            nudge(exam.iloc[300:600], ("age",), none_in_test(deal)),
        ),
        {"exam-leak", "fair-deal"},
    ),
    "a number moved far away": (
        lambda exam, deal: nudge(exam.iloc[:600].assign(size=1e6), ("size",), none_in_test(deal)),
        {"exam-leak", "fair-deal"},
    ),
    "a number taken away": (
        lambda exam, deal: (
            lambda copies: copies[deal(copies) != TEST]
        )(exam.assign(size=np.nan)),
        {"exam-leak", "fair-deal"},
    ),
    "another category": (
        lambda exam, deal: (lambda copies: copies[deal(copies) != TEST])(turned(exam, "colour")),
        {"exam-leak", "fair-deal"},
    ),
    "few rows, each thirty times": (
        lambda exam, deal: nudge(both(*30 * [exam.iloc[:20]]), ("size",), none_in_test(deal)),
        {"exam-leak", "fair-deal"},
    ),
    "groups that no model reads turned": (
        lambda exam, deal: nudge(
            turned(exam.iloc[:600], "sex").assign(race="c"), ("size",), none_in_test(deal)
        ),
        {"exam-leak", "fair-deal"},
    ),
    "labels turned": (
        lambda exam, deal: nudge(turned(exam.iloc[:600], "y"), ("size",), none_in_test(deal)),
        {"exam-leak", "fair-deal"},
    ),
    "labels drawn at the exam's rate": (
        lambda exam, deal: nudge(
            exam.iloc[:600].assign(y=exam["y"].sample(600, random_state=0).to_numpy()),
            ("size",), none_in_test(deal),
        ),
        {"exam-leak", "fair-deal"},
    ),
    "dealt fairly, one number moved": (
        lambda exam, deal: nudge(exam, ("size",), fairly(deal)), {"exam-leak"},
    ),
    "dealt fairly, another number moved": (
        lambda exam, deal: nudge(exam.iloc[:400], ("age",), fairly(deal)), {"exam-leak"},
    ),
    "two numbers moved": (
        lambda exam, deal: nudge(exam.iloc[:600], ("age", "size"), none_in_test(deal)),
        {"fair-deal"},
    ),
    "dealt fairly, two numbers moved": (
        lambda exam, deal: nudge(exam, ("age", "size"), fairly(deal)), {"exam-leak"},
    ),
}  # fmt: skip
"""Copies of exam rows that are added, and the rules that must see it."""


@pytest.mark.parametrize("name", COPIES)
def test_answers_are_not_copied_into_train(
    name: str, found: Callable[..., Evidence], split_of: Deal, policy: Policy
) -> None:
    """Attacks with near-copies of exam rows at a fair label rate; the exam itself is untouched."""
    make, told = COPIES[name]
    copies = make(BASE[split_of(BASE) == TEST], split_of)
    evidence = found(pd.concat([BASE, copies]))
    assert one(evidence, "touched_exam_rows").value == 0
    assert blocks(policy, evidence) >= told, outcomes(policy, evidence)
