"""Metrics of the slices that the policy names, and the slices in which the candidate does worst.

The worst slices are sought on the valid split and tested on the exam, so that the search does not
bias the test. Each row's loss of the candidate is compared with the base's; without a base, with
the candidate's own mean. The unit is the mean loss of the best constant guess, which makes one
limit fit any task, share of positives and scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Interval, Measurement, Of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.drift.measure import holm
from gatehouse.gates.exam import Exam
from gatehouse.gates.metrics import BY_NAME, headlines, metrics_of
from gatehouse.gates.metrics.figures import value_of
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions, predict
from gatehouse.gates.slices import WORST
from gatehouse.gates.slices.cells import sliced_columns
from gatehouse.gates.slices.grammar import Part, Slice, parse_slice, slice_text
from gatehouse.gates.slices.losses import LOSS, guess_loss, mean_loss, row_losses
from gatehouse.gates.slices.masks import Mask, rows_of
from gatehouse.gates.slices.worst import LEAST, Tested, suspects_of, tested_of
from gatehouse.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

_SEARCHED_ROWS = 100_000

Models = dict[Of, Predictions]


def measure_slices(
    exam: Exam, models: Models, base: Workspace | None, policy: Policy
) -> list[Measurement]:
    """Measure the named slices and the worst slices on the exam.

    Args:
        exam: the exam.
        models: predictions of its N rows.
        base: the workspace of the base; None if there is none.
        policy: names slices, and says how to measure.

    Raises:
        GatehouseError: the policy names a slice of a column that the rows do not have.
    """
    tables = [exam.base_rows, exam.rows]
    return [
        *_named(tables, models, policy),
        *_by_group(exam, tables, models, policy),
        *_worst(exam, tables, models, base, policy),
    ]


def _named(tables: Sequence[pd.DataFrame], models: Models, policy: Policy) -> list[Measurement]:
    from gatehouse.gates.accuracy.measure import measure_models

    found: list[Measurement] = []
    for name in policy.measure.accuracy.slices:
        rows = rows_of(parse_slice(name), tables)
        if rows.sum() < LEAST:
            found += _too_few(name, int(rows.sum()), models, policy)
            continue
        inside = {of: predictions.of_rows(rows) for of, predictions in models.items()}
        found += [
            each.model_copy(update={"slice": name})
            for each in measure_models(inside, policy)
            if each.slice == "all"
        ]
    return found


def _by_group(
    exam: Exam, tables: Sequence[pd.DataFrame], models: Models, policy: Policy
) -> list[Measurement]:
    """Measure calibration and cost in each protected group that the policy does not name."""
    from gatehouse.gates.accuracy.measure import measure_models

    contract = (exam.base or exam.candidate).contract
    metrics = [each for each in metrics_by(policy) if each.by_group]
    found: list[Measurement] = []
    for attribute in contract.protected:
        for value in contract.columns[attribute].categories or ():
            part = Part(attribute, value)
            if str(part) in policy.measure.accuracy.slices:
                continue
            rows = rows_of((part,), tables)
            if rows.sum() < LEAST:
                continue
            inside = {of: predictions.of_rows(rows) for of, predictions in models.items()}
            found += [
                each.model_copy(update={"slice": str(part)})
                for each in measure_models(inside, policy, metrics)
                if each.slice == "all"
            ]
    return found


def _too_few(name: str, n: int, models: Models, policy: Policy) -> list[Measurement]:
    rows = models[Of.CANDIDATE]
    return [
        Measurement(
            name=metric.name, of=of, slice=name, value=None, unit=metric.unit, n=n,
            method="not measured", note=f"{n} rows are too few; a slice needs {LEAST}",
            described=None if metric.name in BY_NAME else metric.described,
        )
        for metric in metrics_of(rows.task, metrics_by(policy))
        if metric.fits(rows)
        for of in (*models, *((Of.COMPARISON,) if len(models) > 1 else ()))
    ]  # fmt: skip


def _worst(
    exam: Exam,
    tables: Sequence[pd.DataFrame],
    models: Models,
    base: Workspace | None,
    policy: Policy,
) -> list[Measurement]:
    of = Of.COMPARISON if base else Of.CANDIDATE
    guess, n = guess_loss(models[Of.CANDIDATE]), len(models[Of.CANDIDATE].labels)
    try:
        suspects = _suspects(exam.candidate, base, policy.measure.seed)
    except GatehouseError as error:
        return [_none(of, n, f"the valid split can't be scored: {error}")]
    tested = tested_of(suspects, tables, _compared(models), models[Of.CANDIDATE])
    if not guess:
        return [_none(of, n, "the labels are all alike")]
    if not tested:
        return [_quiet(of, n)]
    adjusted = holm([each.mean.p_value for each in tested])
    found = [
        _measurement(each, p, of, guess, models, policy.measure.confidence)
        for each, p in zip(tested, adjusted, strict=True)
    ]
    found.sort(key=lambda each: -(each.value or 0.0))
    rows = {slice_text(each.parts): each.rows for each in tested}
    return found + [
        metric
        for each in found
        for metric in _headlines(each.slice, rows[each.slice], models, policy)
    ]


def _suspects(candidate: Workspace, base: Workspace | None, seed: int) -> list[Slice]:
    """Search the valid split: the base's, so that no change can choose it.

    If the candidate reads columns that the base's rows lack, or deals rows otherwise, its own rows
    are searched.
    """
    contract = base.contract if base else candidate.contract
    ours = candidate.contract
    foreign = (
        base is None
        or ours.split != base.contract.split
        or set(candidate.model.inputs) - set(base.contract.columns)
    )
    rows = candidate.split("valid") if base is None or foreign else base.split("valid")
    if len(rows) > _SEARCHED_ROWS:
        chosen = np.random.default_rng(seed).choice(len(rows), _SEARCHED_ROWS, replace=False)
        rows = rows.iloc[np.sort(chosen)]
    models = {Of.CANDIDATE: predict(candidate.model, rows, ours)}
    if base:
        models[Of.BASE] = predict(base.model, rows, base.contract)
    names = dict.fromkeys([*sliced_columns(contract), *sliced_columns(ours)])
    return suspects_of(rows, [name for name in names if name in rows], _compared(models))


def _compared(models: Models) -> Floats:
    """Return what each row loses by the change, shape [N]; without a base, by being in a slice.

    What all rows lose in the mean is taken off, because the metrics of all rows have their rules.
    """
    ours = models[Of.CANDIDATE]
    losses = row_losses(ours)
    if Of.BASE not in models:
        return np.asarray(losses - mean_loss(ours, losses))
    losses = losses - row_losses(models[Of.BASE])
    return np.asarray(losses - max(0.0, mean_loss(ours, losses)))


def _measurement(
    tested: Tested, p_value: float, of: Of, guess: float, models: Models, confidence: float
) -> Measurement:
    mean, loss = tested.mean, LOSS[models[Of.CANDIDATE].task]
    low, high = (end / guess for end in mean.interval(confidence))
    against = "candidate - base, paired, beyond that of all rows"
    if of is Of.CANDIDATE:
        against = "slice - all rows"
    return Measurement(
        name=WORST, of=of, slice=slice_text(tested.parts), value=mean.value / guess, unit="share",
        interval=Interval(low=low, high=high, confidence=confidence), p_value=p_value,
        n=mean.units,
        method=f"mean {loss}, {against}, by that of a guess; sought on valid, one-sided t test "
        "(Holm) and t interval on the exam",
    )  # fmt: skip


def _none(of: Of, n: int, note: str) -> Measurement:
    return Measurement(
        name=WORST, of=of, value=None, unit="share", n=n, method="not measured", note=note
    )


def _quiet(of: Of, n: int) -> Measurement:
    return Measurement(
        name=WORST, of=of, value=0.0, unit="share", p_value=1.0, n=n, method="sought on valid",
        note=f"no slice of {LEAST} rows or more loses on valid",
    )  # fmt: skip


def _headlines(name: str, rows: Mask, models: Models, policy: Policy) -> list[Measurement]:
    """Point values of the headline metrics in a worst slice, for people."""
    settings = policy.measure.accuracy
    found = []
    for metric in headlines(models[Of.CANDIDATE].task):
        values = {
            of: value_of(metric, Sample(predictions.of_rows(rows), settings))
            for of, predictions in models.items()
        }
        if len(values) == 2:
            values[Of.COMPARISON] = values[Of.CANDIDATE] - values[Of.BASE]
        found += [
            Measurement(
                name=metric.name, of=of, slice=name,
                value=float(value) if np.isfinite(value) else None, unit=metric.unit,
                n=int(rows.sum()), method="point value", decides=False,
                note=None if np.isfinite(value) else metric.undefined,
            )
            for of, value in values.items()
        ]  # fmt: skip
    return found
