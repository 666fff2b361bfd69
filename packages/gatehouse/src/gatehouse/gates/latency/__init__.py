"""The latency gate: is the served graph fast, and does it predict what the trained one does?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.spec import Count, Found, GateSpec, Section
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.workspace import Workspace


class LatencyMeasure(Frozen):
    sessions: Annotated[int, Field(ge=6)] = Field(description="fresh sessions, interleaved")
    calls: Count = Field(description="timed calls of each graph in a session")
    batch: Count = Field(description="rows of the batch that is timed besides single rows")


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.latency.measure import measure

    return measure(candidate, base, policy)


def _rules(start: Start) -> list[str]:
    from gatehouse.adopt.policy.latency import latency_rules

    return latency_rules(start.contract.task, start.sizes)


def _section(context: ReportContext) -> str:
    from gatehouse.report.details import latency

    return latency(context)


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill import model_defects as plant
    from gatehouse.drill.defect import Defect

    return (
        Defect("slower graph", LATENCY.name, plant.slower_graph),
        Defect("slower batches", LATENCY.name, plant.slower_for_batches),
        # The other gates measure the graph that is served.
        Defect("INT8 that disagrees", LATENCY.name, plant.disagreeing_int8,
               beyond_two=frozenset({ACCURACY.name})),
    )  # fmt: skip


LATENCY = GateSpec(
    name="latency",
    question="Fast, and true to FP32?",
    looks_at=("contract", "data", "model", "model_fp32"),
    compares=True,
    settings=LatencyMeasure,
    measure=_measure,
    rules=_rules,
    advice="Try the other quantization method in `params.yaml`, or a smaller network.",
    section=Section("Latency and size", 6, _section),
    defects=_defects,
    about_training=True,
    timed=True,
)
