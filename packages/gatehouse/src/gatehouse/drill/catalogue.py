"""The catalogue: every defect, the gate that should catch it, and the clean controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gatehouse.drill import data_defects as data
from gatehouse.drill import drift_defects as drift
from gatehouse.drill import model_defects as model
from gatehouse.drill import record_defects as record
from gatehouse.drill import row_defects as rows
from gatehouse.drill import slice_defects as slices
from gatehouse.drill import split_defects as split
from gatehouse.drill.defect import Defect
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.latency import LATENCY
from gatehouse.gates.rows import ROWS
from gatehouse.gates.spec import GateSpec
from gatehouse.verdict import Outcome, Verdict


def _reports_loosening(verdict: Verdict) -> bool:
    proposed = verdict.proposed
    return verdict.loosened and proposed is not None and proposed.outcome is Outcome.PASS


def _waiver(state: str) -> Callable[[Verdict], bool]:
    return lambda verdict: any(waiver.state == state for waiver in verdict.waivers)


_OF_RECORDS = (
    Defect("evidence of another model", ACCURACY.name, tamper=record.evidence_of_another_model),
    Defect("evidence missing", FAIRNESS.name, tamper=record.evidence_missing),
    Defect("evidence truncated", LATENCY.name, tamper=record.evidence_truncated),
    Defect("evidence of newer schema", DRIFT.name, tamper=record.evidence_of_newer_schema),
    Defect("attribute no longer protected", FAIRNESS.name, record.unprotected_attribute,
           also=frozenset({ACCURACY.name}), beyond_two=frozenset({DRIFT.name})),
    Defect("loosened policy", ACCURACY.name, record.loosened_policy, holds=_reports_loosening),
    Defect("expired waiver", ACCURACY.name, record.expired_waiver, holds=_waiver("expired")),
    Defect("waiver only in the pull request", ACCURACY.name, record.waiver_of_the_pull_request,
           holds=_waiver("proposed")),
)  # fmt: skip
"""Defects of evidence and policy. The judge detects them, since no gate measures these."""

CONTROLS = (
    Defect("control: nothing changed", None),
    # Different test rows are a different exam, which only an owner may approve.
    Defect("control: fresh rows", None, data.half_draw, also=frozenset({ROWS.name})),
    Defect("control: 5 % more rows", None, rows.more_rows),
    Defect("control: small steps below the limit", None, rows.few_small_steps),
    Defect("control: split by group", None, split.by_group),
    Defect("control: split by time", None, split.by_time),
    Defect("control: model trained again", None, model.slightly_different),
    Defect("control: a better model", None, drift.better_model),
    Defect("control: small losses within the margin", None, model.few_small_losses),
    Defect("control: sealed rows apart", None, rows.sealed_apart),
    # A better model has other scores, and other gaps.
    Defect(
        "control: better in one category",
        None,
        slices.better_in_category,
        also=frozenset({DRIFT.name, FAIRNESS.name}),
    ),
    Defect("control: live waiver", None, record.live_waiver, holds=_waiver("used")),
)


def defects_of(gates: Iterable[GateSpec]) -> tuple[Defect, ...]:
    """Return the defects of the gates, and those that the judge detects."""
    return (*(defect for gate in gates for defect in gate.defects()), *_OF_RECORDS)
