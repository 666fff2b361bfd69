"""The fairness gate: group metrics and their gaps, by protected attribute and by intersection.

Point values are Fairlearn's `MetricFrame`. Intervals come from a stratified bootstrap: within each
group the four cells of the confusion matrix are one multinomial draw per resample, which has the
same distribution as resampling the group's rows (Efron 1979) at a cost that does not grow with
them. Gaps are taken over groups that are large enough; smaller ones are reported and don't decide.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Evidence, Gate, Interval, Measurement
from gatehouse.gates.accuracy import predict
from gatehouse.gates.bootstrap import Floats, Predictions, percentile_interval
from gatehouse.gates.tools import versions
from gatehouse.policy import FairnessMeasure, Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

GROUP_METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
_NEEDS_CLASSES = ("true_positive_rate", "false_positive_rate")


def measure(candidate: Workspace, _base: Workspace | None, policy: Policy) -> Evidence:
    """Evidence of the fairness gate: the candidate on its own test split.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    contract = candidate.contract
    rows = candidate.split("test")
    predictions = predict(candidate.model, rows, contract)
    measurements: list[Measurement] = []
    for attributes in partitions(contract.protected):
        groups = group_labels(rows, attributes)
        measurements += measure_partition(" & ".join(attributes), groups, predictions, policy)
    return Evidence(
        gate=Gate.FAIRNESS,
        candidate=candidate.subject(Gate.FAIRNESS),
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
        [rng.multinomial(int(group.sum()), group / group.sum(), size=resamples) for group in cells],
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
    points = {metric: frame.loc[list(names), metric].to_numpy(float) for metric in GROUP_METRICS}
    rates = eligible["selection_rate"]
    classes = eligible["true_positive_rate"]
    selection = points["selection_rate"][None, rates], drawn["selection_rate"][:, rates]
    true_positive = (
        points["true_positive_rate"][None, classes],
        drawn["true_positive_rate"][:, classes],
    )
    false_positive = (
        points["false_positive_rate"][None, classes],
        drawn["false_positive_rate"][:, classes],
    )
    rows, class_rows = int(cells[rates].sum()), int(cells[classes].sum())
    gaps = {
        "demographic_parity_difference": ([_spread(s) for s in selection], rates, rows),
        "demographic_parity_ratio": ([_ratio(s) for s in selection], rates, rows),
        "equalized_odds_difference": (
            [
                np.maximum(_spread(t), _spread(f))
                for t, f in zip(true_positive, false_positive, strict=True)
            ],
            classes,
            class_rows,
        ),
    }
    return [
        _gap_measurement(metric, name, values, names, chosen, n, policy)
        for metric, (values, chosen, n) in gaps.items()
    ]


def _spread(values: Floats) -> Floats:
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    return np.asarray(np.max(values, axis=1) - np.min(values, axis=1))


def _ratio(values: Floats) -> Floats:
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    low, high = np.min(values, axis=1), np.max(values, axis=1)
    return np.asarray(np.divide(low, high, out=np.full_like(low, np.nan), where=high > 0))


def _gap_measurement(
    metric: str,
    name: str,
    values: list[Floats],
    names: NDArray[np.object_],
    chosen: NDArray[np.bool_],
    n: int,
    policy: Policy,
) -> Measurement:
    point, drawn = float(values[0][0]), values[1]
    defined = bool(np.isfinite(point))
    interval: Interval | None = None
    note = None
    if defined:
        interval = percentile_interval(drawn, policy.measure.fairness.confidence)
    else:
        note = "fewer than two groups are large enough to compare, or none is selected"
    if not chosen.all():
        small = ", ".join(str(group) for group in names[~chosen])
        note = (f"{note}; " if note else "") + f"too small to decide: {small}"
    return Measurement(
        name=metric,
        slice=name,
        value=point if defined else None,
        unit="share",
        interval=interval,
        n=n,
        method="largest gap between groups; stratified multinomial bootstrap, "
        f"{policy.measure.resamples} resamples",
        note=note,
    )
