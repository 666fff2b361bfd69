"""Fairness of decisions between classes: selection rates, error rates and their gaps.

For multiclass models, each class is compared with the rest, and the reported gap is the largest of
all classes. Rates equal Fairlearn's. They need only the number of rows of each combination of
group, true class and decisions, so their cost hardly grows with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gatehouse.contract import Task
from gatehouse.evidence import Measurement
from gatehouse.gates.bootstrap import Floats, wilson_interval
from gatehouse.gates.fairness.gaps import gap_measurement, smallest_ratio
from gatehouse.gates.fairness.means import Index, Rows
from gatehouse.gates.fairness.partition import Partition, Rate
from gatehouse.gates.predictions import Predictions

ERROR_RATES = ("true_positive_rate", "false_positive_rate")
GAPS = (
    "demographic_parity_difference",
    "equalized_odds_difference",
    "accuracy_score_difference",
)
GROUP_METRICS = ("selection_rate", *ERROR_RATES, "accuracy")


@dataclass(frozen=True)
class Decided:
    """The decisions of M models on N rows, as one code for each row.

    Attributes:
        codes: shape [N]; index into `outcomes`.
        outcomes: distinct combinations of true class and each model's decision, shape [C, 1 + M].
        classes: names of the classes.
        several: are there more than two classes?
        weights: as in `Predictions`.
        units: as in `Predictions`.
    """

    codes: Index
    outcomes: Index
    classes: tuple[str, ...]
    several: bool
    weights: Floats | None
    units: Index | None

    @classmethod
    def of(cls, models: Sequence[Predictions]) -> Decided:
        """Return the decisions of models on the same rows."""
        import pandas as pd

        first = models[0]
        size = np.intp(max(len(first.classes), 2))
        flat = first.labels.astype(np.intp)
        for model in models:
            flat = flat * size + model.decisions.astype(np.intp)
        codes, distinct = pd.factorize(flat)
        parts = []
        for _ in range(len(models) + 1):
            parts.append(distinct % size)
            distinct = distinct // size
        several = first.task is Task.MULTICLASS
        return cls(
            codes.astype(np.intp), np.stack(parts[::-1], axis=1), first.classes, several,
            first.weights, first.units,
        )  # fmt: skip

    @property
    def watched(self) -> tuple[int, ...]:
        """The classes that are measured; for binary models, the positive class is enough."""
        return tuple(range(len(self.classes))) if self.several else (1,)


def measure(part: Partition, decided: Decided) -> Iterator[Measurement]:
    """Yield measurements of each group of one partition of the rows, and of the gaps between them.

    Args:
        part: the groups of the rows.
        decided: the decisions of the candidate, and of the base if there is one.
    """
    rows, codes = Rows.merged(
        part.index, len(part.names), decided.codes, len(decided.outcomes),
        decided.weights, decided.units,
    )  # fmt: skip
    outcomes, watched = decided.outcomes[codes], decided.watched
    rates = {
        (metric, k): _rate(part, rows, outcomes, metric, k)
        for k in watched
        for metric in GROUP_METRICS
        if metric != "accuracy" or k == watched[0]  # the same for all classes
    }
    yield from _groups(part, decided, rates)
    gaps = {
        "demographic_parity_difference": [("selection_rate", k) for k in watched],
        "equalized_odds_difference": [(metric, k) for k in watched for metric in ERROR_RATES],
    }
    if decided.several:
        gaps["accuracy_score_difference"] = [("accuracy", watched[0])]
    how = "largest gap between groups" + (" and over classes" if decided.several else "")
    for name, keys in gaps.items():
        named = {_named(decided, *key): rates[key] for key in keys}
        yield from part.gap(name, named, how, classes=len(watched))
    if not decided.several:
        yield _ratio(part, rates["selection_rate", 1])


def _rate(part: Partition, rows: Rows, outcomes: Index, metric: str, k: int) -> Rate:
    """Return a metric of class `k` against the rest."""
    settings = part.policy.measure.fairness
    true, decisions = outcomes[:, 0], outcomes[:, 1:].T
    if metric == "accuracy":
        return Rate.of(rows, [(d == true) * 1.0 for d in decisions], settings.minimum_rows)
    values = [(d == k) * 1.0 for d in decisions]
    if metric == "selection_rate":
        return Rate.of(rows, values, settings.minimum_rows)
    inside = (true == k) == (metric == "true_positive_rate")
    return Rate.of(rows, values, settings.minimum_class_rows, inside)


def _named(decided: Decided, metric: str, k: int) -> str:
    of = f" of class {decided.classes[k]}" if decided.several else ""
    return metric.replace("_", " ") + of


def _groups(
    part: Partition, decided: Decided, rates: dict[tuple[str, int], Rate]
) -> Iterator[Measurement]:
    for position in part.listed(len(decided.watched)):
        for (metric, k), rate in rates.items():
            if position == len(part.names) and not rate.pooled:
                continue
            whole = not decided.several or metric == "accuracy"
            group = part.label(position)
            value, effective = rate.means.values[0, position], rate.means.effective[position]
            defined, decides = bool(np.isfinite(value)), bool(rate.decides[position])
            yield Measurement(
                name=metric,
                slice=group if whole else f"{group} & class={decided.classes[k]}",
                value=float(value) if defined else None,  # Fairlearn returns 0 without rows
                unit="share",
                interval=wilson_interval(
                    float(value * effective), float(effective), _confidence(part)
                )
                if defined
                else None,
                n=int(rate.means.n[position]),
                method=f"{'class against the rest' if decided.several else 'rate'}; "
                "Wilson score interval",
                decides=decides,
                note=None if decides else "group too small to decide",
            )


def _confidence(part: Partition) -> float:
    return part.policy.measure.fairness.confidence


def _ratio(part: Partition, rate: Rate) -> Measurement:
    """Return the smallest selection rate over the largest."""
    chosen = rate.means.of_groups(rate.decides)
    hits, of = chosen.values[0] * chosen.effective, chosen.effective
    exact = "smallest rate over the largest; exact binomial intervals of all groups at once"
    if part.family > 1:
        exact += f"; upper ends hold for {part.family} partitions together"
    return gap_measurement(
        "demographic_parity_ratio", part.name,
        smallest_ratio(hits, of, _confidence(part), part.family),
        part.too_small({"selection rate": rate}), int(part.sizes[rate.used].sum()),
        method=exact, unlisted=len(part.names) - len(part.listed()) + 1,
    )  # fmt: skip
