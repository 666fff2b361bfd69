"""The fairness gate: group metrics and their gaps, by protected attribute and by intersection.

Point values are Fairlearn's `MetricFrame`. Intervals come from a stratified bootstrap: within each
group the four cells of the confusion matrix are one multinomial draw per resample, which has the
same distribution as resampling the group's rows (Efron 1979) at a cost that does not grow with
them. Half a row is added to each cell (Jeffreys' prior), so that a cell that happens to be empty is
not taken for one that must be. Gaps are taken over groups that are large enough; smaller ones are
reported and don't decide.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Gate, Interval, Measurement
from gatehouse.gates.accuracy import predict
from gatehouse.gates.bootstrap import Floats, Predictions, percentile_interval
from gatehouse.gates.gaps import largest_gap
from gatehouse.gates.tools import versions
from gatehouse.policy import FairnessMeasure, Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

GROUP_METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
Gap = tuple[float, Interval] | None
_NEEDS_CLASSES = ("true_positive_rate", "false_positive_rate")


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Evidence:
    """Evidence of the fairness gate: the candidate on its own test split.

    What the base's contract protects is measured too: no change takes an attribute out of sight.

    Raises:
        GatehouseError: data or model is missing, they do not fit each other, or a protected
            attribute is gone.
    """
    contract = candidate.contract
    rows = candidate.split("test")
    protected = list(
        dict.fromkeys([*(base.contract.protected if base else ()), *contract.protected])
    )
    gone = [name for name in protected if name not in rows]
    if gone:
        raise GatehouseError(f"the test split has no column {gone}, which the contract protects")
    predictions = predict(candidate.model, rows, contract)
    measurements: list[Measurement] = []
    for attributes in partitions(protected):
        groups = group_labels(rows, attributes)
        measurements += measure_partition(" & ".join(attributes), groups, predictions, policy)
    return Evidence(
        gate=Gate.FAIRNESS,
        candidate=candidate.subject(Gate.FAIRNESS),
        base=base.subject(Gate.FAIRNESS) if base else None,
        settings=policy.measure.of_gate(Gate.FAIRNESS),
        tools=versions("numpy", "fairlearn", "onnxruntime"),
        measurements=tuple(measurements),
    )


def partitions(attributes: list[str]) -> list[tuple[str, ...]]:
    """Each attribute alone, then every intersection of two, then of three, and so on."""
    sizes = range(1, len(attributes) + 1)
    return [chosen for size in sizes for chosen in combinations(attributes, size)]


def group_labels(rows: pd.DataFrame, attributes: tuple[str, ...]) -> NDArray[np.object_]:
    """`sex=Female & race=Black` for each row; missing values are a group of their own."""
    parts = [
        f"{name}=" + rows[name].astype(object).where(rows[name].notna(), "(missing)").astype(str)
        for name in attributes
    ]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + " & " + part
    return np.asarray(joined.to_numpy(object))


def measure_partition(
    name: str, groups: NDArray[np.object_], predictions: Predictions, policy: Policy
) -> list[Measurement]:
    """Metrics of each group of one partition of the rows, and the gaps between the groups.

    Args:
        name: the slice that the gaps are reported as, such as `sex & race`.
        groups: each row's group, shape [N].
        predictions: what the model says of the rows.
        policy: settings, and which groups are large enough to decide.
    """
    settings = policy.measure.fairness
    names, index = np.unique(groups, return_inverse=True)
    cells = confusion_cells(index, len(names), predictions)
    drawn = resampled_rates(cells, policy.measure.resamples, policy.measure.seed)
    frame = _metric_frame(groups, predictions)
    # Fairlearn says 0 where there is nothing to divide by.
    defined = {metric: np.isfinite(rate) for metric, rate in _rates(cells).items()}
    eligible = {metric: _eligible(metric, cells, settings) for metric in GROUP_METRICS}

    measurements = []
    for position, group in enumerate(names):
        for metric in GROUP_METRICS:
            measurements.append(
                _group_measurement(
                    metric, group,
                    float(frame[metric][group]) if defined[metric][position] else None,
                    drawn[metric][:, position], int(cells[position].sum()),
                    bool(eligible[metric][position]), policy,
                )
            )  # fmt: skip
    return measurements + _gaps(name, names, frame, drawn, eligible, cells, policy)


def confusion_cells(index: NDArray[np.intp], groups: int, predictions: Predictions) -> Floats:
    """Rows per group and cell, shape [groups, 4]: TP, FN, FP, TN."""
    code = 2 * (1 - predictions.labels) + (1 - predictions.decisions)
    flat = index * 4 + code.astype(np.intp)
    return np.bincount(flat, minlength=groups * 4).reshape(groups, 4).astype(np.float64)


def resampled_rates(cells: Floats, resamples: int, seed: int) -> dict[str, Floats]:
    """Group metrics over the resamples, each of shape [resamples, groups]; NaN where undefined."""
    rng = np.random.default_rng(seed)
    draws = np.stack(
        [
            rng.multinomial(int(group.sum()), (group + 0.5) / (group + 0.5).sum(), size=resamples)
            for group in cells
        ],
        axis=1,
    ).astype(np.float64)
    return _rates(draws)


def _rates(cells: Floats) -> dict[str, Floats]:
    tp, fn, fp, tn = np.moveaxis(cells, -1, 0)

    def ratio(top: Floats, bottom: Floats) -> Floats:
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)

    total = tp + fn + fp + tn
    return {
        "selection_rate": ratio(tp + fp, total),
        "true_positive_rate": ratio(tp, tp + fn),
        "false_positive_rate": ratio(fp, fp + tn),
        "accuracy": ratio(tp + tn, total),
    }


def _metric_frame(groups: NDArray[np.object_], predictions: Predictions) -> pd.DataFrame:
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score

    functions = (selection_rate, true_positive_rate, false_positive_rate, accuracy_score)
    frame: pd.DataFrame = MetricFrame(
        metrics=dict(zip(GROUP_METRICS, functions, strict=True)),
        y_true=predictions.labels.astype(int),
        y_pred=predictions.decisions.astype(int),
        sensitive_features=groups,
    ).by_group
    return frame


def _eligible(metric: str, cells: Floats, settings: FairnessMeasure) -> NDArray[np.bool_]:
    tp, fn, fp, tn = cells.T
    enough = cells.sum(axis=1) >= settings.minimum_rows
    if metric in _NEEDS_CLASSES:
        least = settings.minimum_class_rows
        enough &= (tp + fn >= least) & (fp + tn >= least)
    return np.asarray(enough)


def _group_measurement(
    metric: str,
    group: str,
    value: float | None,
    values: Floats,
    n: int,
    decides: bool,
    policy: Policy,
) -> Measurement:
    confidence = policy.measure.fairness.confidence
    return Measurement(
        name=metric,
        slice=group,
        value=value,
        unit="share",
        interval=None if value is None else percentile_interval(values, confidence),
        n=n,
        method=f"Fairlearn; multinomial bootstrap, {policy.measure.resamples} resamples",
        decides=decides,
        note=None if decides else "group too small to decide",
    )


def _gaps(
    name: str,
    names: NDArray[np.object_],
    frame: pd.DataFrame,
    drawn: dict[str, Floats],
    eligible: dict[str, NDArray[np.bool_]],
    cells: Floats,
    policy: Policy,
) -> list[Measurement]:
    """Fairlearn's gaps between the groups that are large enough."""
    points = {metric: frame.loc[list(names), metric].to_numpy(float) for metric in GROUP_METRICS}
    confidence = policy.measure.fairness.confidence

    def gap(*metrics: str) -> Gap:
        chosen = eligible[metrics[0]]
        return largest_gap(
            [points[metric][chosen] for metric in metrics],
            [drawn[metric][:, chosen] for metric in metrics],
            confidence,
        )

    rates, classes = eligible["selection_rate"], eligible["true_positive_rate"]
    selected = points["selection_rate"][rates], drawn["selection_rate"][:, rates]
    found = {
        "demographic_parity_difference": (gap("selection_rate"), rates),
        "demographic_parity_ratio": (_smallest_ratio(*selected, cells[rates], confidence), rates),
        "equalized_odds_difference": (gap("true_positive_rate", "false_positive_rate"), classes),
    }
    return [
        _gap_measurement(metric, name, measured, names[~chosen], int(cells[chosen].sum()), policy)
        for metric, (measured, chosen) in found.items()
    ]


def _smallest_ratio(points: Floats, drawn: Floats, cells: Floats, confidence: float) -> Gap:
    """The smallest selection rate over the largest; its interval from differences of logarithms."""
    if len(points) < 2 or points.max() == 0:
        return None
    least = 0.5 / cells.sum(axis=1)  # the logarithm of a rate of zero is not defined
    logs = largest_gap(
        [np.log(np.maximum(points, least))], [np.log(np.maximum(drawn, least))], confidence
    )
    if logs is None:
        return None
    value, interval = float(points.min() / points.max()), logs[1]
    low, high = float(np.exp(-interval.high)), float(np.exp(-interval.low))
    return value, Interval(low=min(low, value), high=max(high, value), confidence=confidence)


def _gap_measurement(
    metric: str,
    name: str,
    measured: Gap,
    small: NDArray[np.object_],
    n: int,
    policy: Policy,
) -> Measurement:
    notes = []
    if measured is None:
        notes.append("fewer than two groups are large enough to compare, or none is selected")
    if len(small):
        notes.append("too small to decide: " + ", ".join(str(group) for group in small))
    return Measurement(
        name=metric,
        slice=name,
        value=measured[0] if measured else None,
        unit="share",
        interval=measured[1] if measured else None,
        n=n,
        method="largest gap between groups; simultaneous max-t intervals over all pairs from a "
        f"stratified multinomial bootstrap, {policy.measure.resamples} resamples",
        note="; ".join(notes) or None,
    )
