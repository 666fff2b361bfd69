"""The accuracy gate: metrics on the test split, and the paired difference to the base's model.

Point values are scikit-learn's; intervals are percentile bootstrap intervals over rows. The base's
model is scored on the candidate's own test rows, so that the difference is paired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    models = {Of.CANDIDATE: candidate.model} | ({Of.BASE: base.model} if base else {})
    metrics: dict[str, Metric] = {}
    points: dict[str, float] = {}
    for of, model in models.items():
        predictions = predict(model, rows, candidate.contract)
        weighted = weighted_metrics(predictions, settings.accuracy.calibration_bins)
        metrics |= {f"{of}/{name}": metric for name, metric in weighted.items()}
        exact = point_values(predictions)
        whole = np.ones((1, len(rows)))
        exact[_CALIBRATION] = float(weighted[_CALIBRATION](whole)[0])
        points |= {f"{of}/{name}": value for name, value in exact.items()}
    drawn = bootstrap(metrics, len(rows), settings.resamples, settings.seed)

    measurements = [
        _measurement(
            key.split("/")[1], Of(key.split("/")[0]), points[key], drawn[key], len(rows), policy
        )
        for key in metrics
    ]
    if base is not None:
        for name in weighted:
            ours, theirs = f"{Of.CANDIDATE}/{name}", f"{Of.BASE}/{name}"
            value, values = points[ours] - points[theirs], drawn[ours] - drawn[theirs]
            measurements.append(_measurement(name, Of.COMPARISON, value, values, len(rows), policy))
    return Evidence(
        gate=Gate.ACCURACY,
        candidate=candidate.subject(Gate.ACCURACY),
        base=base.subject(Gate.ACCURACY) if base else None,
        settings=settings.of_gate(Gate.ACCURACY),
        tools=versions("numpy", "scikit-learn", "onnxruntime"),
        measurements=tuple(measurements),
    )


def predict(model: Model, rows: pd.DataFrame, contract: Contract) -> Predictions:
    """What `model` says of `rows`, whose labels stand in the contract's target column."""
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
    name: str, of: Of, value: float, values: Floats, n: int, policy: Policy
) -> Measurement:
    resamples = f"percentile bootstrap over rows, {policy.measure.resamples} resamples"
    method = f"candidate - base, paired {resamples}" if of is Of.COMPARISON else resamples
    defined = bool(np.isfinite(value))
    return Measurement(
        name=name,
        of=of,
        value=float(value) if defined else None,
        unit=_UNITS.get(name, "1"),
        interval=percentile_interval(values, policy.measure.confidence) if defined else None,
        n=n,
        method=method,
        note=None if defined else _UNDEFINED.get(name, "not defined on these rows"),
    )
