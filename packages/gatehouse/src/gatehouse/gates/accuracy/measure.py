"""The accuracy gate: metrics on the exam, and the paired difference to the base's model.

Point values are scikit-learn's; intervals are percentile bootstrap intervals over rows, of a share
that is 0 or 1 Wilson's. Both models sit the base's exam, so that differences are paired; on test
rows that the change brings, both are compared once more. Exam rows that are in the candidate's
train are counted: a model that has seen its test rows proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Measurement, Of
from gatehouse.gates.accuracy.curves import curves
from gatehouse.gates.bootstrap import Floats, Metric, bootstrap, percentile_interval
from gatehouse.gates.exam import exam_of
from gatehouse.gates.metrics import UNITS, measured, undefined
from gatehouse.gates.metrics.edge import Told, edge_difference, edge_interval
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy
from gatehouse.rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

Quantity = tuple[Of, str, str]
"""Whom a metric describes, its name, and its slice."""


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """What the accuracy gate finds.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    exam = exam_of(candidate, base)
    models = {Of.CANDIDATE: exam.ours} | ({Of.BASE: exam.theirs} if base else {})
    measurements = [_noted(each, exam.note) for each in measure_models(models, policy)]
    measurements.append(_seen_in_training(exam.rows, candidate))
    if base is not None:
        from gatehouse.gates.accuracy.new_columns import on_new_columns
        from gatehouse.gates.accuracy.new_rows import on_new_rows

        measurements += on_new_rows(exam, base, policy)
        measurements += on_new_columns(exam, base)
    return Found(
        exam=exam.told,
        tools=versions("numpy", "scikit-learn", "onnxruntime"),
        measurements=tuple(measurements),
        curves=curves(models),
    )


def measure_models(
    models: dict[Of, Predictions], policy: Policy, *, paired: bool = True
) -> list[Measurement]:
    """Every metric of every model, and of two models the difference.

    `paired`: the models describe the same rows, which are resampled together; otherwise each has
    rows of its own, and resamples are drawn for each by itself.
    """
    settings = policy.measure
    metrics: dict[Quantity, Metric] = {}
    points: dict[Quantity, float] = {}
    rows = {of: len(predictions.labels) for of, predictions in models.items()}
    for of, predictions in models.items():
        for (name, where), told in measured(
            predictions, settings.accuracy.calibration_bins
        ).items():
            points[of, name, where], metrics[of, name, where] = told
    if paired:
        drawn = bootstrap(metrics, next(iter(rows.values())), settings.resamples, settings.seed)
    else:
        drawn = {}
        for place, of in enumerate(models):
            own = {key: metric for key, metric in metrics.items() if key[0] is of}
            drawn |= bootstrap(own, rows[of], settings.resamples, settings.seed + place)
    each = {
        key: _measurement(
            key, points[key], drawn[key], rows[key[0]], policy,
            edge=edge_interval(models[key[0]], *key[1:], points[key], settings.confidence),
        )
        for key in metrics
    }  # fmt: skip
    found = list(each.values())
    for of, name, where in metrics if len(models) == 2 else ():
        ours, theirs = (Of.CANDIDATE, name, where), (Of.BASE, name, where)
        if of is not Of.CANDIDATE or theirs not in points:
            continue
        value, values = points[ours] - points[theirs], drawn[ours] - drawn[theirs]
        key = Of.COMPARISON, name, where
        edge = None if paired else edge_difference(each[ours], each[theirs])
        found.append(
            _measurement(key, value, values, min(rows.values()), policy, paired=paired, edge=edge)
        )
    return found


def _noted(measurement: Measurement, note: str | None) -> Measurement:
    """With what is to be known of the exam behind what is known of the number."""
    notes = "; ".join(filter(None, (measurement.note, note)))
    return measurement.model_copy(update={"note": notes or None})


def seen_in(rows: pd.DataFrame, workspace: Workspace) -> NDArray[np.bool_]:
    """Which of `rows` stand, with all that both tables hold, in the train split there; [N]."""
    train = workspace.split("train")
    columns = [name for name in workspace.contract.columns if name in rows and name in train]
    return np.isin(row_hashes(rows[columns]), row_hashes(train[columns]))


def _seen_in_training(rows: pd.DataFrame, candidate: Workspace) -> Measurement:
    return Measurement(
        name="test_rows_in_train",
        value=float(seen_in(rows, candidate).mean()),
        unit="share",
        n=len(rows),
        method="test rows that equal a row of train in every column; exact",
    )


def _measurement(
    key: Quantity,
    value: float,
    values: Floats,
    n: int,
    policy: Policy,
    reason: str | None = None,
    *,
    paired: bool = True,
    edge: Told | None = None,
) -> Measurement:
    """`edge`: the interval in place of the resamples' where these have no width, and its method."""
    of, name, where = key
    method = f"percentile bootstrap over rows, {policy.measure.resamples} resamples"
    if of is Of.COMPARISON:
        method = f"candidate - base, {'paired' if paired else 'two-sample'} {method}"
    interval = None
    if edge:
        interval, method = edge
    elif np.isfinite(value):
        interval = percentile_interval(values, policy.measure.confidence)
        reason = None if interval else "not defined in most resamples: too few rows of a class"
        if interval and interval.low == interval.high and of is not Of.COMPARISON:
            reason = "every resample gives this very value: no width, and no proof"
    return Measurement(
        name=name,
        of=of,
        slice=where,
        value=float(value) if interval else None,
        unit=UNITS.get(name, "1"),
        interval=interval,
        n=n,
        method=method,
        note=reason or (None if interval else undefined(name, where)),
    )
