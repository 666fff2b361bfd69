"""The exam: whose rows are asked, and what a change can do to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import CHANGED, NEW, Evidence, Measurement, Of
from gatehouse.gates.accuracy import measure as accuracy
from gatehouse.gates.drift import measure as drift
from gatehouse.gates.exam import exam_of
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.latency import measure as latency
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.conftest import Graph
from tests.gatehouse.gates.evidence import evidence_by

Make = Callable[..., Workspace]


def one(evidence: Evidence, name: str, of: Of, where: str = "all") -> Measurement:
    (found,) = [m for m in evidence.measurements if (m.name, m.of, m.slice) == (name, of, where)]
    return found


def easy(rows: pd.DataFrame, model: Workspace) -> pd.DataFrame:
    """The rows that a model gets right."""
    right = model.model.decisions(model.model.outputs(rows)) == (rows["y"] == "yes")
    return rows[np.asarray(right)].reset_index(drop=True)


@pytest.mark.parametrize("attack", ["leave out", "relabel", "repeat"])
def test_a_change_does_not_choose_its_questions(
    attack: str, make_workspace: Make, policy: Policy
) -> None:
    """Attacks the exam: hard test rows left out or relabelled, easy ones repeated."""
    base = make_workspace("base")
    honest = evidence_by("accuracy", make_workspace("honest"), base, policy)
    rows = base.split("test")
    right = easy(rows, base)
    decided = base.model.decisions(base.model.outputs(rows))
    tests = {
        "leave out": right,
        "relabel": rows.assign(y=np.where(decided == 1, "yes", "no")),
        "repeat": pd.concat([rows, right, right], ignore_index=True),
    }
    bad = evidence_by("accuracy", make_workspace(test=tests[attack]), base, policy)
    for of in (Of.CANDIDATE, Of.COMPARISON):
        for name in ("roc_auc", "accuracy"):
            before, after = one(honest, name, of), one(bad, name, of)
            assert (after.value, after.interval, after.n) == (
                before.value, before.interval, before.n,
            )  # fmt: skip
    assert bad.exam is not None
    assert honest.exam is not None
    assert bad.exam.digest == honest.exam.digest
    altered = len(rows) - bad.exam.unchanged
    assert (altered > 0) == (attack != "repeat")
    assert (
        f"altered or removed {altered:,}" in (one(bad, "roc_auc", Of.CANDIDATE).note or "")
    ) == (attack != "repeat")


def test_every_gate_that_scores_sits_it(make_workspace: Make, policy: Policy) -> None:
    """Attacks a gate that is asked the candidate's own rows: groups shuffled in its test split."""
    base = make_workspace("base")
    rng = np.random.default_rng(0)
    test = base.split("test").iloc[:50].assign(sex=lambda rows: rng.permutation(rows["sex"]))
    candidate = make_workspace(test=test)
    for gate in (accuracy, drift, fairness, latency):
        evidence = gate.measure(candidate, base, policy)
        assert evidence.exam is not None, gate
        assert evidence.exam.scored == len(base.split("test"))
    plain = evidence_by("fairness", make_workspace("plain"), base, policy)
    assert evidence_by("fairness", candidate, base, policy).measurements == plain.measurements


def test_both_models_answer_the_same_rows(make_workspace: Make, policy: Policy) -> None:
    """Attacks pairing: each answer is scikit-learn's on the base's rows."""
    base = make_workspace("base", int8=Graph(slope=-1 / 12))
    candidate = make_workspace(test=make_workspace("odd").split("test").iloc[:100])
    evidence = evidence_by("accuracy", candidate, base, policy)
    rows = base.split("test")
    y = (rows["y"] == "yes").to_numpy(int)
    ours, theirs = (sk.roc_auc_score(y, w.model.scores(rows)) for w in (candidate, base))
    assert one(evidence, "roc_auc", Of.CANDIDATE).value == pytest.approx(ours, rel=1e-12)
    assert one(evidence, "roc_auc", Of.BASE).value == pytest.approx(theirs, rel=1e-12)
    assert one(evidence, "roc_auc", Of.COMPARISON).value == pytest.approx(ours - theirs)


def with_bonus(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a new column, which follows from the row."""
    return rows.assign(bonus=rows["age"].to_numpy() * 2.0)


def test_a_new_column_comes_from_the_row_that_an_exam_row_became(
    make_workspace: Make,
    policy: Policy,
    contract_of: Callable[..., Contract],
    small_graph: type[Graph],
) -> None:
    """Attacks a new feature that no exam row could have, and its values for the wrong rows."""
    base = make_workspace("base")
    rows = with_bonus(base.split("test")).sample(frac=1, random_state=3)
    gone, changed = rows.index[:20], rows.index[20:30]
    rows = rows.drop(index=gone)
    rows.loc[changed, "sex"] = rows.loc[changed, "sex"].map({"f": "m", "m": "f"})
    contract = contract_of(bonus={"type": "number"})
    graph = small_graph(number="bonus", slope=1 / 24)
    candidate = make_workspace(
        train=with_bonus(base.split("train")), test=rows, contract=contract, int8=graph, fp32=graph
    )
    exam = exam_of(candidate, base)
    assert (exam.rows["bonus"] == 2 * exam.base_rows["age"]).all()
    assert exam.record is not None
    assert exam.record.scored == len(rows)
    assert exam.note is not None
    assert "20 could not be scored" in exam.note
    # The base's version of a changed row is scored.
    assert exam.base_rows.drop(columns="y").equals(exam.rows[exam.base_rows.columns.drop("y")])
    assert evidence_by("accuracy", candidate, base, policy).exam == exam.record


def test_rows_that_its_own_split_trains_on_are_not_asked(
    make_workspace: Make, contract_of: Callable[..., Contract]
) -> None:
    """Attacks a change of `split`, after which the model has learned from exam rows."""
    base = make_workspace("base")
    contract = contract_of()
    split = contract.split.model_copy(update={"test": 0.5})
    candidate = make_workspace(contract=contract.model_copy(update={"split": split}))
    exam = exam_of(candidate, base)
    assert exam.record is not None
    assert 0 < exam.record.scored < exam.record.rows
    import pyarrow as pa

    from gatehouse.split import deal

    table = pa.Table.from_pandas(base.split("test"), preserve_index=False)
    assert exam.record.scored == int((deal(table, candidate.contract) == 2).sum())


def test_new_rows_are_compared_by_themselves(
    make_workspace: Make, policy: Policy, rows_of: Callable[[int, int], pd.DataFrame]
) -> None:
    """Attacks a model that is good at the exam alone, and worse on what comes."""
    base = make_workspace("base")
    test = base.split("test")
    rule = policy.rules["accuracy-new-rows"]

    def outcome(candidate: Workspace) -> Outcome:
        (finding,) = apply_rule(rule, evidence_by("accuracy", candidate, base, policy))
        return finding.outcome

    more = pd.concat([test, rows_of(800, 9)], ignore_index=True)
    assert outcome(make_workspace("same", test=more)) is Outcome.PASS
    # Of another colour than all before, for which the candidate's graph has its own answer.
    strange = rows_of(800, 9).assign(colour="green")
    worse = Graph(bonus={"red": 1.0, "blue": -1.0}, other=9.0)
    exam = test[test["colour"] != "green"]
    base = make_workspace("base", test=exam)
    both = pd.concat([exam, strange], ignore_index=True)
    assert outcome(make_workspace("worse", test=both, int8=worse, fp32=worse)) is Outcome.FAIL
    few = pd.concat([exam, strange.iloc[:50]], ignore_index=True)
    bad = evidence_by(
        "accuracy", make_workspace("few", test=few, int8=worse, fp32=worse), base, policy
    )
    (finding,) = apply_rule(rule, bad)
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 50)  # plainly worse


def test_easy_new_rows_are_told(make_workspace: Make, policy: Policy) -> None:
    """Attacks an exam that is made easier by rows that the base gets right, of one label."""
    base = make_workspace("base")
    test = base.split("test")
    more = easy(test, base).assign(age=lambda rows: rows["age"] + 0.25)
    more = more[more["y"] == "yes"]
    evidence = evidence_by(
        "accuracy", make_workspace(test=pd.concat([test, more], ignore_index=True)), base, policy
    )
    for name, where in (("accuracy_of_base_difference", CHANGED), ("label_rate_difference", NEW)):
        found = one(evidence, name, Of.COMPARISON, where)
        assert found.interval is not None
        assert found.interval.low > 0.1
        assert found.n == len(more)


@pytest.mark.parametrize("new", [0, 1, 2])
def test_too_few_new_rows_tell_nothing(
    new: int, make_workspace: Make, policy: Policy, rows_of: Callable[[int, int], pd.DataFrame]
) -> None:
    """Attacks a change that brings none, or one: shown, and it blocks nothing."""
    base = make_workspace("base")
    test = pd.concat([base.split("test"), rows_of(new, 9)], ignore_index=True)
    evidence = evidence_by("accuracy", make_workspace(test=test), base, policy)
    found = one(evidence, "accuracy", Of.COMPARISON, NEW)
    assert found.n == new
    (finding,) = apply_rule(policy.rules["accuracy-new-rows"], evidence)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert policy.rules["accuracy-new-rows"].inconclusive == "pass"


def test_an_exam_that_nobody_can_sit_is_an_error(
    make_workspace: Make, contract_of: Callable[..., Contract]
) -> None:
    """Attacks an exam emptied by a new column and other rows: no evidence, so no pass."""
    base = make_workspace("base")
    contract = contract_of(bonus={"type": "number"})
    test = with_bonus(base.split("test").assign(age=lambda rows: rows["age"] + 0.5))
    with pytest.raises(GatehouseError, match="no exam row can be scored"):
        exam_of(make_workspace(test=test, contract=contract), base)


def test_without_a_base_it_is_the_candidates_own(make_workspace: Make, policy: Policy) -> None:
    """Attacks a first run that is asked nothing."""
    candidate = make_workspace()
    evidence = evidence_by("accuracy", candidate, None, policy)
    assert evidence.exam is None
    assert one(evidence, "roc_auc", Of.CANDIDATE).n == len(candidate.split("test"))
    assert evidence.gate == "accuracy"


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_new_column_that_tells_the_target_is_named(
    kind: str,
    make_workspace: Make,
    policy: Policy,
    contract_of: Callable[..., Contract],
    rows_of: Callable[[int, int], pd.DataFrame],
) -> None:
    """Attacks a column that gives the label away, and one that does so in train alone."""
    rng = np.random.default_rng(0)
    base = make_workspace("base")

    def leaking(rows: pd.DataFrame, share: float) -> pd.DataFrame:
        told = np.where(
            rng.random(len(rows)) < share, rows["y"] == "yes", rng.random(len(rows)) < 0.5
        )
        return rows.assign(
            hint=told.astype(float) if kind == "number" else np.where(told, "p", "q")
        )

    column = (
        {"type": "category", "categories": ["p", "q"]} if kind == "category" else {"type": kind}
    )
    candidate = make_workspace(
        train=leaking(base.split("train"), 0.95),
        test=pd.concat([leaking(base.split("test"), 0.95), leaking(rows_of(400, 9), 0.0)]),
        contract=contract_of(hint=column),
    )
    evidence = evidence_by("accuracy", candidate, base, policy)
    values = {
        where: one(evidence, "column_auc", Of.CANDIDATE, f"column=hint on {where}").value
        for where in ("exam", "train", NEW)
    }
    assert values["exam"] == pytest.approx(0.975, abs=0.02)
    assert values["train"] == pytest.approx(0.975, abs=0.02)
    assert values[NEW] == pytest.approx(0.5, abs=0.1)
    same = evidence_by("accuracy", make_workspace("same"), base, policy)
    assert not [m for m in same.measurements if m.name == "column_auc"]
