"""Defects in the model, as if training or quantization had written them.

A defect adds nodes to the graph, which take time. The base's graphs therefore get the same nodes
without any effect, so that the defect is the only difference between the two.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.base import BaseRecord, Outputs, folder_of, write_record
from gatehouse.contract import CONTRACT_FILE, Task
from gatehouse.drill.graph import (
    Change,
    Floats,
    flipped_near,
    noisy,
    scaled,
    shifted,
    slower,
    slower_batches,
)
from gatehouse.drill.scene import NotApplicableError, Scene
from gatehouse.evidence import RELEASED, Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.bootstrap import bootstrap
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.fairness import values as fairness_values
from gatehouse.gates.fairness.measure import group_labels, measure_partitions, partitions
from gatehouse.gates.latency import LATENCY
from gatehouse.gates.metrics import metrics_of
from gatehouse.gates.metrics.figures import value_of
from gatehouse.gates.metrics.metric import Metric
from gatehouse.gates.metrics.own import metrics_by
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions, predict
from gatehouse.gates.scale import robust_deviation
from gatehouse.policy import Policy, Rule
from gatehouse.workspace import MODEL, MODEL_FP32

if TYPE_CHECKING:
    import pandas as pd

_STEPS = 10
_RESAMPLES = 200
_SURE = 2.5
"""Standard errors beyond a limit, so that the gate's interval lies beyond it too."""


def uncalibrated(scene: Scene) -> None:
    """Overconfident scores, with the same ranking and decisions."""
    rule = scene.rule(ACCURACY.name, ["calibration_error"], Of.CANDIDATE, "at_most")
    _search(
        scene,
        lambda amount: scaled(1 + amount),
        8.0,
        lambda: surely_beyond(rule, _predicted(scene)[1], scene.policy),
    )


def worse_than_base(scene: Scene) -> None:
    """A model that is worse than the base by slightly more than the allowed margin."""
    _worsen(scene, "all", of_base=0.0)


def small_losses(scene: Scene) -> None:
    """The last of many small losses, each far less than the margin."""
    _release(scene)
    _worsen(scene, RELEASED, of_base=0.95)


def few_small_losses(scene: Scene) -> None:
    """A control: a few small losses that stay within the margin."""
    _release(scene)
    _apply(scene, noisy(0.1, 1.0), noisy(0.05, 1.0))


def _release(scene: Scene) -> None:
    """Make the model of the finished run the best released one."""
    # Only its address is used.
    released = Outputs(contract=scene.contract.digest, outs={MODEL.as_posix(): "the drill's"})
    for path in (MODEL, CONTRACT_FILE):
        kept = scene.root / folder_of(released) / path
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(scene.base.root / path, kept)
    write_record(BaseRecord(released=released), scene.root)


def _worsen(scene: Scene, where: str, of_base: float) -> None:
    """Make the candidate surely worse than the margin of the first rule on the slice `where`.

    The base gets the share `of_base` of the same noise.
    """
    rows = scene.candidate.split("test")
    before = predict(scene.base.model, rows, scene.contract)
    metrics = metrics_by_name(scene)
    rule = scene.rule(ACCURACY.name, [*metrics], Of.COMPARISON, where=where)
    metric, settings = metrics[rule.measurement], scene.policy.measure.accuracy
    was = value_of(metric, Sample(before, settings))
    spread = float(np.std(scene.margin.values(scene.base.model.outputs(rows))))
    lower = rule.at_least is not None

    def change(amount: float) -> Change:
        return noisy(amount, spread / float(np.sqrt(spread**2 + amount**2 / 3)))

    def worse() -> bool:
        _, now = _predicted(scene)
        moved = value_of(metric, Sample(now, settings)) - was
        enough = (-moved if lower else moved) >= 1.3 * abs(rule.limit)
        return enough and surely_beyond(rule, now, scene.policy, before)

    _search(scene, change, 8.0, worse, of_base=of_base)


def slightly_different(scene: Scene) -> None:
    """A control: a model that differs as much as one retrained with another seed."""
    _apply(scene, noisy(0.1, 1.0), noisy(0.0, 1.0))


def biased_group(scene: Scene) -> None:
    """Predictions lowered for one group of a protected attribute."""
    rule = _gap_rule(scene, list(fairness_values.GAPS))
    attribute, group = _smallest_group(scene, 1)
    scene.feed_protected()
    chosen = dict(zip(attribute, group, strict=True))
    _search(
        scene,
        lambda amount: shifted([(chosen, -amount)]),
        8.0,
        lambda: _gap_low(scene, rule, attribute) > rule.limit + 0.02,
    )


def biased_against_base(scene: Scene) -> None:
    """Predictions lowered for one group by slightly more than the comparison with the base allows.

    The group is the one that is measured best among the smallest groups of each attribute.
    """
    rule = _gap_rule(scene, ["mean_error_difference"], Of.COMPARISON)
    (attribute,), (group,) = _smallest_group(scene, 1, largest=True)
    scene.feed_protected()
    _search(
        scene,
        lambda amount: shifted([({attribute: group}, -amount)]),
        8.0,
        lambda: _gap_low(scene, rule, (attribute,)) > rule.limit + 0.01,
    )


def biased_intersection(scene: Scene) -> None:
    """Predictions lowered for one intersection, and raised for the rest of its first group.

    Each attribute alone looks fair, but the intersection does not.
    """
    if len(scene.contract.protected) < 2:
        raise NotApplicableError("the contract has fewer than two protected attributes")
    # Lowering some and raising others cancels out in a mean error but not in a loss.
    rule = _gap_rule(scene, ["mean_error_difference"])
    attributes, group = _smallest_group(scene, 2)
    chosen = dict(zip(attributes, group, strict=True))
    first, second = attributes
    others = scene.contract.columns[second].categories or ()
    raised = [{first: group[0], second: other} for other in others if other != group[1]]
    scene.feed_protected()
    _search(
        scene,
        lambda amount: shifted([(chosen, -amount), *((other, amount) for other in raised)]),
        8.0,
        lambda: _gap_low(scene, rule, attributes) > rule.limit + 0.02,
    )


def slower_graph(scene: Scene) -> None:
    """A graph that gives the same answers, only later."""
    scene.edit_models(scene.changed(slower(width=512, layers=4)))


def slower_for_batches(scene: Scene) -> None:
    """A graph that gives the same answers, and takes longer only for many rows at once."""
    scene.edit_models(scene.changed(slower_batches(8)))
    scene.edit_base_models(scene.changed(slower_batches(0)))


def disagreeing_int8(scene: Scene) -> None:
    """An INT8 graph that decides differently near the threshold (regression: near the middle)."""
    regression = scene.contract.task is Task.REGRESSION
    measured = "prediction_difference" if regression else "decision_agreement"
    rule = scene.rule(LATENCY.name, [measured], Of.CANDIDATE)
    threshold = scene.candidate.model.metadata.threshold or 0.5
    rows = scene.candidate.split("test")
    served = scene.candidate.model
    plain = predict(scene.candidate.model_fp32, rows, scene.contract, decided_by=served)

    def disagrees() -> bool:
        _, now = _predicted(scene)
        if regression:
            moved = ((now.scores - plain.scores) / robust_deviation(plain.scores)) ** 2
            return float(moved.mean()) - _SURE * _error_of_mean(moved) > rule.limit**2
        alike = now.decisions == plain.decisions
        slack = max(0.01, _SURE * _error_of_mean(alike.astype(float)))
        return float(alike.mean()) < rule.limit - slack

    scene.edit_models(scene.changed(flipped_near(threshold, 0.0)), MODEL_FP32)
    _search(scene, lambda width: flipped_near(threshold, width), 4.0, disagrees, MODEL)


def _apply(scene: Scene, change: Change, neutral: Change) -> None:
    scene.edit_models(scene.changed(change))
    scene.edit_base_models(scene.changed(neutral))


def _search(
    scene: Scene,
    change: Callable[[float], Change],
    largest: float,
    enough: Callable[[], bool],
    *paths: Path,
    of_base: float = 0.0,
) -> None:
    """Find by bisection the smallest amount that makes the defect large enough.

    Both graphs are changed, unless `paths` names one. The base's get this share of the amount.
    """
    originals = {path: path.read_bytes() for path in (scene.root / "models").glob("*.onnx")}

    def plant(amount: float) -> bool:
        for path, content in originals.items():
            path.write_bytes(content)
        scene.edit_models(scene.changed(change(amount)), *paths)
        return enough()

    if not plant(largest):
        raise NotApplicableError("no amount of this defect crosses the policy's limit")
    low, high = 0.0, largest
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if plant(middle) else (middle, high)
    plant(high)
    scene.edit_base_models(scene.changed(change(of_base * high)))


def metrics_by_name(scene: Scene) -> dict[str, Metric]:
    """Return the metrics that the accuracy gate measures on all test rows."""
    found = metrics_of(scene.contract.task, metrics_by(scene.policy))
    return {metric.name: metric for metric in found}


def surely_beyond(
    rule: Rule, ours: Predictions, policy: Policy, theirs: Predictions | None = None
) -> bool:
    """Return whether a metric, or its paired difference, almost certainly violates the limit."""
    metric = next(each for each in metrics_by(policy) if each.name == rule.measurement)
    settings = policy.measure.accuracy
    predicted = {"ours": ours} | ({"theirs": theirs} if theirs else {})
    metrics = {
        whose: metric.weighted(Sample(predictions, settings))
        for whose, predictions in predicted.items()
    }
    drawn = bootstrap(
        metrics, len(ours.labels), _RESAMPLES, policy.measure.seed,
        units=ours.units, weights=ours.weights,
    )  # fmt: skip
    values = drawn["ours"] - drawn.get("theirs", 0.0)
    # Use the mean and its error, not a quantile of so few draws, because the gate draws again.
    mean, error = float(np.nanmean(values)), float(np.nanstd(values))
    if rule.at_least is not None:
        return mean + _SURE * error < rule.limit
    return mean - _SURE * error > rule.limit


def _predicted(scene: Scene) -> tuple[pd.DataFrame, Predictions]:
    """Return the candidate's test split, and its served model's current predictions."""
    candidate = scene.candidate
    rows = candidate.split("test")
    return rows, predict(candidate.model, rows, candidate.contract)


def _error_of_mean(values: Floats) -> float:
    return float(values.std() / np.sqrt(len(values)))


def _gap_rule(scene: Scene, of_numbers: list[str], of: Of = Of.CANDIDATE) -> Rule:
    """Return the rule on the gap between groups; `of_numbers`: measurements for regression."""
    regression = scene.contract.task is Task.REGRESSION
    gaps = of_numbers if regression else ["equalized_odds_difference"]
    return scene.rule(FAIRNESS.name, gaps, of)


def _gap_low(scene: Scene, rule: Rule, attributes: tuple[str, ...]) -> float:
    """Return the lower bound of the rule's gap between the groups of `attributes`."""
    rows, predictions = _predicted(scene)
    models = [predictions]
    if rule.of is Of.COMPARISON:
        models.append(predict(scene.base.model, rows, scene.contract))
    together = len(_partitions(scene))
    for found in measure_partitions(rows, [attributes], models, scene.policy, together):
        if (found.name, found.of) == (rule.measurement, rule.of) and found.interval:
            return found.interval.low
    return 0.0


def _smallest_group(
    scene: Scene, size: int, *, largest: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the smallest group, of `size` attributes together, that is large enough to decide.

    With `largest`, return the largest of the smallest groups of each partition.
    """
    rows, predictions = _predicted(scene)
    best: tuple[float, tuple[str, ...], tuple[str, ...]] | None = None
    for attributes in _partitions(scene):
        if len(attributes) != size:
            continue
        names, index = np.unique(group_labels(rows, attributes), return_inverse=True)
        sizes = _least_rows(index, len(names), predictions, scene)
        own: tuple[float, tuple[str, ...], tuple[str, ...]] | None = None
        for name, least in zip(names, sizes, strict=True):
            if least and (not own or least < own[0]):
                values = tuple(part.split("=", 1)[1] for part in str(name).split(" & "))
                own = least, attributes, values
        if own and (not best or (own[0] > best[0]) == largest):
            best = own
    if best is None:
        raise NotApplicableError("no protected group is large enough to decide")
    return best[1], best[2]


def _partitions(scene: Scene) -> list[tuple[str, ...]]:
    return partitions(scene.contract.protected, scene.policy.measure.fairness.depth)


def comparable(scene: Scene) -> set[tuple[str, ...]]:
    """Return the partitions of the rows in which at least two groups are large enough to decide."""
    rows, predictions = _predicted(scene)
    found = set()
    for attributes in _partitions(scene):
        names, index = np.unique(group_labels(rows, attributes), return_inverse=True)
        if np.count_nonzero(_least_rows(index, len(names), predictions, scene)) > 1:
            found.add(attributes)
    return found


def _least_rows(
    index: NDArray[np.intp], groups: int, predictions: Predictions, scene: Scene
) -> Floats:
    """Return the minimum rows behind each group's error rates, shape [G]; 0 if it can't decide."""
    settings = scene.policy.measure.fairness
    total = np.bincount(index, minlength=groups).astype(float)
    enough = total >= settings.minimum_rows
    if predictions.task is Task.REGRESSION:
        return np.where(enough, total, 0.0)
    place = scene.margin.place
    true = np.bincount(index, predictions.labels == place, groups)
    least = np.minimum(true, total - true)
    return np.where(enough & (least >= settings.minimum_class_rows), least, 0.0)
