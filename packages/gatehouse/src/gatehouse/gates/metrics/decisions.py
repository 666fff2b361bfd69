"""Metrics of a classifier's decisions, under scikit-learn's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.contract import Task
from gatehouse.evidence import Better
from gatehouse.gates.metrics.metric import CLASSES, ONE_CLASS, Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gatehouse.gates.bootstrap import Statistic
    from gatehouse.gates.metrics.sample import Sample


def _accuracy_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import share_of

    return share_of(sample.predictions.labels == sample.predictions.decisions)


def _balanced_accuracy_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.closed import Shares

    return Shares(sample.hits, sample.true, every=sample.predictions.task is Task.BINARY)


def _f1_macro_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.closed import Shares

    return Shares(sample.hits, sample.true + sample.decided - sample.hits, f1=True)


def _f1_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.closed import Shares

    true, decided = _positive(sample)
    each = [cells[:, None].astype(float) for cells in (true & decided, true | decided)]
    return Shares(*each, f1=True)


def _precision_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import share_of

    true, decided = _positive(sample)
    return share_of(true, decided)


def _recall_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import share_of

    true, decided = _positive(sample)
    return share_of(decided, true)


def _cost_over(sample: Sample) -> Statistic:
    from gatehouse.gates.metrics.weighted import mean_of

    costs = sample.predictions.costs
    assert costs is not None  # needs_costs
    true, decided = _positive(sample)
    return mean_of(costs[:, 0] * (decided & ~true) + costs[:, 1] * (true & ~decided), tailed=True)


def _positive(sample: Sample) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the rows that are positive, and that are predicted so; shape [N]."""
    return sample.predictions.labels > 0, sample.predictions.decisions > 0


ACCURACY = Metric(
    name="accuracy",
    label="accuracy",
    unit="1",
    better=Better.HIGHER,
    tasks=CLASSES,
    weighted=_accuracy_over,
    headline=True,
)
BALANCED_ACCURACY = Metric(
    name="balanced_accuracy",
    label="balanced accuracy",
    unit="1",
    better=Better.HIGHER,
    tasks=CLASSES,
    weighted=_balanced_accuracy_over,
    undefined=ONE_CLASS,
)
F1 = Metric(
    name="f1",
    label="F1",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_f1_over,
    undefined="not defined: no row is positive, and the model decides none so",
)
F1_MACRO = Metric(
    name="f1_macro",
    label="F1, mean of the classes",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.MULTICLASS,),
    weighted=_f1_macro_over,
)
PRECISION = Metric(
    name="precision",
    label="precision",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_precision_over,
    undefined="not defined: the model decides no row positive",
    per_class=True,
    tunable=False,  # a model that predicts a single row positive would win
)
RECALL = Metric(
    name="recall",
    label="recall",
    unit="1",
    better=Better.HIGHER,
    tasks=(Task.BINARY,),
    weighted=_recall_over,
    undefined="not defined: the test split has no positive row",
    per_class=True,
    tunable=False,  # a model that predicts all rows positive would win
)
EXPECTED_COST = Metric(
    name="expected_cost",  # in the unit of the contract's `cost`
    label="cost per decision",
    unit="1",
    better=Better.LOWER,
    tasks=(Task.BINARY,),
    weighted=_cost_over,
    needs_costs=True,
    by_group=True,
    tunable=False,  # the stage after training chooses the threshold
)
