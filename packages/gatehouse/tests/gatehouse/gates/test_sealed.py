"""The sealed exam: attacks its rows by many questions, and the gate by rows that nobody may see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.base import BaseRecord, write_record
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import SEALED, SEALED_ELSEWHERE, Asked, Evidence, Of
from gatehouse.gates.accuracy.ladder import climb, rounded, rounded_up
from gatehouse.gates.accuracy.sealed import GAP
from gatehouse.judge import apply_rule
from gatehouse.policy import SEALED_LEAK, Policy, Rule, Sealed
from gatehouse.sealed import SEALED_FILE
from gatehouse.table import write_table
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.conftest import Graph, build_rows
from tests.gatehouse.gates.evidence import evidence_by

Make = Callable[..., Workspace]
POOR, GOOD = Graph(bonus={"red": -0.3}, other=0.3), Graph()


def seal(
    candidate: Workspace, rows: pd.DataFrame, asked: Asked | None = None, *, budget: int = 200
) -> Sealed:
    """Give the gates sealed rows."""
    write_table(rows, candidate.root / SEALED_FILE)
    sealed = Sealed(digest=file_digest(candidate.root / SEALED_FILE), budget=budget)
    write_record(BaseRecord(sealed=sealed, asked=asked), candidate.root)
    return sealed


def values(evidence: Evidence) -> dict[str, float | None]:
    """The three numbers that leave: the answer (slice `sealed`), the gap and the leak."""
    return {
        SEALED if m.slice == SEALED else m.name: m.value
        for m in evidence.measurements
        if m.slice == SEALED or m.name in (GAP, SEALED_LEAK)
    }


def rule(measurement: str, limit: float) -> Rule:
    return Rule(gate="accuracy", measurement=measurement, of=Of.COMPARISON, at_most=limit,
                why="a test")  # fmt: skip


def test_without_sealed_rows_nothing_changes(make_workspace: Make, policy: Policy) -> None:
    """Attacks those who have none: the evidence names nothing of it."""
    evidence = evidence_by("accuracy", make_workspace("candidate"), make_workspace("base"), policy)
    assert values(evidence) == {}
    assert "asked" not in evidence.model_dump(mode="json")
    assert "sealed" not in policy.model_dump(mode="json")


def test_a_better_model_climbs_and_an_equal_one_does_not(
    make_workspace: Make, policy: Policy
) -> None:
    """Attacks the answers: all of them are coarse, and only a better model changes one."""
    base, rows = make_workspace("base", int8=POOR), build_rows(3000, 9)
    good = make_workspace("good", int8=GOOD)
    sealed = seal(good, rows)
    evidence = evidence_by("accuracy", good, base, policy)
    first = evidence.asked
    assert first is not None
    assert (first.exam, first.asked) == (sealed.digest, 2)
    assert first.answer > first.first
    for number in (first.answer, first.first):
        assert number == pytest.approx(round(number, 2))
    found = values(evidence)
    assert found[SEALED] == first.answer
    assert found[GAP] == pytest.approx(first.gained - (first.answer - first.first))
    assert abs(found[GAP] or 1) < 0.02
    # The next candidate is as good as the base then is.
    other = make_workspace("other", int8=Graph(slope=1 / 12.5))
    seal(other, rows, first)
    again = evidence_by("accuracy", other, make_workspace("merged", int8=GOOD), policy).asked
    assert again is not None
    assert (again.asked, again.answer, again.first) == (3, first.answer, first.first)


def test_a_gain_that_the_sealed_rows_do_not_confirm(make_workspace: Make, policy: Policy) -> None:
    """Attacks the visible exam by a model that is made for it: the gap grows merge by merge."""
    base, rows = make_workspace("base", int8=GOOD), build_rows(3000, 9)
    candidate = make_workspace("candidate", int8=Graph(slope=1 / 12.5))
    before = Asked(exam="", asked=7, answer=0.96, first=0.94, gained=0.05)
    sealed = seal(candidate, rows)
    seal(candidate, rows, before.model_copy(update={"exam": sealed.digest}))
    evidence = evidence_by("accuracy", candidate, base, policy)
    (finding,) = apply_rule(rule(GAP, 0.02), evidence)
    assert finding.outcome is Outcome.FAIL
    assert finding.value == pytest.approx(0.03, abs=0.005)
    assert "question 8 of 200" in str(finding.note)


def test_the_base_s_own_model_asks_nothing(make_workspace: Make, policy: Policy) -> None:
    """Attacks the budget by changes of words, and by judging one candidate again."""
    candidate, base, rows = make_workspace("candidate"), make_workspace("base"), build_rows(900, 9)
    asked = Asked(exam="", asked=200, answer=0.9, first=0.88, gained=0.05)
    sealed = seal(candidate, rows)
    asked = asked.model_copy(update={"exam": sealed.digest})
    seal(candidate, rows, asked)
    assert evidence_by("accuracy", candidate, base, policy).asked == asked


def test_a_budget_that_is_used_up_answers_nothing(make_workspace: Make, policy: Policy) -> None:
    """Attacks the rows by one question more."""
    base, rows = make_workspace("base", int8=POOR), build_rows(900, 9)
    candidate = make_workspace("candidate", int8=GOOD)
    sealed = seal(candidate, rows, budget=3)
    asked = Asked(exam=sealed.digest, asked=3, answer=0.9, first=0.88, gained=0.05)
    seal(candidate, rows, asked, budget=3)
    evidence = evidence_by("accuracy", candidate, base, policy)
    assert evidence.asked == asked
    assert values(evidence) == {SEALED: None, GAP: None, SEALED_LEAK: 0}
    (finding,) = apply_rule(rule(GAP, 0.02), evidence)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "the budget of 3 questions is used up" in finding.text


def test_where_the_rows_are_not_no_rule_fails(make_workspace: Make, policy: Policy) -> None:
    """Attacks a run on a workstation, which can't read them."""
    candidate, base = make_workspace("candidate"), make_workspace("base")
    seal(candidate, build_rows(300, 9))
    (candidate.root / SEALED_FILE).unlink()
    evidence = evidence_by("accuracy", candidate, base, policy)
    for measurement in (GAP, SEALED_LEAK):
        (finding,) = apply_rule(rule(measurement, 0), evidence)
        assert (finding.outcome, finding.text) == (Outcome.NONE, SEALED_ELSEWHERE)


def test_sealed_rows_in_train_are_red(make_workspace: Make, policy: Policy) -> None:
    """Attacks the sealed exam by training on it; rows of the same kind are no leak."""
    sealed, train = build_rows(600, 9), build_rows(3000, 1)
    for name, rows, outcome in (
        ("clean", train, Outcome.PASS),
        ("leaked", pd.concat([train, sealed.sample(frac=0.1, random_state=1)]), Outcome.FAIL),
    ):
        candidate = make_workspace(name, train=rows.reset_index(drop=True))
        seal(candidate, sealed)
        # The candidate's rows of valid and test are the same ones here.
        base = make_workspace(f"base of {name}", test=build_rows(1500, 7))
        evidence = evidence_by("accuracy", candidate, base, policy)
        (finding,) = apply_rule(rule(SEALED_LEAK, 0), evidence)
        assert finding.outcome is outcome, name
        assert finding.value in (0, 1), "nobody learns how many, and so which"


def test_a_model_that_fails_on_a_row_tells_nothing(make_workspace: Make, policy: Policy) -> None:
    """Attacks the rows by a model that stops at a certain one: the question counts."""
    visible = build_rows(1500, 2).fillna({"size": 0.0})
    base = make_workspace("base", test=visible)
    candidate = make_workspace("candidate", test=visible, int8=Graph(number="size"))
    sealed = seal(candidate, build_rows(600, 9))  # sizes are missing, so that it gives no number
    asked = Asked(exam=sealed.digest, asked=3, answer=0.9, first=0.88, gained=0.0)
    seal(candidate, build_rows(600, 9), asked)
    evidence = evidence_by("accuracy", candidate, base, policy)
    assert evidence.asked is not None
    assert (evidence.asked.asked, evidence.asked.answer) == (4, 0.9)
    (note,) = (m.note for m in evidence.measurements if m.slice == SEALED)
    assert note == "question 4 of 200; the candidate's model does not accept the sealed rows"


def test_other_rows_than_the_policy_names(make_workspace: Make, policy: Policy) -> None:
    """Attacks the exam by easier rows in its place."""
    candidate, base = make_workspace("candidate"), make_workspace("base")
    seal(candidate, build_rows(300, 9))
    write_table(build_rows(300, 8), candidate.root / SEALED_FILE)
    with pytest.raises(GatehouseError, match=r"check sealed\.digest"):
        evidence_by("accuracy", candidate, base, policy)


def test_500_adaptive_submissions_gain_nothing_on_the_sealed_exam() -> None:
    """Attacks the sealed exam by 500 submissions whose author keeps what either exam rewards.

    A submission turns the decisions in a few cells of the input space, where the label is a coin
    flip: none is truly better. benchmarks/ladder tries more authors and more answers.
    """
    for seed in range(4):
        rng = np.random.default_rng(seed)
        cells = rng.integers(0, 400, (2, 2000))
        coin = rng.random((2, 2000)) < 0.4
        start = rng.random((2, 2000)) < np.where(coin, 0.5, 0.9)
        right, variance = start, 0.0
        answer = first = rounded(float(start[1].mean()), 0.01)
        for _ in range(500):
            turned = np.isin(cells, rng.choice(400, 8, replace=False))
            candidate = right ^ (coin & turned)
            moved = variance + float((candidate[1] ^ right[1]).mean()) / 2000
            found = climb(answer, float(candidate[1].mean()), moved**0.5, step=0.01, budget=500)
            if found > answer or candidate[0].mean() > right[0].mean():
                right, variance = candidate, 0.0 if found > answer else moved
                answer = found
        assert right[0].mean() - start[0].mean() > 0.02
        assert answer - first <= 0.01


def test_the_ladder_answers_in_steps() -> None:
    """Attacks the coarseness: below a step, or unsure, the answer is the one before."""
    assert climb(0.9, 0.909, 0.0001, step=0.01, budget=200) == 0.9
    assert climb(0.9, 0.93, 0.01, step=0.01, budget=200) == 0.9
    assert climb(0.9, 0.9234, 0.001, step=0.01, budget=200) == 0.92
    assert climb(0.9, 0.8, 0.001, step=0.01, budget=200) == 0.9
    assert [rounded_up(each) for each in (1.2e-5, 9.1e-6, 3e-5)] == pytest.approx(
        [2e-5, 1e-5, 3e-5]
    )
    assert rounded(0.123456, 0.001) == 0.123


def test_a_sealed_exam_needs_a_rule_on_its_leak(policy: Policy) -> None:
    """Attacks the exam by a policy that never looks whether its rows are known."""
    content = policy.model_dump(mode="json") | {"sealed": {"digest": f"sha256:{'0' * 64}"}}
    with pytest.raises(ValueError, match="no rule judges sealed_rows_in_train"):
        Policy.model_validate(content)
    content["rules"]["sealed-leak"] = rule(SEALED_LEAK, 0).model_dump(mode="json")
    assert Policy.model_validate(content).sealed == Sealed(digest=f"sha256:{'0' * 64}")


def test_a_path_is_no_digest(tmp_path: Path) -> None:
    """Attacks the digest of policy.yaml by another form."""
    with pytest.raises(ValueError, match="digest"):
        Sealed(digest=str(tmp_path))
