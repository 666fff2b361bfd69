"""The rows gate: what a change did to the base's rows, and to the exam."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse.contract import Contract
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates import rows as gate
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.prepare import prepare
from gatehouse.split import deal
from gatehouse.table import read_table, write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace

Sides = Callable[..., Evidence]

TEST = 2


def made(n: int, seed: int) -> pd.DataFrame:
    """Rows of the small contract, nearly all of their own identity."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(0, 100, n),
            "size": rng.normal(size=n),
            "colour": rng.choice(["red", "green", "blue"], n),
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["a", "b", "c"], n),
            "y": rng.choice(["yes", "no"], n),
        }
    )
    return frame.astype(dict.fromkeys(("colour", "sex", "race", "y"), "str"))


BASE = made(5_000, 1)


@pytest.fixture
def compare(tmp_path: Path, contract_of: Callable[..., Contract], policy: Policy) -> Sides:
    """Evidence of a candidate's rows against `BASE`, or against rows with an official test."""

    def compare(
        rows: pd.DataFrame, test: pd.DataFrame | None = None, official: pd.DataFrame | None = None
    ) -> Evidence:
        text = small(contract_of).model_dump_json(exclude_none=True)
        for name, frame, exam in (("base", BASE, official), ("candidate", rows, test)):
            write_table(frame, tmp_path / name / "data/raw/rows.parquet")
            if exam is not None:
                write_table(exam, tmp_path / name / "data/raw/test.parquet")
            (tmp_path / name / "contract.yaml").write_text(text)
            prepare(
                small(contract_of), tmp_path / name / "data/raw", tmp_path / name / "data/prepared"
            )
        return gate.measure(Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy)

    return compare


@pytest.fixture
def in_exam(contract_of: Callable[..., Contract]) -> Callable[[pd.DataFrame], np.ndarray]:
    """Which rows the split rule puts into test."""

    def in_exam(rows: pd.DataFrame) -> np.ndarray:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        return np.asarray(deal(table, small(contract_of).split) == TEST)

    return in_exam


def one(evidence: Evidence, name: str, where: str = "all", of: Of = Of.COMPARISON) -> Measurement:
    (found,) = [m for m in evidence.measurements if (m.name, m.slice, m.of) == (name, where, of)]
    return found


def small(contract_of: Callable[..., Contract]) -> Contract:
    """The small contract with ages so fine that no two rows are alike by chance."""
    return contract_of(age={"type": "number"})


def outcomes(policy: Policy, evidence: Evidence) -> dict[str, Outcome]:
    """The gate's rules that do not pass, with their worst outcome."""
    found: dict[str, Outcome] = {}
    for name, rule in policy.rules.items():
        if rule.gate is evidence.gate:
            worst = max((f.outcome for f in apply_rule(rule, evidence)), key=lambda o: o.rank)
            if worst is not Outcome.PASS:
                found[name] = worst
    return found


def test_without_a_base_there_is_nothing_to_compare(
    tmp_path: Path, contract_of: Callable[..., Contract], policy: Policy
) -> None:
    """Attacks a first run, which must not fail for want of a base: the deal alone is looked at."""
    (tmp_path / "contract.yaml").write_text(small(contract_of).model_dump_json(exclude_none=True))
    write_table(BASE, tmp_path / "data/raw/rows.parquet")
    prepare(small(contract_of), tmp_path / "data/raw", tmp_path / "data/prepared")
    evidence = gate.measure(Workspace(tmp_path), None, policy)
    assert [measured.name for measured in evidence.measurements] == ["misdealt_rows"]
    assert set(outcomes(policy, evidence).values()) == {Outcome.NONE}


def test_rows_that_were_dealt_otherwise_fail_without_a_base(
    tmp_path: Path, contract_of: Callable[..., Contract], policy: Policy
) -> None:
    """Attacks prepared rows that are not the raw rows: test rows taken out on the way."""
    (tmp_path / "contract.yaml").write_text(small(contract_of).model_dump_json(exclude_none=True))
    write_table(BASE, tmp_path / "data/raw/rows.parquet")
    prepare(small(contract_of), tmp_path / "data/raw", tmp_path / "data/prepared")
    path = tmp_path / "data/prepared/test.parquet"
    write_table(read_table(path).iloc[3:], path)
    evidence = gate.measure(Workspace(tmp_path), None, policy)
    assert one(evidence, "misdealt_rows", of=Of.CANDIDATE).value == 3
    assert outcomes(policy, evidence)["rows-dealt"] is Outcome.FAIL


def test_equal_rows_pass(compare: Sides, policy: Policy) -> None:
    """Attacks a false alarm where only the order of rows changed."""
    evidence = compare(BASE.sample(frac=1, random_state=0))
    assert outcomes(policy, evidence) == {}
    assert one(evidence, "unchanged_rows").value == len(BASE)
    assert one(evidence, "touched_exam_rows").value == 0


@pytest.mark.parametrize("seed", range(3))
def test_honest_new_rows_pass(seed: int, compare: Sides, policy: Policy) -> None:
    """Attacks honest data: 5 % more rows."""
    evidence = compare(pd.concat([BASE, made(250, 10 + seed)]))
    assert outcomes(policy, evidence) == {}
    assert one(evidence, "added_rows").value == 250
    new = one(evidence, "added_rows", "split=test").value
    growth, exam = one(evidence, "exam_growth"), one(evidence, "touched_exam_rows").n
    assert growth.value == pytest.approx((new or 0) / exam)


@pytest.mark.parametrize("column", ["y", "sex", None])
def test_a_touched_exam_fails(
    column: str | None, compare: Sides, in_exam: Callable[..., np.ndarray], policy: Policy
) -> None:
    """Attacks: exam rows relabelled, changed in a protected column, or gone."""
    rows, chosen = BASE.copy(), np.flatnonzero(in_exam(BASE))[:5]
    if column is None:
        rows = rows.drop(chosen)
    else:
        turned = {"yes": "no", "no": "yes", "f": "m", "m": "f"}
        rows.loc[chosen, column] = rows.loc[chosen, column].map(turned)
    evidence = compare(rows)
    assert one(evidence, "touched_exam_rows").value == 5
    assert outcomes(policy, evidence) == {"exam-untouched": Outcome.FAIL}
    name = {"y": "relabelled_rows", "sex": "changed_rows", None: "gone_rows"}[column]
    assert one(evidence, name, "split=test").value == one(evidence, name).value == 5


def test_copies_nudged_out_of_test_fail(
    compare: Sides, in_exam: Callable[..., np.ndarray], policy: Policy
) -> None:
    """Attacks: near-copies of exam rows, none of which falls into test."""
    copies = BASE[in_exam(BASE)].iloc[:600].reset_index(drop=True)
    rng = np.random.default_rng(0)
    while (bad := in_exam(copies)).any():
        copies.loc[bad, "size"] += rng.normal(0, 1e-6, bad.sum())
    evidence = compare(pd.concat([BASE, copies]))
    assert outcomes(policy, evidence) == {"fair-deal": Outcome.FAIL, "exam-leak": Outcome.FAIL}
    assert one(evidence, "unfair_deal", "rows=added").samples[TEST] == "test 0"
    assert one(evidence, "touched_exam_rows").value == 0


def test_an_exam_that_grows_beyond_its_limit_fails(compare: Sides, policy: Policy) -> None:
    """Attacks an exam that is diluted by many easy rows, fairly dealt."""
    evidence = compare(pd.concat([BASE, made(2_000, 7)]))
    assert outcomes(policy, evidence) == {"exam-growth": Outcome.FAIL}


def test_an_official_test_caps_what_changes_in_train(compare: Sides, policy: Policy) -> None:
    """Attacks an official test: no new row falls there, so the deal alone shows nothing."""
    official = made(1_000, 3)
    few = compare(pd.concat([BASE, made(250, 4)]), official, official)
    assert outcomes(policy, few) == {}
    assert one(few, "train_turnover").value == pytest.approx(0.05)
    many = compare(pd.concat([BASE, made(1_000, 4)]), official, official)
    assert outcomes(policy, many) == {"train-turnover": Outcome.FAIL}
    touched = compare(BASE, official.iloc[5:], official)
    assert outcomes(policy, touched) == {"exam-untouched": Outcome.FAIL}


def test_a_candidates_own_contract_does_not_count(
    compare: Sides, tmp_path: Path, contract_of: Callable[..., Contract], policy: Policy
) -> None:
    """Attacks the exam by a contract that deals rows otherwise or leaves columns out."""
    evidence = compare(BASE.assign(sex="f"))
    contract = contract_of(age={"type": "number"}, sex=None)
    split = contract.split.model_copy(update={"identity": ("age",), "test": 0.5})
    other = contract.model_copy(update={"split": split})
    (tmp_path / "candidate/contract.yaml").write_text(other.model_dump_json(exclude_none=True))
    again = gate.measure(Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy)
    # The deal is held against the rule of the rows that were dealt; all else against the base's.
    assert again.measurements[1:] == evidence.measurements[1:]
    assert (
        one(again, "touched_exam_rows").value
        == (BASE["sex"] == "m").to_numpy()[_exam(BASE, small(contract_of))].sum()
    )


def _exam(rows: pd.DataFrame, contract: Contract) -> np.ndarray:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return np.asarray(deal(table, contract.split) == TEST)
