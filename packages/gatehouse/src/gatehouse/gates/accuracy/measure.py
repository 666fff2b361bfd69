"""The accuracy gate: metrics on the exam, and the paired difference from the base's model.

Point values equal scikit-learn's. Intervals are closed forms where a metric has one
(`gates.estimates`). Both models predict the base's exam, so that differences are paired. They are
compared once more on the test rows that the change adds. Exam rows that are also in the candidate's
train split are counted, because a model that has seen its test rows proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Measurement, Of
from gatehouse.gates.accuracy.curves import curves
from gatehouse.gates.estimates import (
    Estimate,
    Known,
    difference,
    difference_of_samples,
    estimate,
    influence_of,
    resample,
)
from gatehouse.gates.exam import exam_of
from gatehouse.gates.metrics import BY_NAME
from gatehouse.gates.metrics.closed import Closed
from gatehouse.gates.metrics.figures import Figure, figures
from gatehouse.gates.metrics.metric import Metric
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy
from gatehouse.rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace


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
    asked = None
    if base is not None:
        from gatehouse.gates.accuracy.new_columns import on_new_columns
        from gatehouse.gates.accuracy.new_rows import on_changed_rows, on_new_rows
        from gatehouse.gates.accuracy.released import against_released
        from gatehouse.gates.accuracy.sealed import on_sealed

        sealed, asked = on_sealed(exam, base, measurements, policy)
        measurements += against_released(exam, measurements, policy)
        measurements += on_new_rows(exam, base, policy)
        measurements += on_changed_rows(exam, base, policy)
        measurements += on_new_columns(exam, base)
        measurements += sealed
    return Found(
        exam=exam.record,
        tools=versions("numpy", "scikit-learn", "onnxruntime"),
        measurements=tuple(measurements),
        curves=curves(models),
        asked=asked,
    )


def measure_models(
    models: dict[Of, Predictions],
    policy: Policy,
    metrics: Sequence[Metric] | None = None,
    *,
    paired: bool = True,
) -> list[Measurement]:
    """Measure every metric of every model and, if there are two models, the difference.

    Args:
        models: predictions of candidate, and base if there is one.
        policy: says how to measure.
        metrics: all metrics of the policy by default.
        paired: do the models describe the same rows? Otherwise each has its own.
    """
    metrics = metrics_by(policy) if metrics is None else metrics
    found: list[Measurement] = []
    drawn: list[dict[Of, Figure]] = []
    for each in _figures(models, policy, metrics):
        if all(isinstance(figure.over, Closed) for figure in each.values()):
            influenced = {of: influence_of(figure) for of, figure in each.items()}
            found += _measured(influenced, policy, paired=paired)
        else:
            drawn.append(each)
    for resampled in _resampled(drawn, policy, paired=paired):
        found += _measured(resampled, policy, paired=paired)
    whose, names = list(Of), [metric.name for metric in metrics]
    return sorted(found, key=lambda m: (whose.index(m.of), m.slice != "all", names.index(m.name)))


def _figures(
    models: dict[Of, Predictions], policy: Policy, metrics: Sequence[Metric]
) -> Iterator[dict[Of, Figure]]:
    """Yield each metric of each slice, for all models."""
    settings = policy.measure.accuracy
    if any(each.outputs is None for each in models.values()):
        models = {of: replace(each, outputs=None) for of, each in models.items()}
    if any(each.costs is None for each in models.values()):
        models = {of: replace(each, costs=None) for of, each in models.items()}
    for several in zip(
        *(figures(each, settings, metrics) for each in models.values()), strict=True
    ):
        yield dict(zip(models, several, strict=True))


def _resampled(
    figures: list[dict[Of, Figure]], policy: Policy, *, paired: bool
) -> Iterator[dict[Of, Known]]:
    """Yield the figures with their resamples; on the same rows, all are drawn together."""
    resamples, seed = policy.measure.resamples, policy.measure.seed
    if paired:
        drawn = iter(resample([each for several in figures for each in several.values()],
                              resamples, seed))  # fmt: skip
        yield from ({of: next(drawn) for of in several} for several in figures)
        return
    alone = {
        of: resample([several[of] for several in figures], resamples, seed)
        for of in (figures[0] if figures else ())
    }
    for place, several in enumerate(figures):
        yield {of: alone[of][place] for of in several}


def _measured(each: dict[Of, Known], policy: Policy, *, paired: bool) -> list[Measurement]:
    """Return the measurements of one metric: of each model, and of their difference."""
    confidence = policy.measure.confidence
    estimates = {of: estimate(known, confidence) for of, known in each.items()}
    found = [_measurement(of, known, estimates[of]) for of, known in each.items()]
    if len(each) < 2:
        return found
    ours, theirs = each[Of.CANDIDATE], each[Of.BASE]
    if paired:
        compared = difference(ours, theirs, confidence)
    else:
        compared = difference_of_samples(*(estimates[of] for of in (Of.CANDIDATE, Of.BASE)))
        sizes = f"{ours.predictions.n:,} of the candidate, {theirs.predictions.n:,} of the base"
        note = "; ".join(filter(None, (compared.note, f"n: {sizes}")))
        compared = replace(compared, note=note)
    compared = replace(compared, method=f"candidate - base, {compared.method}")
    least = min(ours, theirs, key=lambda known: known.predictions.n)
    neutral = 0.0 if paired else None
    return [*found, _measurement(Of.COMPARISON, least, compared, neutral)]


def _measurement(
    of: Of, known: Known, found: Estimate, neutral: float | None = None
) -> Measurement:
    metric, rows = known.figure.metric, known.predictions
    return Measurement(
        name=metric.name,
        of=of,
        slice=known.figure.slice,
        value=found.value if found.interval else None,
        unit=metric.unit,
        interval=found.interval,
        neutral=neutral,
        n=rows.n,
        class_n=rows.class_n,
        method=found.method,
        note=found.note,
        doubt=found.doubt,
        described=None if metric.name in BY_NAME else metric.described,
    )


def _noted(measurement: Measurement, note: str | None) -> Measurement:
    """Return the measurement with the note on the exam appended to its own note."""
    notes = "; ".join(filter(None, (measurement.note, note)))
    return measurement.model_copy(update={"note": notes or None})


def seen_in(rows: pd.DataFrame, workspace: Workspace) -> NDArray[np.bool_]:
    """Mask of `rows` that equal a train row of the workspace in all shared columns, shape [N].

    Ignored columns count too: two people may well be alike in all that the model reads.
    """
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
