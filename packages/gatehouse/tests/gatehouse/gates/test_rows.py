"""The rows gate: what a change did to the base's rows, and to the exam."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse.base import BaseRecord, Outputs, folder_of, write_record
from gatehouse.base import Counted as Measured
from gatehouse.contract import Contract, Retention
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.judge import apply_rule
from gatehouse.origin import MEASUREMENT
from gatehouse.policy import Policy
from gatehouse.privacy.erased import Erased
from gatehouse.split import deal
from gatehouse.table import write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by

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
        return evidence_by(
            "rows", Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy
        )

    return compare


@pytest.fixture
def in_exam(contract_of: Callable[..., Contract]) -> Callable[[pd.DataFrame], np.ndarray]:
    """Which rows the split rule puts into test."""

    def in_exam(rows: pd.DataFrame) -> np.ndarray:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        return np.asarray(deal(table, small(contract_of)) == TEST)

    return in_exam


def one(evidence: Evidence, name: str, where: str = "all", of: Of = Of.COMPARISON) -> Measurement:
    (found,) = [m for m in evidence.measurements if (m.name, m.slice, m.of) == (name, where, of)]
    return found


def small(contract_of: Callable[..., Contract]) -> Contract:
    """The small contract with ages so fine that no two rows are alike by chance."""
    return contract_of(age={"type": "number"})


def outcomes(policy: Policy, evidence: Evidence) -> dict[str, Outcome]:
    """The gate's rules that do not pass, with their worst outcome; the rows' rules alone."""
    found: dict[str, Outcome] = {}
    for name, rule in policy.rules.items():
        if rule.gate == evidence.gate and rule.measurement != MEASUREMENT:
            worst = max((f.outcome for f in apply_rule(rule, evidence)), key=lambda o: o.rank)
            if worst is not Outcome.PASS:
                found[name] = worst
    return found


def test_without_a_base_there_is_nothing_to_compare(
    tmp_path: Path, contract_of: Callable[..., Contract], policy: Policy
) -> None:
    """Attacks a first run, which must not fail for want of a base."""
    (tmp_path / "contract.yaml").write_text(small(contract_of).model_dump_json(exclude_none=True))
    write_table(BASE, tmp_path / "data/raw/rows.parquet")
    evidence = evidence_by("rows", Workspace(tmp_path), None, policy)
    assert [m.name for m in evidence.measurements] == [
        "first_run",
        "left_out_rows",
        *["split_leak"] * 4,
        MEASUREMENT,
    ]
    assert set(outcomes(policy, evidence).values()) == {Outcome.NONE}


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
    red = ("fair-deal", "exam-leak", "split-leak")
    assert outcomes(policy, evidence) == dict.fromkeys(red, Outcome.FAIL)
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
    again = evidence_by(
        "rows", Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy
    )
    found, same = (
        [m for m in each.measurements if m.name not in ("split_changes", "split_leak")]
        for each in (again, evidence)
    )
    assert found == same
    assert one(again, "split_changes").value == 2
    assert (
        one(again, "touched_exam_rows").value
        == (BASE["sex"] == "m").to_numpy()[_exam(BASE, small(contract_of))].sum()
    )


@pytest.mark.parametrize("named", ["nowhere", "retention", "role"])
def test_a_column_that_both_contracts_ignore_is_no_touched_exam(
    named: str,
    compare: Sides,
    tmp_path: Path,
    contract_of: Callable[..., Contract],
    policy: Policy,
) -> None:
    """Cleaning an ignored column passes, unless a retention or the change's model reads it."""
    seen = {"type": "string", "role": "ignored", "missing": 1.0}
    dated = BASE.assign(seen="2026-01-01")
    compare(dated)
    write_table(dated, tmp_path / "base/data/raw/rows.parquet")
    write_table(dated.assign(seen="2026-01-02"), tmp_path / "candidate/data/raw/rows.parquet")
    ignoring = contract_of(age={"type": "number"}, seen=seen)
    if named == "retention":
        retention = Retention(column="seen", days=36_000)
        ignoring = ignoring.model_copy(update={"retention": retention})
    role = "protected" if named == "role" else "ignored"
    category = {"type": "category", "categories": ["2026-01-02"], "missing": 1.0}
    reading = contract_of(age={"type": "number"}, seen=category | {"role": role})
    for side, contract in (("base", ignoring), ("candidate", reading)):
        (tmp_path / side / "contract.yaml").write_text(contract.model_dump_json(exclude_none=True))
    sides = Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base")
    found = outcomes(policy, evidence_by("rows", *sides, policy))
    assert ("exam-untouched" in found) == (named != "nowhere")


def _exam(rows: pd.DataFrame, contract: Contract) -> np.ndarray:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return np.asarray(deal(table, contract) == TEST)


Steps = Callable[..., Evidence]


@pytest.fixture
def stepping(tmp_path: Path, compare: Sides, policy: Policy) -> Steps:
    """Evidence of rows against the step before, counting from the first step."""

    def stepping(
        measurement: Measured, steps: list[pd.DataFrame], erased: Erased | None = None
    ) -> Evidence:
        first, *_, before, last = steps
        compare(last)
        write_table(before, tmp_path / "base/data/raw/rows.parquet")
        outputs = Outputs(contract="sha256:0", outs={"data/raw": "0.dir"})
        record = BaseRecord(since={measurement: outputs}, erased=erased)
        write_record(record, tmp_path / "candidate")
        write_table(first, tmp_path / "candidate" / folder_of(outputs) / "data/raw/rows.parquet")
        return evidence_by(
            "rows", Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy
        )

    return stepping


def test_growth_in_eight_small_steps_fails(stepping: Steps, policy: Policy) -> None:
    """Attacks the limit of growth: each step stays far below it."""
    steps = [BASE]
    for step in range(8):
        steps.append(pd.concat([steps[-1], made(250, 20 + step)]))
    assert outcomes(policy, stepping("exam_growth", [BASE, *steps[3:5]])) == {}
    found = stepping("exam_growth", steps)
    assert outcomes(policy, found) == {"exam-growth": Outcome.FAIL}
    assert one(found, "exam_growth").value == pytest.approx(0.4, abs=0.06)
    assert one(found, "added_rows").value == 250


def test_exam_rows_touched_in_small_steps_add_up(
    stepping: Steps, in_exam: Callable[[pd.DataFrame], np.ndarray]
) -> None:
    """Attacks a limit of a few rows: some go in each step, old ones and some that were new."""
    more = pd.concat([BASE, made(400, 3)], ignore_index=True)
    exam = np.flatnonzero(in_exam(more))
    old, new = exam[exam < len(BASE)], exam[exam >= len(BASE)]
    one_step = more.drop(index=old[:3])
    two_steps = one_step.drop(index=[*old[3:5], *new[:4]])
    found = stepping("touched_exam_rows", [BASE, one_step, two_steps])
    assert one(found, "touched_exam_rows").value == 3 + 2 + 4
    assert one(found, "touched_exam_rows").n == len(old) + len(new)


def test_repeated_exam_rows_are_growth(
    compare: Sides, in_exam: Callable[[pd.DataFrame], np.ndarray], policy: Policy
) -> None:
    """Attacks an exam of easy rows that stand there twice; a column no model reads differs."""
    easy = BASE[in_exam(BASE)].iloc[:400].assign(race="c")
    evidence = compare(pd.concat([BASE, easy]))
    assert outcomes(policy, evidence)["exam-growth"] is Outcome.FAIL


def test_rows_that_are_lost_are_not_counted_from(
    stepping: Steps, tmp_path: Path, policy: Policy
) -> None:
    """Attacks a count that begins anew because its first rows can't be had."""
    stepping("exam_growth", [BASE, BASE, BASE])
    shutil.rmtree(tmp_path / "candidate/.gatehouse")
    evidence = evidence_by(
        "rows", Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base"), policy
    )
    assert one(evidence, "exam_growth").value is None
    assert outcomes(policy, evidence) == {"exam-growth": Outcome.INCONCLUSIVE}


def entries(rows: pd.DataFrame, contract: Contract) -> Erased:
    """A list that names some rows."""
    made = Erased(key="a1" * 32, rows=())
    batch = pa.RecordBatch.from_pandas(rows, preserve_index=False)
    return made.with_rows(made.entries(batch, contract))


def erase(tmp_path: Path, contract: Contract, rows: pd.DataFrame) -> None:
    """Let the base's list name some rows."""
    write_record(BaseRecord(erased=entries(rows, contract)), tmp_path / "candidate")


def test_erased_rows_are_no_touched_exam(
    compare: Sides,
    tmp_path: Path,
    in_exam: Callable[[pd.DataFrame], np.ndarray],
    contract_of: Callable[..., Contract],
    policy: Policy,
) -> None:
    """A false alarm: persons who asked to be erased; one who did not is told beside them."""
    gone = np.flatnonzero(in_exam(BASE))[:5]
    erase(tmp_path, small(contract_of), BASE.iloc[gone])
    evidence = compare(BASE.drop(index=gone))
    assert outcomes(policy, evidence) == {}
    assert one(evidence, "explained_rows", "reason=erasure & split=test").value == 5
    more = np.flatnonzero(in_exam(BASE))[:6]
    evidence = compare(BASE.drop(index=more))
    assert outcomes(policy, evidence) == {"exam-untouched": Outcome.FAIL}
    assert one(evidence, "touched_exam_rows").value == 1


def test_a_list_in_small_steps_adds_up(
    stepping: Steps,
    in_exam: Callable[[pd.DataFrame], np.ndarray],
    contract_of: Callable[..., Contract],
    policy: Policy,
) -> None:
    """Attacks the limit of a list by two changes, each of which stays below it."""
    exam = np.flatnonzero(in_exam(BASE))
    erased = entries(BASE.iloc[exam[:12]], small(contract_of))
    steps = [BASE, BASE.drop(index=exam[:6]), BASE.drop(index=exam[:12])]
    found = stepping("touched_exam_rows", steps, erased)
    assert one(found, "touched_exam_rows").value == 12
    assert one(found, "explained_rows", "reason=erasure").value == 6
    assert outcomes(policy, found) == {"exam-untouched": Outcome.FAIL}


def test_a_swept_exam_is_untouched(
    compare: Sides,
    tmp_path: Path,
    in_exam: Callable[[pd.DataFrame], np.ndarray],
    contract_of: Callable[..., Contract],
    policy: Policy,
) -> None:
    """A retention by the base's contract explains a sweep; the change's own explains none."""
    seen = pd.Timestamp.now() - pd.to_timedelta(np.arange(len(BASE)) % 100 * 7 + 1, "D")
    dated = BASE.assign(seen=seen.strftime("%Y-%m-%d"))
    young = dated[dated["seen"] >= f"{pd.Timestamp.now() - pd.Timedelta(days=360):%Y-%m-%d}"]
    compare(dated)
    plain = contract_of(
        age={"type": "number"}, seen={"type": "string", "role": "ignored", "missing": 1.0}
    )
    retention = Retention(column="seen", days=360)
    keeps = plain.model_copy(update={"retention": retention})
    for rows, base, passes in (
        (young, keeps, True),
        (young, plain, False),
        (young.drop(index=young.index[in_exam(young)][0]), keeps, False),
        (dated[in_exam(dated) <= (dated["seen"] >= young["seen"].min())], keeps, False),
    ):
        for side, contract in (("base", base), ("candidate", keeps)):
            (tmp_path / side / "contract.yaml").write_text(
                contract.model_dump_json(exclude_none=True)
            )
        write_table(dated, tmp_path / "base/data/raw/rows.parquet")
        write_table(rows, tmp_path / "candidate/data/raw/rows.parquet")
        sides = Workspace(tmp_path / "candidate"), Workspace(tmp_path / "base")
        evidence = evidence_by("rows", *sides, policy)
        assert ("exam-untouched" not in outcomes(policy, evidence)) == passes
        if passes:
            explained = one(evidence, "explained_rows", "reason=retention").value
            assert explained == len(dated) - len(young) > 2_000
            # Of a swept exam less is left, so new rows dilute it more.
            write_table(
                pd.concat([young, made(1_000, 5).assign(seen=young["seen"].max())]),
                tmp_path / "candidate/data/raw/rows.parquet",
            )
            diluted = evidence_by("rows", *sides, policy)
            assert "exam-growth" in outcomes(policy, diluted)
            assert one(diluted, "exam_growth").n == in_exam(young).sum()
