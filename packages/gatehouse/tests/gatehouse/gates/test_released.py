"""The comparison with the best released model: attacks it by models that can't be measured."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from gatehouse.base import BaseRecord, Judged, Outputs, folder_of, write_record
from gatehouse.contract import CONTRACT_FILE
from gatehouse.evidence import BEST_IS_BASE, RELEASED, Evidence, Measurement, Of
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.report.quantities import accuracy, reuse
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL, Workspace
from tests.gatehouse.gates.conftest import Graph
from tests.gatehouse.gates.evidence import evidence_by

Make = Callable[..., Workspace]
RULE = "accuracy-release"
GOOD, MIDDLING, POOR = (
    Graph(),
    Graph(bonus={"red": 0.2}, other=-0.2),
    Graph(bonus={"red": -0.1}, other=0.1),
)


def release(candidate: Workspace, released: Workspace | None, *, kept: bool = True) -> None:
    """Make the model of `released` the best one that the base's branch released."""
    outputs = Outputs(contract="c", outs={MODEL.as_posix(): "m"})
    for path in (MODEL, CONTRACT_FILE):
        if not kept or released is None:
            continue
        place = candidate.root / folder_of(outputs) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(released.root / path, place)
    write_record(BaseRecord(released=outputs if released else None), candidate.root)


def compared(evidence: Evidence, name: str, where: str) -> Measurement:
    (found,) = (
        m for m in evidence.measurements
        if (m.name, m.of, m.slice) == (name, Of.COMPARISON, where)
    )  # fmt: skip
    return found


def test_a_small_loss_after_others_is_too_much(make_workspace: Make, policy: Policy) -> None:
    """Attacks the margin by the last of many small losses: it equals the base, and that fails."""
    candidate, base, best = (
        make_workspace(name, int8=graph)
        for name, graph in (("candidate", POOR), ("base", POOR), ("best", GOOD))
    )
    release(candidate, best)
    evidence = evidence_by("accuracy", candidate, base, policy)
    assert compared(evidence, "roc_auc", "all").value == 0
    direct = evidence_by("accuracy", make_workspace("again", int8=POOR), best, policy)
    loss = compared(evidence, "roc_auc", RELEASED)
    assert loss.value == pytest.approx(compared(direct, "roc_auc", "all").value)
    assert "best released" in loss.method
    (finding,) = apply_rule(policy.rules[RULE], evidence)
    assert finding.outcome is Outcome.FAIL
    assert "best released" in accuracy(evidence.measurements)


def test_a_base_that_is_the_best_is_compared_once(make_workspace: Make, policy: Policy) -> None:
    """Attacks a clean change: the numbers are the base's, and are shown once."""
    candidate, base = make_workspace("candidate", int8=MIDDLING), make_workspace("base", int8=GOOD)
    evidence = evidence_by("accuracy", candidate, base, policy)
    found = compared(evidence, "roc_auc", RELEASED)
    assert found.note == BEST_IS_BASE
    assert found.interval == compared(evidence, "roc_auc", "all").interval
    assert "best released" not in accuracy(evidence.measurements)


@pytest.mark.parametrize("lost", ["model", "classes", "column", "graph"])
def test_a_model_that_cannot_be_measured_is_no_pass(
    lost: str, make_workspace: Make, policy: Policy
) -> None:
    """Attacks the comparison by a model that is lost, of another question, or broken."""
    candidate, base = make_workspace("candidate"), make_workspace("base")
    number = "age" if lost != "column" else "size_of_old"
    best = make_workspace("best", int8=Graph(number=number))
    release(candidate, best, kept=lost != "model")
    place = next(iter((candidate.root / ".gatehouse/base").glob("*/models/*")), None)
    if lost == "classes" and place is not None:
        contract = place.parents[1] / CONTRACT_FILE
        text = contract.read_text().replace('"yes"', '"sure"')
        contract.write_text(text)
    if lost == "graph" and place is not None:
        place.write_bytes(b"no graph")
    evidence = evidence_by("accuracy", candidate, base, policy)
    found = compared(evidence, "roc_auc", RELEASED)
    assert (found.value, found.interval, found.n) == (None, None, 0)
    assert "unknown: the best released model can't be measured" in str(found.note)
    (finding,) = apply_rule(policy.rules[RULE], evidence)
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_the_report_says_how_often_the_exam_was_used(make_workspace: Make, policy: Policy) -> None:
    """Attacks the best of many by luck: the evidence counts the candidates of this very exam."""
    candidate, base = make_workspace("candidate"), make_workspace("base")
    exam = evidence_by("accuracy", candidate, base, policy).exam
    assert exam is not None
    assert exam.judged == 0
    for digest, judged in ((exam.digest, 19), ("another", 0)):
        write_record(BaseRecord(judged=Judged(exam=digest, candidates=19)), candidate.root)
        again = evidence_by("accuracy", candidate, base, policy).exam
        assert again is not None
        assert again.judged == judged
    assert reuse(0) == []
    (text,) = reuse(19)
    assert text.startswith("19 merged candidates were judged on this exam before.")
    assert "the best of 20 equally good candidates" in text
    assert "1.9 standard errors" in text  # the expected maximum of 20 normal values is 1.87
