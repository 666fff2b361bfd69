"""The data gate: do the rows meet the contract?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.gates.spec import Found, GateSpec, Section

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.evidence import Evidence
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.workspace import Workspace


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.data.measure import measure

    return measure(candidate, base, policy)


def _rules(start: Start) -> list[str]:
    from gatehouse.adopt.policy.data import data_rules

    return data_rules(start.plan)


def _section(context: ReportContext) -> str:
    from gatehouse.report.details import expectations

    return expectations(context)


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill import data_defects as plant
    from gatehouse.drill.defect import Defect

    return (
        Defect("missing values", DATA.name, plant.missing_values),
        Defect("out-of-range values", DATA.name, plant.out_of_range),
        Defect("unseen category", DATA.name, plant.unseen_category),
        Defect("dropped column", DATA.name, plant.dropped_column),
        Defect("duplicated rows", DATA.name, plant.duplicated_rows),
    )


def failures(evidence: Evidence, severity: str) -> int:
    """Count the expectations of `severity` that the data breaks."""
    for measurement in evidence.measurements:
        if (
            measurement.name == "failed_expectations"
            and measurement.slice == f"severity={severity}"
        ):
            return int(measurement.value or 0)
    return 0


DATA = GateSpec(
    name="data",
    question="Rows keep the contract?",
    looks_at=("contract", "raw"),
    compares=False,
    settings=None,
    measure=_measure,
    rules=_rules,
    advice="Fix the rows at their source. If the new values are right, widen `contract.yaml` "
    "in a pull request of its own.",
    section=Section("Data: expectations", 1, _section),
    defects=_defects,
)
