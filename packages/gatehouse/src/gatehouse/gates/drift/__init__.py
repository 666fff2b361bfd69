"""The drift gate: do training data and predictions look the same as before?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from gatehouse.gates.rows import ROWS
from gatehouse.gates.spec import Count, Found, GateSpec, Production, Section
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.evidence import Measurement
    from gatehouse.monitor.measure import Watched
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.verdict import RuleResult
    from gatehouse.workspace import Workspace


class DriftMeasure(Frozen):
    maximum_rows: Count = Field(description="larger tables are sampled to this many rows")
    rare_level: Count = Field(description="categories with fewer rows in both are merged")


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.drift.measure import measure

    return measure(candidate, base, policy)


def _rules(start: Start) -> list[str]:
    from gatehouse.adopt.policy.data import drift_rules

    return drift_rules(start.contract, start.scan, start.sizes)


def _advice(result: RuleResult, compared: bool) -> str:
    if result.measurement == "joint_drift":
        return "Look at the columns that tell: a wrong join, another rule that made them?"
    return "Find out what moved: a new source, another season, a broken join?"


def _section(context: ReportContext) -> str:
    from gatehouse.report.details import drift

    return drift(context)


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill import data_defects, drift_defects
    from gatehouse.drill.defect import Defect, red

    # If rows change everywhere, exam rows change too.
    rows = frozenset({ROWS.name})
    # The base's model, or both, are wrong about rows that are wrong.
    wrong = frozenset({ROWS.name, "accuracy", "fairness"})
    return (
        Defect("mean shift", DRIFT.name, data_defects.mean_shift, also=wrong),
        Defect("stand-ins for missing values", DRIFT.name, data_defects.stand_ins, also=wrong),
        Defect("category shift", DRIFT.name, data_defects.category_shift, also=wrong),
        Defect("shift next to a sentinel", DRIFT.name, drift_defects.hidden_shift, also=wrong),
        Defect("tail a thousand times as large", DRIFT.name, drift_defects.grown_tail, also=rows),
        Defect("wrong join", DRIFT.name, drift_defects.wrong_join, also=wrong,
               holds=red("joint_drift")),
    )  # fmt: skip


def _in_production(watched: Watched, number: int, _: Policy) -> list[Measurement]:
    return watched.measure_drift(number)


DRIFT = GateSpec(
    name="drift",
    question="Data as it was before?",
    looks_at=("contract", "data", "model"),
    compares=True,
    settings=DriftMeasure,
    measure=_measure,
    rules=_rules,
    advice=_advice,
    section=Section("Drift by column", 5, _section),
    defects=_defects,
    production=Production(
        question="Traffic as the training data was?",
        advice="Find out what moved: new callers, a broken join, another season, or the world? "
        "If it is the world, train on newer data.",
        labels=False,
        compares=True,
        tools=("numpy", "scipy", "scikit-learn", "pyarrow"),
        measure=_in_production,
    ),
)
