"""Defects in the model: what training or quantization would have written.

A defect adds nodes to the graph, which cost time. The base's graphs therefore get the same nodes
with no effect, so that the defect is the only difference between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gatehouse.drill.graph import (
    Builder,
    flipped_near,
    noisy,
    rewrite_logit,
    scaled,
    shifted,
    slower,
)
from gatehouse.drill.scene import NotApplicableError, Scene
from gatehouse.evidence import Gate, Of
from gatehouse.gates import fairness_classes
from gatehouse.gates.fairness import group_labels, partitions
from gatehouse.gates.metrics import point_values
from gatehouse.gates.predictions import predict
from gatehouse.policy import Rule
from gatehouse.workspace import MODEL, MODEL_FP32

Change = Callable[[Builder, str], str]

_STEPS = 10


def sharpened(scene: Scene) -> None:
    """Overconfident scores: the ranking and the decisions stay, the distribution does not."""
    _apply(scene, scaled(1.35), scaled(1.0))


def worse_than_base(scene: Scene) -> None:
    """A model that ranks worse than the base by a little over the margin."""
    rule = _rule(scene, Gate.ACCURACY, "roc_auc", Of.COMPARISON)
    rows = scene.candidate.split("test")
    before = predict(scene.base.model, rows, scene.contract)
    target = point_values(before)["roc_auc"] - 1.3 * abs(rule.limit)
    spread = float(np.std(_logit(before.scores)))

    def change(amount: float) -> Change:
        return noisy(amount, spread / float(np.sqrt(spread**2 + amount**2 / 3)))

    _search(scene, change, 8.0, lambda: _auc(scene) <= target)


def slightly_different(scene: Scene) -> None:
    """A control: a model that differs as much as one trained again with another seed."""
    _apply(scene, noisy(0.1, 1.0), noisy(0.0, 1.0))


def biased_group(scene: Scene) -> None:
    """Scores lowered for one group of a protected attribute."""
    rule = _rule(scene, Gate.FAIRNESS, "equalized_odds_difference", Of.CANDIDATE)
    attribute, group = _smallest_group(scene, 1)
    scene.feed_protected()
    chosen = dict(zip(attribute, group, strict=True))
    _search(
        scene,
        lambda amount: shifted([(chosen, -amount)]),
        8.0,
        lambda: _gap_low(scene, attribute) > rule.limit + 0.02,
    )


def biased_intersection(scene: Scene) -> None:
    """Scores lowered for one intersection, and raised for the rest of its first group.

    Each attribute alone looks even; the intersection does not.
    """
    if len(scene.contract.protected) < 2:
        raise NotApplicableError("the contract has fewer than two protected attributes")
    rule = _rule(scene, Gate.FAIRNESS, "equalized_odds_difference", Of.CANDIDATE)
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
        lambda: _gap_low(scene, attributes) > rule.limit + 0.02,
    )


def slower_graph(scene: Scene) -> None:
    """A graph that gives the same answers later."""
    scene.edit_models(lambda model: rewrite_logit(model, slower(width=512, layers=4)))


def disagreeing_int8(scene: Scene) -> None:
    """An INT8 graph that decides otherwise near the threshold."""
    rule = _rule(scene, Gate.LATENCY, "decision_agreement", Of.CANDIDATE)
    threshold = scene.candidate.model.metadata.threshold
    rows = scene.candidate.split("test")
    plain = predict(scene.candidate.model_fp32, rows, scene.contract)

    def disagrees() -> bool:
        now = predict(scene.candidate.model, rows, scene.contract)
        return float((now.decisions == plain.decisions).mean()) < rule.limit - 0.01

    scene.edit_models(lambda model: rewrite_logit(model, flipped_near(threshold, 0.0)), MODEL_FP32)
    _search(scene, lambda width: flipped_near(threshold, width), 4.0, disagrees, MODEL)


def _apply(scene: Scene, change: Change, neutral: Change) -> None:
    scene.edit_models(lambda model: rewrite_logit(model, change))
    scene.edit_base_models(lambda model: rewrite_logit(model, neutral))


def _search(
    scene: Scene,
    change: Callable[[float], Change],
    largest: float,
    enough: Callable[[], bool],
    *paths: Path,
) -> None:
    """The smallest amount, by bisection, with which the defect is just large enough.

    Both graphs are changed, unless `paths` names one.
    """
    originals = {path: path.read_bytes() for path in (scene.root / "models").glob("*.onnx")}

    def plant(amount: float) -> bool:
        for path, content in originals.items():
            path.write_bytes(content)
        scene.edit_models(lambda model: rewrite_logit(model, change(amount)), *paths)
        return enough()

    if not plant(largest):
        raise NotApplicableError("no amount of this defect crosses the policy's limit")
    low, high = 0.0, largest
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if plant(middle) else (middle, high)
    plant(high)
    scene.edit_base_models(lambda model: rewrite_logit(model, change(0.0)))


def _rule(scene: Scene, gate: Gate, measurement: str, of: Of) -> Rule:
    for rule in scene.policy.rules.values():
        if (rule.gate, rule.measurement, rule.of) == (gate, measurement, of) and (
            rule.on_fail == "fail"
        ):
            return rule
    raise NotApplicableError(f"the policy has no blocking rule on {measurement} ({of})")


def _auc(scene: Scene) -> float:
    rows = scene.candidate.split("test")
    return point_values(predict(scene.candidate.model, rows, scene.contract))["roc_auc"]


def _logit(scores: np.ndarray) -> np.ndarray:
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _gap_low(scene: Scene, attributes: tuple[str, ...]) -> float:
    """Lower bound of the equalized odds difference between the groups of `attributes`."""
    rows = scene.candidate.split("test")
    predictions = predict(scene.candidate.model, rows, scene.contract)
    groups = group_labels(rows, attributes)
    for found in fairness_classes.measure("", groups, predictions, scene.policy):
        if found.name == "equalized_odds_difference" and found.interval:
            return found.interval.low
    return 0.0


def _smallest_group(scene: Scene, size: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The smallest group, of `size` attributes together, that is large enough to decide."""
    rows = scene.candidate.split("test")
    predictions = predict(scene.candidate.model, rows, scene.contract)
    settings = scene.policy.measure.fairness
    best: tuple[float, tuple[str, ...], tuple[str, ...]] | None = None
    for attributes in partitions(scene.contract.protected):
        if len(attributes) != size:
            continue
        names, index = np.unique(group_labels(rows, attributes), return_inverse=True)
        cells = fairness_classes.confusion_cells(index, len(names), predictions)
        for name, ((tn, fp), (fn, tp)) in zip(names, cells, strict=True):
            least = min(tp + fn, fp + tn)
            enough = tp + fn + fp + tn >= settings.minimum_rows
            if enough and least >= settings.minimum_class_rows and (not best or least < best[0]):
                values = tuple(part.split("=", 1)[1] for part in str(name).split(" & "))
                best = least, attributes, values
    if best is None:
        raise NotApplicableError("no protected group is large enough to decide")
    return best[1], best[2]
