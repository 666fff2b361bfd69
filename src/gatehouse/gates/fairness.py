"""The fairness gate: group metrics and their gaps, by protected attribute and by intersection.

Point values are Fairlearn's `MetricFrame`; a group's rate has Wilson's interval. Gaps have
simultaneous intervals over all pairs of groups (see `gaps`), from resamples: within each group the
four cells of the confusion matrix are one multinomial draw, which has the same distribution as
resampling the group's rows (Efron 1979) at a cost that does not grow with them. One row is added to
each cell first (Agresti, Caffo 2000), so that a cell that happens to be empty is not taken for one
that must be. Gaps are taken over groups that are large enough; smaller ones are reported and don't
decide.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Gate, Interval, Measurement
from gatehouse.gates.accuracy import predict
from gatehouse.gates.bootstrap import Floats, Predictions
from gatehouse.gates.gaps import largest_gap, smallest_ratio
from gatehouse.gates.tools import versions
from gatehouse.policy import FairnessMeasure, Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.workspace import Workspace

GROUP_METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
Gap = tuple[float, Interval] | None
_ADDED = 1.0  # rows, to each cell: a success and a failure to every rate
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
        raise GatehouseError(
            f"the test split has no column '{gone[0]}', which the contract (the candidate's or the "
            "base's) protects; bring it back, or stop protecting it in a pull request of its own"
        )
    predictions = predict(candidate.model, rows, contract)
    return Evidence(
        gate=Gate.FAIRNESS,
        candidate=candidate.subject(Gate.FAIRNESS),
        base=base.subject(Gate.FAIRNESS) if base else None,
        settings=policy.measure.of_gate(Gate.FAIRNESS),
        tools=versions("numpy", "fairlearn", "onnxruntime"),
        measurements=tuple(measure_rows(rows, protected, predictions, policy)),
    )


def measure_rows(
    rows: pd.DataFrame, protected: list[str], predictions: Predictions, policy: Policy
) -> list[Measurement]:
    """Group metrics and gaps by each protected attribute of `rows`, and by intersections."""
    measurements: list[Measurement] = []
    for attributes in partitions(protected):
        groups = group_labels(rows, attributes)
        measurements += measure_partition(" & ".join(attributes), groups, predictions, policy)
    return measurements


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
    frame = _metric_frame(groups, predictions)
    counts = _counts(cells)
    eligible = {metric: _eligible(metric, cells, settings) for metric in GROUP_METRICS}

    measurements = []
    for position, group in enumerate(names):
        n = int(cells[position].sum())
        for metric in GROUP_METRICS:
            hits, of = (int(count[position]) for count in counts[metric])
            value, decides = float(frame[metric][group]), bool(eligible[metric][position])
            measurements.append(
                _group_measurement(metric, group, value, (hits, of), n, decides, policy)
            )
    return measurements + _gaps(name, names, frame, eligible, cells, policy)


def confusion_cells(index: NDArray[np.intp], groups: int, predictions: Predictions) -> Floats:
    """Rows per group and cell, shape [groups, 4]: TP, FN, FP, TN."""
    code = 2 * (1 - predictions.labels) + (1 - predictions.decisions)
    flat = index * 4 + code.astype(np.intp)
    return np.bincount(flat, minlength=groups * 4).reshape(groups, 4).astype(np.float64)


def resampled_rates(cells: Floats, resamples: int, seed: int) -> dict[str, Floats]:
    """Group metrics over the resamples, each of shape [resamples, groups]; NaN where undefined."""
    rng = np.random.default_rng(seed)
    likely = (cells + _ADDED) / (cells + _ADDED).sum(axis=1, keepdims=True)
    draws = [
        rng.multinomial(int(group.sum()), shares, size=resamples)
        for group, shares in zip(cells, likely, strict=True)
    ]
    return _rates(np.stack(draws, axis=1).astype(np.float64))


def _counts(cells: Floats) -> dict[str, tuple[Floats, Floats]]:
    """What each group metric divides, and by what; cells of shape [..., 4]."""
    tp, fn, fp, tn = np.moveaxis(cells, -1, 0)
    total = tp + fn + fp + tn
    return {
        "selection_rate": (tp + fp, total),
        "true_positive_rate": (tp, tp + fn),
        "false_positive_rate": (fp, fp + tn),
        "accuracy": (tp + tn, total),
    }


def _rates(cells: Floats) -> dict[str, Floats]:
    return {
        metric: np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
        for metric, (top, bottom) in _counts(cells).items()
    }


def _metric_frame(groups: NDArray[np.object_], predictions: Predictions) -> pd.DataFrame:
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from pandas import Series
    from sklearn.metrics import accuracy_score

    functions = (selection_rate, true_positive_rate, false_positive_rate, accuracy_score)
    frame: pd.DataFrame = MetricFrame(
        metrics=dict(zip(GROUP_METRICS, functions, strict=True)),
        y_true=predictions.labels.astype(int),
        y_pred=predictions.decisions.astype(int),
        sensitive_features=Series(groups),  # of one row, an array is not taken
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
    value: float,
    counts: tuple[int, int],
    n: int,
    decides: bool,
    policy: Policy,
) -> Measurement:
    from scipy.stats import binomtest

    confidence = policy.measure.fairness.confidence
    interval = None
    hits, of = counts
    if of:
        low, high = binomtest(hits, of).proportion_ci(confidence, method="wilson")
        interval = Interval(low=min(low, value), high=max(high, value), confidence=confidence)
    return Measurement(
        name=metric,
        slice=group,
        value=value if of else None,  # Fairlearn says 0 where there is nothing to divide by
        unit="share",
        interval=interval,
        n=n,
        method="Fairlearn; Wilson score interval",
        decides=decides,
        note=None if decides else "group too small to decide",
    )


def _gaps(
    name: str,
    names: NDArray[np.object_],
    frame: pd.DataFrame,
    eligible: dict[str, NDArray[np.bool_]],
    cells: Floats,
    policy: Policy,
) -> list[Measurement]:
    """Fairlearn's gaps between the groups that are large enough."""
    settings = policy.measure
    points = {metric: frame.loc[list(names), metric].to_numpy(float) for metric in GROUP_METRICS}
    smoothed = _rates(cells + _ADDED)
    drawn = resampled_rates(cells, settings.resamples, settings.seed)
    confidence = settings.fairness.confidence

    def gap(*metrics: str) -> Gap:
        chosen = eligible[metrics[0]]
        return largest_gap(
            [points[metric][chosen] for metric in metrics],
            [smoothed[metric][chosen] for metric in metrics],
            [drawn[metric][:, chosen] for metric in metrics],
            confidence,
        )

    rates, classes = eligible["selection_rate"], eligible["true_positive_rate"]
    ratio = smallest_ratio(*_counts(cells[rates])["selection_rate"], confidence)
    resampled = (
        "simultaneous max-t intervals over all pairs from a stratified multinomial bootstrap, "
        f"{settings.resamples} resamples"
    )
    gaps = "largest gap between groups; " + resampled
    exact = "smallest rate over the largest; exact binomial intervals of all groups at once"
    found = {
        "demographic_parity_difference": (gap("selection_rate"), rates, gaps),
        "demographic_parity_ratio": (ratio, rates, exact),
        "equalized_odds_difference": (
            gap("true_positive_rate", "false_positive_rate"), classes, gaps,
        ),
    }  # fmt: skip
    return [
        _gap_measurement(metric, name, measured, names[~chosen], int(cells[chosen].sum()), method)
        for metric, (measured, chosen, method) in found.items()
    ]


def _gap_measurement(
    metric: str,
    name: str,
    measured: Gap,
    small: NDArray[np.object_],
    n: int,
    method: str,
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
        method=method,
        note="; ".join(notes) or None,
    )
