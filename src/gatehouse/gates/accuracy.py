"""The accuracy gate: metrics on the test split, and the paired difference to the base's model.

Point values are scikit-learn's; intervals are percentile bootstrap intervals over rows. The base's
model is scored on the candidate's own test rows, so that the difference is paired; rows that the
base's model was trained on are left out of it. Test rows that stand in train are counted: a model
that has seen its test rows proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Gate, Measurement, Of
from gatehouse.gates.bootstrap import (
    Floats,
    Metric,
    Predictions,
    bootstrap,
    percentile_interval,
    weighted_metrics,
)
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy
from gatehouse.rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Contract
    from gatehouse.model import Model
    from gatehouse.workspace import Workspace

_CALIBRATION = "expected_calibration_error"
_UNITS = {"log_loss": "nats"}
_ONE_CLASS = "not defined: the test split has one class only"
_UNDEFINED = {
    "roc_auc": _ONE_CLASS,
    "balanced_accuracy": _ONE_CLASS,
    "recall": "not defined: the test split has no positive row",
    "precision": "not defined: the model decides no row positive",
    "f1": "not defined: no row is positive, and the model decides none so",
}


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Evidence:
    """Evidence of the accuracy gate.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    settings = policy.measure
    rows = candidate.split("test")
    ours = predict(candidate.model, rows, candidate.contract)
    measurements = measure_models({Of.CANDIDATE: ours}, policy)
    measurements.append(_seen_in_training(rows, candidate))
    if base is not None:
        fresh = ~seen_in(rows, base)
        theirs = _of_base(base, rows, candidate.contract)
        if isinstance(theirs, str) or not fresh.any():
            reason = theirs if isinstance(theirs, str) else "the base was trained on every test row"
            measurements += [
                _measurement(m.name, Of.COMPARISON, np.nan, np.empty(0), 0, policy, reason)
                for m in measurements
                if m.interval
            ]
        else:
            pair = {Of.CANDIDATE: ours.of_rows(fresh), Of.BASE: theirs.of_rows(fresh)}
            measurements += [m for m in measure_models(pair, policy) if m.of is not Of.CANDIDATE]
    return Evidence(
        gate=Gate.ACCURACY,
        candidate=candidate.subject(Gate.ACCURACY),
        base=base.subject(Gate.ACCURACY) if base else None,
        settings=settings.of_gate(Gate.ACCURACY),
        tools=versions("numpy", "scikit-learn", "onnxruntime"),
        measurements=tuple(measurements),
    )


def measure_models(
    models: dict[Of, Predictions], policy: Policy, *, paired: bool = True
) -> list[Measurement]:
    """Every metric of every model, and of two models the difference.

    `paired`: the models speak of the same rows, which are resampled together; otherwise each has
    rows of its own, and resamples are drawn for each by itself.
    """
    settings = policy.measure
    metrics: dict[tuple[Of, str], Metric] = {}
    points: dict[tuple[Of, str], float] = {}
    rows: dict[Of, int] = {}
    for of, predictions in models.items():
        weighted = weighted_metrics(predictions, settings.accuracy.calibration_bins)
        exact = point_values(predictions)
        n = rows[of] = len(predictions.labels)
        exact[_CALIBRATION] = float(weighted[_CALIBRATION](np.ones((1, n)))[0])
        metrics |= {(of, name): metric for name, metric in weighted.items()}
        points |= {(of, name): value for name, value in exact.items()}
    if paired:
        drawn = bootstrap(metrics, n, settings.resamples, settings.seed)
    else:
        drawn = {}
        for place, of in enumerate(models):
            own = {key: metric for key, metric in metrics.items() if key[0] is of}
            drawn |= bootstrap(own, rows[of], settings.resamples, settings.seed + place)
    found = [
        _measurement(name, of, points[of, name], drawn[of, name], rows[of], policy)
        for of, name in metrics
    ]
    for name in weighted if len(models) == 2 else ():
        ours, theirs = (Of.CANDIDATE, name), (Of.BASE, name)
        value, values = points[ours] - points[theirs], drawn[ours] - drawn[theirs]
        fewer = min(rows.values())
        found.append(_measurement(name, Of.COMPARISON, value, values, fewer, policy, paired=paired))
    return found


def _of_base(base: Workspace, rows: pd.DataFrame, contract: Contract) -> Predictions | str:
    """What the base's model says of the candidate's rows, or why it can't be asked."""
    if base.contract.classes != contract.classes:
        return f"the base tells {base.contract.classes} apart, the candidate {contract.classes}"
    try:
        return predict(base.model, rows, contract)
    except GatehouseError as error:
        return f"the base's model can't score the candidate's rows: {error}"


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


def predict(model: Model, rows: pd.DataFrame, contract: Contract) -> Predictions:
    """What `model` says of `rows`, whose labels stand in the contract's target column.

    Raises:
        GatehouseError: there is no such column, or the rows do not fit the model.
    """
    if contract.target not in rows:
        raise GatehouseError(f"the table has no column '{contract.target}', the contract's target")
    scores = model.scores(rows)
    return Predictions(
        labels=(rows[contract.target] == contract.classes[1]).to_numpy(np.float64),
        scores=scores,
        decisions=model.decisions(scores).astype(np.float64),
    )


def point_values(predictions: Predictions) -> dict[str, float]:
    """scikit-learn's metrics of the rows as they are; NaN where a metric is not defined."""
    from sklearn import metrics as sklearn_metrics

    y, score, decision = predictions.labels, predictions.scores, predictions.decisions
    both = len(np.unique(y)) == 2
    points = {
        "roc_auc": sklearn_metrics.roc_auc_score(y, score) if both else np.nan,
        "accuracy": sklearn_metrics.accuracy_score(y, decision),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, decision)
        if both
        else np.nan,
        "f1": sklearn_metrics.f1_score(y, decision, zero_division=np.nan),
        "precision": sklearn_metrics.precision_score(y, decision, zero_division=np.nan),
        "recall": sklearn_metrics.recall_score(y, decision, zero_division=np.nan),
        "log_loss": sklearn_metrics.log_loss(y, score, labels=[0, 1]),
        "brier_score_loss": sklearn_metrics.brier_score_loss(y, score),
    }
    return {name: float(value) for name, value in points.items()}


def _measurement(
    name: str,
    of: Of,
    value: float,
    values: Floats,
    n: int,
    policy: Policy,
    reason: str | None = None,
    *,
    paired: bool = True,
) -> Measurement:
    method = f"percentile bootstrap over rows, {policy.measure.resamples} resamples"
    if of is Of.COMPARISON:
        method = f"candidate - base, {'paired' if paired else 'two-sample'} {method}"
    interval = None
    if np.isfinite(value):
        interval = percentile_interval(values, policy.measure.confidence)
        reason = None if interval else "not defined in most resamples: too few rows of a class"
    return Measurement(
        name=name,
        of=of,
        value=float(value) if interval else None,
        unit=_UNITS.get(name, "1"),
        interval=interval,
        n=n,
        method=method,
        note=None if interval else reason or _UNDEFINED.get(name, "not defined on these rows"),
    )
