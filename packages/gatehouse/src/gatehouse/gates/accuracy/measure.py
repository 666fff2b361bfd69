"""The accuracy gate: metrics on the exam, and the paired difference from the base's model.

Point values equal scikit-learn's. Intervals are percentile bootstrap intervals over rows; a share
of 0 or 1 gets Wilson's interval. Both models predict the base's exam, so that differences are
paired. They are compared once more on the test rows that the change adds. Exam rows that are also
in the candidate's train split are counted, because a model that has seen its test rows proves
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Measurement, Of
from gatehouse.gates.accuracy.curves import curves
from gatehouse.gates.bootstrap import Floats, Statistic, bootstrap, percentile_interval
from gatehouse.gates.exam import exam_of
from gatehouse.gates.metrics import BY_NAME
from gatehouse.gates.metrics.edge import edge_difference
from gatehouse.gates.metrics.figures import Figure, figures
from gatehouse.gates.metrics.metric import Edge
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy
from gatehouse.rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

Quantity = tuple[Of, str, str]
"""Whose metric it is, its name, and its slice."""


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """Measure the accuracy gate.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    from gatehouse.gates.accuracy.periods import on_periods
    from gatehouse.gates.slices.measure import measure_slices

    exam = exam_of(candidate, base)
    models = {Of.CANDIDATE: exam.ours} | ({Of.BASE: exam.theirs} if base else {})
    contract = (base or candidate).contract
    measured = measure_models(models, policy) + measure_slices(exam, models, base, policy)
    measured += on_periods(exam.base_rows, contract, models, policy)
    measurements = [_noted(each, exam.note) for each in measured]
    measurements.append(_seen_in_training(exam.rows, candidate))
    if base is not None:
        from gatehouse.gates.accuracy.new_columns import on_new_columns
        from gatehouse.gates.accuracy.new_rows import on_new_rows
        from gatehouse.gates.accuracy.released import against_released

        measurements += against_released(exam, measurements, policy)
        measurements += on_new_rows(exam, base, policy)
        measurements += on_new_columns(exam, base)
    return Found(
        exam=exam.record,
        tools=versions("numpy", "scikit-learn", "onnxruntime"),
        measurements=tuple(measurements),
        curves=curves(models),
    )


def measure_models(
    models: dict[Of, Predictions], policy: Policy, *, paired: bool = True
) -> list[Measurement]:
    """Measure every metric of every model and, if there are two models, the difference.

    `paired` means that the models describe the same rows, which are resampled together. Otherwise
    each model has its own rows, which are resampled separately.
    """
    settings, chosen = policy.measure, metrics_by(policy)
    rows = {of: len(predictions.labels) for of, predictions in models.items()}
    found: dict[Quantity, Figure] = {
        (of, each.metric.name, each.slice): each
        for of, predictions in models.items()
        for each in figures(predictions, settings.accuracy.calibration_bins, chosen)
    }
    over: dict[Quantity, Statistic] = {key: each.over for key, each in found.items()}
    if paired:
        drawn = bootstrap(over, next(iter(rows.values())), settings.resamples, settings.seed)
    else:
        drawn = {}
        for place, of in enumerate(models):
            own = {key: statistic for key, statistic in over.items() if key[0] is of}
            drawn |= bootstrap(own, rows[of], settings.resamples, settings.seed + place)
    each = {
        key: _measurement(
            key, figure, figure.value, drawn[key], rows[key[0]], policy,
            class_n=figure.sample.predictions.class_n,
            edge=figure.edge(settings.confidence),
        )
        for key, figure in found.items()
    }  # fmt: skip
    measured = list(each.values())
    for (of, name, where), figure in found.items() if len(models) == 2 else ():
        ours, theirs = (Of.CANDIDATE, name, where), (Of.BASE, name, where)
        if of is not Of.CANDIDATE or theirs not in found:
            continue
        value, values = figure.value - found[theirs].value, drawn[ours] - drawn[theirs]
        key = Of.COMPARISON, name, where
        edge = None if paired else edge_difference(each[ours], each[theirs])
        n = min(rows.values())
        fewest = [m.class_n for m in (each[ours], each[theirs]) if m.class_n is not None]
        class_n = min(fewest, default=None)
        measured.append(
            _measurement(
                key, figure, value, values, n, policy, class_n=class_n, paired=paired, edge=edge
            )
        )
    return measured


def _noted(measurement: Measurement, note: str | None) -> Measurement:
    """Return the measurement with the note on the exam appended to its own note."""
    notes = "; ".join(filter(None, (measurement.note, note)))
    return measurement.model_copy(update={"note": notes or None})


def seen_in(rows: pd.DataFrame, workspace: Workspace) -> NDArray[np.bool_]:
    """Mask of `rows` that equal a train row of the workspace in all shared columns, shape [N]."""
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
    figure: Figure,
    value: float,
    values: Floats,
    n: int,
    policy: Policy,
    reason: str | None = None,
    *,
    class_n: int | None = None,
    paired: bool = True,
    edge: Edge | None = None,
) -> Measurement:
    """`edge`: interval and method that replace the bootstrap's where all resamples are alike."""
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
        unit=figure.metric.unit,
        interval=interval,
        n=n,
        class_n=class_n,
        method=method,
        note=reason or (None if interval else figure.undefined),
        described=None if name in BY_NAME else figure.metric.described,
    )
