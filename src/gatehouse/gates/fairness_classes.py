"""Fairness of decisions between classes: selection rates, error rates and their gaps.

Of more than two classes each is held against the rest, and the gap is the largest of all classes.
A group's rate has Wilson's interval. The resamples: within each group the cells of the confusion
matrix are one multinomial draw, which has the same distribution as resampling the group's rows
(Efron 1979) at a cost that does not grow with them. One row is added to each cell first (Agresti,
Caffo 2000), so that a cell that happens to be empty is not taken for one that must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.gaps import gap_measurement, largest_gap, smallest_ratio
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import FairnessMeasure, Policy

if TYPE_CHECKING:
    import pandas as pd

GROUP_METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
Gap = tuple[float, Interval] | None
_ADDED = 4.0  # rows over all cells; of two classes a success and a failure to every rate
_NEEDS_CLASSES = ("true_positive_rate", "false_positive_rate")


def measure(
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
    several = predictions.task is Task.MULTICLASS
    # Of two classes the positive one says it all.
    watched = range(len(predictions.classes)) if several else [1]
    frames = {k: _metric_frame(groups, predictions, k) for k in watched}
    eligible = {k: _eligible(cells, k, settings) for k in watched}
    rates = {k: _counts(cells, k) for k in watched}

    measurements = []
    for position, group in enumerate(names):
        n = int(cells[position].sum())
        for k in watched:
            for metric in GROUP_METRICS:
                whole = not several or metric == "accuracy"
                if several and whole and k:
                    continue  # it is the same of each class
                where = group if whole else f"{group} & class={predictions.classes[k]}"
                hits, of = (int(count[position]) for count in rates[k][metric])
                value = float(frames[k][metric][group])
                decides = bool(eligible[k][metric][position])
                measurements.append(
                    _group_measurement(metric, where, value, (hits, of), n, decides, policy)
                )
    return measurements + _gaps(name, names, frames, eligible, cells, policy, several=several)


def confusion_cells(index: NDArray[np.intp], groups: int, predictions: Predictions) -> Floats:
    """Rows per group, true class and decided class, shape [groups, K, K]."""
    size = max(len(predictions.classes), 2)
    flat = (index * size + predictions.labels.astype(np.intp)) * size
    flat += predictions.decisions.astype(np.intp)
    counts = np.bincount(flat, minlength=groups * size * size)
    return counts.reshape(groups, size, size).astype(np.float64)


def resampled_cells(cells: Floats, resamples: int, seed: int) -> Floats:
    """Resampled confusion matrices, shape [resamples, groups, K, K]."""
    rng = np.random.default_rng(seed)
    flat = smooth(cells).reshape(len(cells), -1)
    likely = flat / flat.sum(axis=1, keepdims=True)
    draws = [
        rng.multinomial(int(group.sum()), shares, size=resamples)
        for group, shares in zip(cells, likely, strict=True)
    ]
    drawn = np.stack(draws, axis=1).reshape(resamples, *cells.shape)
    return np.asarray(drawn, np.float64)


def smooth(cells: Floats) -> Floats:
    """Confusion matrices [G, K, K] in which no cell is empty."""
    return cells + _ADDED / cells[0].size


def _counts(cells: Floats, k: int) -> dict[str, tuple[Floats, Floats]]:
    """What each metric of class `k` divides, and by what; cells of shape [..., K, K]."""
    total = cells.sum(axis=(-2, -1))
    tp = cells[..., k, k]
    true, decided = cells[..., k, :].sum(axis=-1), cells[..., :, k].sum(axis=-1)
    return {
        "selection_rate": (decided, total),
        "true_positive_rate": (tp, true),
        "false_positive_rate": (decided - tp, total - true),
        "accuracy": (np.trace(cells, axis1=-2, axis2=-1), total),
    }


def rates_of(cells: Floats, k: int) -> dict[str, Floats]:
    """Metrics of class `k` of confusion matrices [..., K, K], shape [...]; NaN where undefined."""
    return {
        metric: np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
        for metric, (top, bottom) in _counts(cells, k).items()
    }


def _metric_frame(groups: NDArray[np.object_], predictions: Predictions, k: int) -> pd.DataFrame:
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from pandas import Series
    from sklearn.metrics import accuracy_score

    sensitive = Series(groups)  # of one row, an array is not taken
    functions = (selection_rate, true_positive_rate, false_positive_rate)
    frame: pd.DataFrame = MetricFrame(
        metrics=dict(zip(GROUP_METRICS, functions, strict=False)),
        y_true=(predictions.labels == k).astype(int),
        y_pred=(predictions.decisions == k).astype(int),
        sensitive_features=sensitive,
    ).by_group
    right = MetricFrame(
        metrics=accuracy_score,
        y_true=predictions.labels.astype(int),
        y_pred=predictions.decisions.astype(int),
        sensitive_features=sensitive,
    ).by_group
    return frame.assign(accuracy=right)


def _eligible(cells: Floats, k: int, settings: FairnessMeasure) -> dict[str, NDArray[np.bool_]]:
    """Which groups are large enough for each metric of class `k`, shape [G]."""
    total, true = cells.sum(axis=(1, 2)), cells[:, k, :].sum(axis=1)
    enough = total >= settings.minimum_rows
    least = settings.minimum_class_rows
    both = enough & (true >= least) & (total - true >= least)
    return {metric: both if metric in _NEEDS_CLASSES else enough for metric in GROUP_METRICS}


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
    frames: dict[int, pd.DataFrame],
    eligible: dict[int, dict[str, NDArray[np.bool_]]],
    cells: Floats,
    policy: Policy,
    *,
    several: bool,
) -> list[Measurement]:
    """Fairlearn's gaps between the groups that are large enough, the largest of all classes."""
    settings = policy.measure
    confidence = settings.fairness.confidence
    drawn = resampled_cells(cells, settings.resamples, settings.seed)
    # A class that too few rows are of says nothing of error rates, and does not silence the others.
    told = {k: found for k, found in eligible.items() if found["true_positive_rate"].sum() > 1}
    classes = np.all([found["true_positive_rate"] for found in (told or eligible).values()], axis=0)
    rates = next(iter(eligible.values()))["selection_rate"]

    def gap(chosen: NDArray[np.bool_], watched: list[int], *metrics: str) -> Gap:
        smoothed = {k: rates_of(smooth(cells), k) for k in watched}
        resampled = {k: rates_of(drawn, k) for k in watched}
        pairs = [(k, metric) for k in watched for metric in metrics]
        return largest_gap(
            [frames[k].loc[list(names), metric].to_numpy(float)[chosen] for k, metric in pairs],
            [smoothed[k][metric][chosen] for k, metric in pairs],
            [resampled[k][metric][:, chosen] for k, metric in pairs],
            confidence,
        )

    resampled = (
        "simultaneous max-t intervals over all pairs from a stratified multinomial bootstrap, "
        f"{settings.resamples} resamples"
    )
    gaps = f"largest gap between groups{' and over classes' if several else ''}; {resampled}"
    errors = gap(classes, list(told), "true_positive_rate", "false_positive_rate") if told else None
    found = {
        "demographic_parity_difference": (gap(rates, list(eligible), "selection_rate"), rates, gaps)
    }
    if several:
        alike = gap(rates, [0], "accuracy")
        found["accuracy_score_difference"] = (alike, rates, gaps)
    else:
        ratio = smallest_ratio(*_counts(cells[rates], 1)["selection_rate"], confidence)
        exact = "smallest rate over the largest; exact binomial intervals of all groups at once"
        found["demographic_parity_ratio"] = (ratio, rates, exact)
    found["equalized_odds_difference"] = (errors, classes, gaps)
    return [
        gap_measurement(
            metric, name, measured, names[~chosen], int(cells[chosen].sum()), method=method
        )
        for metric, (measured, chosen, method) in found.items()
    ]
