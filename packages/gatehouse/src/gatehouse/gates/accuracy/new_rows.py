"""Measurements of the test rows that a change brings, which join the exam when it is merged.

Both models are compared on the new rows, as on the exam, and the labels of the new rows with the
exam's. The base's model is also compared with itself: on the new and changed rows, and on its own.
If it does worse there, the rows may be wrong (a wrong join, a redefined label), since the candidate
and the base compared on the same wrong rows look alike. If it does better, the exam gets easier.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import CHANGED, NEW, Interval, Measurement, Of
from gatehouse.gates.accuracy.measure import measure_models
from gatehouse.gates.bootstrap import Floats, wilson_interval
from gatehouse.gates.exam import Exam
from gatehouse.gates.metrics import BY_NAME, headlines, metrics_of
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.gates.predictions import labels_of, predict
from gatehouse.gates.scale import robust_deviation
from gatehouse.policy import Policy

if TYPE_CHECKING:
    from gatehouse.workspace import Workspace

LABELS = "label_rate_difference"
OF_BASE = "{}_of_base_difference"


def on_new_rows(exam: Exam, base: Workspace, policy: Policy) -> list[Measurement]:
    """Measure every metric of both models on the candidate's new test rows, and the differences.

    If there are no new rows, the values are null and the note gives the reason.
    """
    contract = exam.candidate.contract
    models = {Of.CANDIDATE: exam.candidate, Of.BASE: base}
    if not len(exam.new):
        return _not_measured(exam, policy, "the change brings no new test rows")
    try:
        predicted = {of: predict(side.model, exam.new, contract) for of, side in models.items()}
    except GatehouseError as error:
        return _not_measured(exam, policy, f"the new test rows can't be scored: {error}")
    paired = [each for each in measure_models(predicted, policy) if each.slice == "all"]
    found = [*paired, _labels(exam, policy.measure.confidence)]
    return [each.model_copy(update={"slice": NEW}) for each in found]


def on_changed_rows(exam: Exam, base: Workspace, policy: Policy) -> list[Measurement]:
    """Measure the base's model on the new and changed test rows, less itself on the exam.

    If there are no such rows, the values are null and the note gives the reason.
    """
    compared = [metric.name for metric in headlines(exam.candidate.contract.task)]
    reason = "" if len(exam.changed) else "the change brings no new or changed test rows"
    if not reason:
        try:
            found = predict(base.model, exam.changed, exam.candidate.contract)
        except GatehouseError as error:
            reason = f"the base's model can't score the changed test rows: {error}"
    if reason:
        names = [OF_BASE.format(name) for name in compared]
        return [_null(name, CHANGED, reason) for name in names]
    own = {Of.CANDIDATE: found, Of.BASE: exam.theirs}
    return [
        each.model_copy(
            update={
                "name": OF_BASE.format(each.name),
                "slice": CHANGED,
                "method": f"the base's model: {_without_models(each)}",
            }
        )
        for each in measure_models(own, policy, paired=False)
        if each.of is Of.COMPARISON and each.slice == "all" and each.name in compared
    ]


def _without_models(measurement: Measurement) -> str:
    text = measurement.method.removeprefix("candidate - base, ")
    return f"changed test rows - exam, {text}"


def _null(name: str, where: str, reason: str, unit: str = "1") -> Measurement:
    return Measurement(
        name=name, of=Of.COMPARISON, slice=where, value=None, unit=unit, n=0,
        method="not measured", note=reason,
    )  # fmt: skip


def _not_measured(exam: Exam, policy: Policy, reason: str) -> list[Measurement]:
    task = exam.candidate.contract.task
    every = [each for each in metrics_of(task, metrics_by(policy)) if each.fits(exam.ours)]
    names = [metric.name for metric in every]
    own = {metric.name: metric.described for metric in every if metric.name not in BY_NAME}
    units = {metric.name: metric.unit for metric in every}
    return [
        _null(name, NEW, reason, units.get(name, "1")).model_copy(
            update={"described": own.get(name)}
        )
        for name in (*names, LABELS)
    ]  # fmt: skip


def _labels(exam: Exam, confidence: float) -> Measurement:
    """Measure how the labels of the new rows differ from the exam's.

    For a classifier, this is the difference in the share of the class that differs most (the
    positive class of a binary task), with an interval built from Wilson's (Newcombe 1998, method
    10). For numbers, it is the difference of the means in deviations of the exam's labels, with a
    normal interval.
    """
    contract = exam.candidate.contract
    new, old = labels_of(exam.new, contract), exam.theirs.labels
    note, unit = None, "share"
    if contract.task is Task.REGRESSION:
        value, interval, unit = *_means(new, old, confidence), "sigma"
        method = "difference of means / deviation of the exam's labels; normal interval"
    else:
        shares = {k: _difference(new, old, k, confidence) for k in range(len(contract.classes))}
        binary = contract.task is Task.BINARY
        worst = 1 if binary else max(shares, key=lambda k: abs(shares[k][0]))
        value, interval = shares[worst]
        method = "difference of shares of a class; Newcombe's interval from Wilson's"
        note = f"the class is {contract.classes[worst]}"
    return Measurement(
        name=LABELS, of=Of.COMPARISON, value=value, unit=unit, interval=interval, n=len(new),
        method=method, note=note,
    )  # fmt: skip


def _difference(new: Floats, old: Floats, k: int, confidence: float) -> tuple[float, Interval]:
    hits = [int((labels == k).sum()) for labels in (new, old)]
    p, q = hits[0] / len(new), hits[1] / len(old)
    mine = wilson_interval(hits[0], len(new), confidence)
    theirs = wilson_interval(hits[1], len(old), confidence)
    low = p - q - math.hypot(p - mine.low, theirs.high - q)
    high = p - q + math.hypot(mine.high - p, q - theirs.low)
    return p - q, Interval(low=low, high=high, confidence=confidence)


def _means(new: Floats, old: Floats, confidence: float) -> tuple[float, Interval | None]:
    spread = robust_deviation(old)
    value = float((new.mean() - old.mean()) / spread)
    if len(new) < 2:
        return value, None
    error = math.sqrt(new.var(ddof=1) / len(new) + old.var(ddof=1) / len(old)) / spread
    wide = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return value, Interval(low=value - wide, high=value + wide, confidence=confidence)
