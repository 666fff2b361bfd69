"""The accuracy gate: is the model good enough, and no worse than the base's?"""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from gatehouse.evidence import CHANGED, NEW, RELEASED
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.slices import WORST
from gatehouse.gates.slices.grammar import check_slice
from gatehouse.gates.spec import Count, Found, GateSpec, OwnObject, Production, Section
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.evidence import Measurement
    from gatehouse.monitor.measure import Watched
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.verdict import RuleResult, Verdict
    from gatehouse.workspace import Workspace


Share = Annotated[float, Field(gt=0, lt=1)]


class AccuracyMeasure(Frozen):
    calibration_bins: Count = Field(description="equal-mass bins of the calibration error")
    alerts: Share = Field(
        default=0.05, description="share of the rows that raise an alert, for recall_at_alerts"
    )
    recall: Share = Field(
        default=0.8, description="recall at which precision_at_recall is measured"
    )
    metrics: tuple[OwnObject, ...] = Field(
        default=(),
        exclude_if=operator.not_,
        description="metrics of your own in src/gates, each as gates.module:OBJECT",
    )
    slices: tuple[Annotated[str, AfterValidator(check_slice)], ...] = Field(
        default=(),
        exclude_if=operator.not_,
        description="slices to measure: column=value, column=missing, column in [low, high), "
        "joined by ' & '",
    )


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.accuracy.measure import measure

    return measure(candidate, base, policy)


def _rules(start: Start) -> list[str]:
    from gatehouse.adopt.policy.accuracy import accuracy_rules

    contract = start.contract
    timed = any(column.kind.moments for column in contract.columns.values())
    return accuracy_rules(
        contract.task, start.baseline, start.sizes, leaking=start.leaking, timed=timed
    )


def _advice(result: RuleResult, compared: bool) -> str:
    if not compared:
        return (
            "Check rows and columns, or try other settings (`make tune`). Lower a floor that is "
            "too high in `policy.yaml`; an owner must agree."
        )
    return (
        "Compare settings, rows and columns with the base, below. Train again, or undo the change."
    )


def _section(context: ReportContext) -> str:
    from gatehouse.report.details import accuracy

    return accuracy(context)


def _only(verdict: Verdict, where: tuple[str, ...]) -> bool:
    """Whether the gate's only failing rules are rules on the slices `where`."""
    blocked = [each for each in verdict.rules if each.gate == ACCURACY.name and each.blocks]
    return bool(blocked) and all(f.slice in where for each in blocked for f in each.findings)


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill import data_defects, model_defects, row_defects, slice_defects
    from gatehouse.drill.defect import Defect, red

    name, drift = ACCURACY.name, frozenset({DRIFT.name})
    return (
        Defect("test rows in train", name, data_defects.trained_on_the_test),
        # Wrong labels outnumber the true positives of a small group and distort its rates.
        Defect("label noise", name, data_defects.label_noise, also=frozenset({"fairness"})),
        Defect("broken calibration", name, model_defects.uncalibrated),
        Defect("worse than base", name, model_defects.worse_than_base),
        Defect("many small losses", name, model_defects.small_losses,
               holds=partial(_only, where=(RELEASED,))),
        Defect("sealed rows in train", name, row_defects.sealed_in_train,
               holds=red("sealed_rows_in_train")),
        # New rows of a kind not seen before shift the distribution of their column.
        Defect("worse on new rows", name, row_defects.worse_on_new_rows, also=drift,
               holds=partial(_only, where=(NEW, CHANGED))),
        # What turns a group's scores moves the mean score, and the gaps to that group.
        Defect("worse where a value is missing", name, slice_defects.worse_where_missing,
               also=drift | {"fairness"}, holds=red(WORST)),
        Defect("worse in one category", name, slice_defects.worse_in_category,
               also=drift | {"fairness"}, holds=red(WORST)),
        # A leak makes the scores almost certain. Their distribution moves, and groups whose labels
        # differ get different decisions.
        Defect("label leakage", name, data_defects.label_leakage, also=drift, warns=True),
    )  # fmt: skip


def _in_production(watched: Watched, number: int, policy: Policy) -> list[Measurement]:
    return watched.measure_accuracy(number, policy)


ACCURACY = GateSpec(
    name="accuracy",
    question="Good, and no worse?",
    looks_at=("contract", "data", "model"),
    compares=True,
    settings=AccuracyMeasure,
    measure=_measure,
    rules=_rules,
    advice=_advice,
    section=Section("Accuracy", 3, _section),
    defects=_defects,
    about_training=True,
    production=Production(
        question="Still right?",
        advice="The model is wrong more often than the policy allows. Look at the drift next to "
        "it, roll back if it began with a release, and train on newer data.",
        labels=True,
        compares=False,
        tools=("numpy", "scikit-learn", "pyarrow"),
        measure=_in_production,
    ),
)
