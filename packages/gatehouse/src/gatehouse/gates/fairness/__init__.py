"""The fairness gate: are groups treated alike?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from gatehouse.evidence import Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.spec import Confidence, Count, Found, GateSpec, Production, Section
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.evidence import Measurement
    from gatehouse.monitor.measure import Watched
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.verdict import Verdict
    from gatehouse.workspace import Workspace


class FairnessMeasure(Frozen):
    confidence: Confidence = Field(description="of the fairness intervals (two-sided)")
    minimum_rows: Count = Field(description="smaller groups are reported and decide only together")
    minimum_class_rows: Count = Field(
        description="positives that a group's TPR needs to decide, and negatives that its FPR needs"
    )
    depth: Count = Field(default=2, description="protected attributes that are crossed at most")


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.fairness.measure import measure

    return measure(candidate, base, policy)


def _rules(start: Start) -> list[str]:
    from gatehouse.adopt.policy.fairness import fairness_rules

    if not start.contract.protected:
        return []
    return fairness_rules(start.contract.task, start.groups, start.sizes)


def _section(context: ReportContext) -> str:
    from gatehouse.report.details import fairness

    return fairness(context)


def _only_intersection(verdict: Verdict) -> bool:
    """Whether each attribute alone passes and only intersections of attributes fail."""
    failed = [
        finding.slice
        for result in verdict.rules
        if result.gate == FAIRNESS.name and result.blocks and result.of is Of.CANDIDATE
        for finding in result.findings
        if finding.outcome == "fail"
    ]
    return bool(failed) and all(" & " in name for name in failed)


def _only_comparison(verdict: Verdict) -> bool:
    """Whether each gap is within its own limit and only the comparison with the base fails."""
    blocking = {result.of for result in verdict.rules if result.gate == FAIRNESS.name
                and result.blocks}  # fmt: skip
    return blocking == {Of.COMPARISON}


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill import model_defects as plant
    from gatehouse.drill.defect import Defect

    # Tampering with a group's scores also costs accuracy and shifts the predictions.
    accuracy, drift = frozenset({ACCURACY.name}), frozenset({DRIFT.name})
    return (
        Defect("bias against a group", FAIRNESS.name, plant.biased_group,
               also=accuracy, beyond_two=drift),
        Defect("bias beyond the base's", FAIRNESS.name, plant.biased_against_base,
               also=accuracy | drift, holds=_only_comparison),
        Defect("bias in an intersection", FAIRNESS.name, plant.biased_intersection,
               also=accuracy, beyond_two=drift, holds=_only_intersection),
    )  # fmt: skip


def _in_production(watched: Watched, number: int, policy: Policy) -> list[Measurement]:
    return watched.measure_fairness(number, policy)


FAIRNESS = GateSpec(
    name="fairness",
    question="Groups treated alike?",
    looks_at=("contract", "data", "model"),
    compares=True,
    settings=FairnessMeasure,
    measure=_measure,
    rules=_rules,
    advice="More rows of the group narrow the gap; so can another threshold, or the "
    "mitigation or fairness penalty in `params.yaml`.",
    section=Section("Fairness by group", 4, _section),
    defects=_defects,
    empty="the contract protects no attribute, so there is nothing to measure",
    production=Production(
        question="Groups treated alike?",
        advice="See which group it falls on below, and whether it is the callers or the model "
        "that changed.",
        labels=True,
        compares=False,
        tools=("numpy", "scipy", "pyarrow"),
        measure=_in_production,
    ),
)
