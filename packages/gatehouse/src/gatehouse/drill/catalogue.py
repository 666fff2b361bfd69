"""The catalogue: every defect, the gate meant to catch it, and the clean controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatehouse.drill import data_defects as data
from gatehouse.drill import model_defects as model
from gatehouse.drill import record_defects as record
from gatehouse.drill import row_defects as rows
from gatehouse.drill.scene import Scene
from gatehouse.evidence import NEW, Gate
from gatehouse.verdict import Outcome, Verdict

Plant = Callable[[Scene], None]


def _nothing(_: Scene) -> None:
    """The copy as it is."""


def _always(_: Verdict) -> bool:
    return True


@dataclass(frozen=True)
class Defect:
    """One entry of the catalogue.

    Attributes:
        name: as the table and `--only` say it.
        gate: the gate meant to catch it; None for a control, which must stay green.
        plant: changes the copy before it is measured.
        tamper: changes the evidence after it was measured.
        also: gates that go red as a consequence of this defect, not by accident.
        beyond_two: gates that also do where the task is not binary.
        warns: the gate warns; it does not block.
        told: what else the verdict must say of it.
    """

    name: str
    gate: Gate | None
    plant: Plant = _nothing
    tamper: Plant = _nothing
    also: frozenset[Gate] = frozenset()
    beyond_two: frozenset[Gate] = frozenset()
    warns: bool = False
    told: Callable[[Verdict], bool] = _always


def _loosening_told(verdict: Verdict) -> bool:
    proposed = verdict.proposed
    return verdict.loosened and proposed is not None and proposed.outcome is Outcome.PASS


def _waiver(state: str) -> Callable[[Verdict], bool]:
    return lambda verdict: any(waiver.state == state for waiver in verdict.waivers)


def _red(measurement: str) -> Callable[[Verdict], bool]:
    """A rule of this measurement blocks."""
    return lambda verdict: any(
        result.measurement == measurement and result.blocks for result in verdict.rules
    )


def _new_rows_told(verdict: Verdict) -> bool:
    """A rule on new test rows fails, and no other of its gate."""
    blocked = [each for each in verdict.rules if each.gate is Gate.ACCURACY and each.blocks]
    return bool(blocked) and all(f.slice == NEW for each in blocked for f in each.findings)


def _only_intersection(verdict: Verdict) -> bool:
    """Every attribute alone stays free of failure; only slices of several fail."""
    failed = [
        finding.slice
        for result in verdict.rules
        if result.gate is Gate.FAIRNESS and result.blocks
        for finding in result.findings
        if finding.outcome is Outcome.FAIL
    ]
    return bool(failed) and all(" & " in name for name in failed)


DEFECTS = (
    Defect("missing values", Gate.DATA, data.missing_values),
    Defect("out-of-range values", Gate.DATA, data.out_of_range),
    Defect("unseen category", Gate.DATA, data.unseen_category),
    Defect("dropped column", Gate.DATA, data.dropped_column),
    Defect("duplicated rows", Gate.DATA, data.duplicated_rows),
    Defect("relabelled exam rows", Gate.ROWS, rows.relabelled_exam, told=_red("touched_exam_rows")),
    Defect("removed exam rows", Gate.ROWS, rows.removed_exam, told=_red("touched_exam_rows")),
    Defect("copies of exam rows in train", Gate.ROWS, rows.copied_exam, told=_red("exam_leak")),
    Defect("nudged copies of exam rows", Gate.ROWS, rows.nudged_exam, told=_red("exam_leak")),
    Defect("another split rule", Gate.ROWS, rows.other_split, told=_red("split_changes")),
    Defect("exam grown in small steps", Gate.ROWS, rows.small_steps, told=_red("exam_growth")),
    Defect("another target", Gate.ROWS, rows.other_target, told=_red("first_run")),
    Defect("rows nudged out of test", Gate.ROWS, rows.unfair_deal, told=_red("unfair_deal")),
    # Rows that were changed all over are changed in the exam too.
    Defect("mean shift", Gate.DRIFT, data.mean_shift, also=frozenset({Gate.ROWS})),
    Defect("stand-ins for missing values", Gate.DRIFT, data.stand_ins, also=frozenset({Gate.ROWS})),
    Defect("category shift", Gate.DRIFT, data.category_shift, also=frozenset({Gate.ROWS})),
    # Other decisions, or other numbers, are right less often.
    Defect("prediction drift", Gate.DRIFT, model.sharpened, beyond_two=frozenset({Gate.ACCURACY})),
    Defect("test rows in train", Gate.ACCURACY, data.trained_on_the_test),
    # Wrong labels outnumber the true positives of a group that has few: its rates go astray.
    Defect("label noise", Gate.ACCURACY, data.label_noise, also=frozenset({Gate.FAIRNESS})),
    Defect("worse than base", Gate.ACCURACY, model.worse_than_base),
    # New rows of a kind that was not there move their column.
    Defect("worse on new rows", Gate.ACCURACY, rows.worse_on_new_rows,
           also=frozenset({Gate.DRIFT}), told=_new_rows_told),
    # A leak makes the scores all but certain: their distribution moves, and groups whose labels
    # differ are decided apart.
    Defect("label leakage", Gate.ACCURACY, data.label_leakage, warns=True,
           also=frozenset({Gate.DRIFT})),
    # What is done to a group's scores also costs accuracy, and moves the predictions.
    Defect("bias against a group", Gate.FAIRNESS, model.biased_group,
           also=frozenset({Gate.ACCURACY}), beyond_two=frozenset({Gate.DRIFT})),
    Defect("bias in an intersection", Gate.FAIRNESS, model.biased_intersection,
           also=frozenset({Gate.ACCURACY}), beyond_two=frozenset({Gate.DRIFT}),
           told=_only_intersection),
    Defect("slower graph", Gate.LATENCY, model.slower_graph),
    # What is served is what the other gates measure.
    Defect("INT8 that disagrees", Gate.LATENCY, model.disagreeing_int8,
           beyond_two=frozenset({Gate.ACCURACY})),
    Defect("evidence of another model", Gate.ACCURACY, tamper=record.evidence_of_another_model),
    Defect("evidence missing", Gate.FAIRNESS, tamper=record.evidence_missing),
    Defect("evidence truncated", Gate.LATENCY, tamper=record.evidence_truncated),
    Defect("evidence of newer schema", Gate.DRIFT, tamper=record.evidence_of_newer_schema),
    Defect("attribute no longer protected", Gate.FAIRNESS, record.unprotected_attribute,
           also=frozenset({Gate.ACCURACY}), beyond_two=frozenset({Gate.DRIFT})),
    Defect("loosened policy", Gate.ACCURACY, record.loosened_policy, told=_loosening_told),
    Defect("expired waiver", Gate.ACCURACY, record.expired_waiver, told=_waiver("expired")),
    Defect("waiver only in the pull request", Gate.ACCURACY, record.waiver_of_the_pull_request,
           told=_waiver("proposed")),
)  # fmt: skip

CONTROLS = (
    Defect("control: nothing changed", None),
    # Other test rows are another exam, which only an owner may set.
    Defect("control: fresh rows", None, data.half_draw, also=frozenset({Gate.ROWS})),
    Defect("control: 5 % more rows", None, rows.more_rows),
    Defect("control: small steps below the limit", None, rows.few_small_steps),
    Defect("control: model trained again", None, model.slightly_different),
    Defect("control: live waiver", None, record.live_waiver, told=_waiver("used")),
)
