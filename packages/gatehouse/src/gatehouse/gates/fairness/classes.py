"""Fairness of decisions between classes: selection rates, error rates and their gaps.

For multiclass models, each class is compared with the rest, and the reported gap is the largest of
all classes; a class counts for the groups that have enough rows of it. A group's rate has Wilson's
interval. Rates equal Fairlearn's and are computed from the confusion matrix of each group. A
resample draws the cells of each group's matrix from one multinomial distribution. This has the same
distribution as resampling the group's rows (Efron 1979), at a cost that does not grow with the
number of rows. Before that, four rows are spread over the cells of each group (for two classes, one
row per cell: Agresti, Caffo 2000), so that a cell that is empty by chance can still be drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.evidence import Interval, Measurement
from gatehouse.gates.bootstrap import Floats, wilson_interval
from gatehouse.gates.fairness import FairnessMeasure
from gatehouse.gates.fairness.gaps import (
    MANY,
    gap_measurement,
    largest_gap,
    largest_gap_of_many,
    listed_groups,
    smallest_ratio,
)
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy

GROUP_METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
Gap = tuple[float, Interval] | None
_ADDED = 4.0
_NEEDS_CLASSES = ("true_positive_rate", "false_positive_rate")
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class Counts:
    """Row counts of groups: shape [..., K] by class, and [...] in total.

    Attributes:
        hits: rows of the class that are predicted correctly.
        true: rows of the class.
        decided: rows predicted to be of the class.
        total: all rows.
    """

    hits: Floats
    true: Floats
    decided: Floats
    total: Floats

    @classmethod
    def of(cls, cells: NDArray[np.number]) -> Counts:
        """Compute the counts from confusion matrices [..., K, K], true class first."""
        cells = cells.astype(np.float64)
        return cls(
            np.diagonal(cells, axis1=-2, axis2=-1),
            cells.sum(axis=-1),
            cells.sum(axis=-2),
            cells.sum(axis=(-2, -1)),
        )

    def parts(self, metric: str, k: int) -> tuple[Floats, Floats]:
        """Return numerator and denominator of a metric of class `k`, both of shape [...]."""
        match metric:
            case "selection_rate":
                return self.decided[..., k], self.total
            case "true_positive_rate":
                return self.hits[..., k], self.true[..., k]
            case "false_positive_rate":
                wrong = self.decided[..., k] - self.hits[..., k]
                return wrong, self.total - self.true[..., k]
        return self.hits.sum(axis=-1), self.total

    def rate(self, metric: str, k: int) -> Floats:
        """Return a metric of class `k`, shape [...]; NaN where it is not defined."""
        top, bottom = self.parts(metric, k)
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def measure(
    name: str,
    groups: NDArray[np.object_],
    predictions: Predictions,
    policy: Policy,
    family: int = 1,
) -> list[Measurement]:
    """Measure each group of one partition of the rows, and the gaps between the groups.

    Args:
        name: slice under which the gaps are reported, for example `sex & race`.
        groups: each row's group, shape [N].
        predictions: the model's predictions of the rows.
        policy: gives the settings, and the minimum sizes of groups that decide.
        family: number of partitions tested together, including this one.
    """
    import pandas as pd

    settings = policy.measure.fairness
    index, names = pd.factorize(groups, sort=True)
    cells = confusion_cells(index, len(names), predictions)
    counts = Counts.of(cells)
    several = predictions.task is Task.MULTICLASS
    # For binary models, the positive class is enough.
    watched = range(len(predictions.classes)) if several else [1]
    large = {
        (metric, k): _eligible(counts, metric, k, settings)
        for metric in GROUP_METRICS
        for k in watched
    }

    measurements = []
    listed = listed_groups(counts.total, len(watched))
    for position in listed:
        group, n = names[position], int(counts.total[position])
        for k in watched:
            for metric in GROUP_METRICS:
                whole = not several or metric == "accuracy"
                if several and whole and k:
                    continue  # the same for all classes
                where = group if whole else f"{group} & class={predictions.classes[k]}"
                hits, of = (int(part[position]) for part in counts.parts(metric, k))
                decides = bool(large[metric, k][position])
                measurements.append(
                    _group_measurement(
                        metric, where, (hits, of), n, decides, policy, several=several
                    )
                )
    unlisted = len(names) - len(listed)
    return measurements + _gaps(name, names, cells, predictions, policy, family, unlisted)


def confusion_cells(index: NDArray[np.intp], groups: int, predictions: Predictions) -> Floats:
    """Count rows by group, true class and predicted class, shape [groups, K, K]."""
    size = max(len(predictions.classes), 2)
    flat = (index * size + predictions.labels.astype(np.intp)) * size
    flat += predictions.decisions.astype(np.intp)
    counts = np.bincount(flat, minlength=groups * size * size)
    return np.asarray(counts.reshape(groups, size, size), np.float64)


def smooth(cells: Floats) -> Floats:
    """Return confusion matrices [G, K, K] with rows added so that no cell is empty."""
    return np.asarray(cells + _ADDED / cells.shape[-1] ** 2)


def resampled(cells: Floats, resamples: int, seed: int) -> Counts:
    """Return resampled counts, of shape [resamples, groups, K] and [resamples, groups]."""
    rng = np.random.default_rng(seed)
    size = cells.shape[1]
    block = max(1, _BLOCK_CELLS // size**2)
    groups: list[Counts] = []
    for group, likely in zip(cells, smooth(cells), strict=True):
        shares = (likely / likely.sum()).ravel()
        blocks = []
        for start in range(0, resamples, block):
            drawn = rng.multinomial(int(group.sum()), shares, min(block, resamples - start))
            blocks.append(Counts.of(drawn.reshape(-1, size, size)))
        groups.append(_joined(blocks, np.concatenate))
    return _joined(groups, lambda parts: np.stack(parts, axis=1))


def _joined(counts: list[Counts], join: Callable[[list[Floats]], Floats]) -> Counts:
    return Counts(*(join(list(parts)) for parts in zip(*map(_arrays, counts), strict=True)))


def _arrays(counts: Counts) -> tuple[Floats, ...]:
    return counts.hits, counts.true, counts.decided, counts.total


def _eligible(counts: Counts, metric: str, k: int, settings: FairnessMeasure) -> NDArray[np.bool_]:
    """Mask of the groups that are large enough for a metric of class `k`, shape [G]."""
    enough = counts.total >= settings.minimum_rows
    if metric in _NEEDS_CLASSES:
        least = settings.minimum_class_rows
        true = counts.true[:, k]
        enough = enough & (true >= least) & (counts.total - true >= least)
    return np.asarray(enough)


def _group_measurement(
    metric: str,
    group: str,
    counts: tuple[int, int],
    n: int,
    decides: bool,
    policy: Policy,
    *,
    several: bool,
) -> Measurement:
    hits, of = counts
    interval = wilson_interval(hits, of, policy.measure.fairness.confidence) if of else None
    return Measurement(
        name=metric,
        slice=group,
        value=hits / of if of else None,  # Fairlearn returns 0 if the denominator is 0
        unit="share",
        interval=interval,
        n=n,
        method=f"{'class against the rest' if several else 'rate'}; Wilson score interval",
        decides=decides,
        note=None if decides else "group too small to decide",
    )


def _gaps(
    name: str,
    names: NDArray[np.object_],
    cells: Floats,
    predictions: Predictions,
    policy: Policy,
    family: int,
    unlisted: int,
) -> list[Measurement]:
    """Measure Fairlearn's gaps between large enough groups, the largest of all classes."""
    settings = policy.measure
    confidence = settings.fairness.confidence
    several = predictions.task is Task.MULTICLASS
    watched = list(range(len(predictions.classes))) if several else [1]
    # Resample only groups that can decide.
    enough = _eligible(Counts.of(cells), "selection_rate", 1, settings.fairness)
    too_small, names, cells = names[~enough], names[enough], cells[enough]
    counts, smoothed = Counts.of(cells), Counts.of(smooth(cells))
    many = len(names) > MANY
    drawn = None if many or len(names) < 2 else resampled(cells, settings.resamples, settings.seed)

    def gap(classes: list[int], *metrics: str) -> tuple[Gap, list[str], int]:
        """Return the gap, the groups that are too small, and the rows of the other groups."""
        points, centres, spreads, small = [], [], [], list(too_small)
        used = np.zeros(len(names), bool)
        for k in classes:
            chosen = _eligible(counts, metrics[0], k, settings.fairness)
            of = f" (class {predictions.classes[k]})" if several and len(classes) > 1 else ""
            small += [f"{group}{of}" for group in names[~chosen]]
            if chosen.sum() < 2:
                continue
            used |= chosen
            for metric in metrics:
                centre = smoothed.rate(metric, k)[chosen]
                points.append(counts.rate(metric, k)[chosen])
                centres.append(centre)
                if drawn is None:
                    rows = counts.parts(metric, k)[1][chosen]
                    spreads.append(np.sqrt(centre * (1 - centre) / rows))
                else:
                    spreads.append(drawn.rate(metric, k)[:, chosen])
        largest = largest_gap_of_many if drawn is None else largest_gap
        found = largest(points, centres, spreads, confidence, family=family)
        return found, small, int(counts.total[used].sum())

    how = (
        "normal intervals, Bonferroni over all pairs"
        if many
        else "simultaneous max-t intervals over all pairs from a stratified multinomial bootstrap, "
        f"{settings.resamples} resamples"
    )
    together = "" if family == 1 else f"; lower ends hold for {family} partitions together"
    method = f"largest gap between groups{' and over classes' if several else ''}; {how}{together}"
    measurements = []
    for metric, rates in (
        ("demographic_parity_difference", ("selection_rate",)),
        ("equalized_odds_difference", _NEEDS_CLASSES),
    ):
        found, small, n = gap(watched, *rates)
        measurements.append(
            gap_measurement(metric, name, found, small, n, method=method, unlisted=unlisted)
        )
    # Both use the same groups.
    found, small, n = gap(watched[:1], "accuracy")
    if several:
        measurements.append(
            gap_measurement(
                "accuracy_score_difference", name, found, small, n, method=method,
                unlisted=unlisted,
            )
        )  # fmt: skip
    else:
        hits, of = counts.parts("selection_rate", 1)
        exact = "smallest rate over the largest; exact binomial intervals of all groups at once"
        if family > 1:
            exact += f"; upper ends hold for {family} partitions together"
        ratio = smallest_ratio(hits, of, confidence, family)
        measurements.append(
            gap_measurement(
                "demographic_parity_ratio", name, ratio, small, n, method=exact, unlisted=unlisted
            )
        )
    return measurements
