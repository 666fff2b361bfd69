"""Fairlearn's ThresholdOptimizer: one threshold per group, as a map of the score in the graph.

Hardt, Price, Srebro, "Equality of Opportunity in Supervised Learning", 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import onnx
from fairlearn.postprocessing import ThresholdOptimizer
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.base import BaseEstimator

from gatehouse.model import OUTPUT
from gatehouse.pipeline.mitigation.checks import groups_of
from gatehouse.pipeline.opset import OPSET_ML
from gatehouse.pipeline.trainer import EVEN, TrainedModel, as_model

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainingData

_EDGE = 1e-6
"""Distance of a threshold from 0 and 1, so that the map's slopes stay finite."""

Floats = NDArray[np.float64]


class _Scores(BaseEstimator):  # type: ignore[misc]  # the library has no types
    """An estimator whose X already has the scores, [N, 1]."""

    def fit(self, *_: Any) -> Self:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, x: Floats) -> Floats:
        return np.hstack([1 - x, x])


def optimized(
    train: Callable[[TrainingData, Path], TrainedModel],
    data: TrainingData,
    settings: TrainSettings,
    reports: Path,
) -> TrainedModel:
    """Train, choose each group's threshold on the valid split, and put them into the graph.

    Raises:
        GatehouseError: a group lacks a class, or the trainer's graph differs from its outputs.
    """
    from gatehouse.pipeline.train import parity

    mitigation, contract = settings.mitigation, data.contract
    attribute = str(mitigation.attribute)
    trained = train(data, reports)
    model = as_model(trained, contract, settings)
    parity(model, data, trained)
    scores, labels = model.scores(data.valid), data.labels(data.valid)
    groups = groups_of(data.valid, labels, data, attribute, "valid")
    known = groups >= 0
    positive = expected(scores[known], labels[known], groups[known], mitigation.constraint)
    names = contract.columns[attribute].categories or ()
    thresholds = np.full(len(names) + 1, EVEN, np.float32)  # the last: no group
    for group in np.unique(groups[known]):
        rows = groups[known] == group
        thresholds[group] = nearest_threshold(
            scores[known][rows], labels[known][rows], positive[rows], mitigation.constraint
        )
        print(f"train: {attribute} {names[group]} is positive from {thresholds[group]:.4f}")
    add_thresholds(trained.graph, attribute, names, thresholds)
    found = moved(scores, thresholds[groups].astype(np.float64))
    return TrainedModel(trained.graph, np.stack([1 - found, found], axis=1))


def expected(
    scores: Floats, labels: NDArray[np.int64], groups: NDArray[np.int64], constraint: str
) -> Floats:
    """Return the probability with which Fairlearn's randomized thresholds decide positive, [N]."""
    optimizer = ThresholdOptimizer(
        estimator=_Scores(), constraints=constraint, prefit=True, predict_method="predict_proba"
    )
    optimizer.fit(scores[:, None], labels, sensitive_features=groups)
    found = optimizer._pmf_predict(scores[:, None], sensitive_features=groups)
    return np.asarray(found[:, 1], np.float64)


def nearest_threshold(
    scores: Floats, labels: NDArray[np.int64], positive: Floats, constraint: str
) -> np.float32:
    """Return the threshold of one group whose rates are closest to those of random decisions.

    The rate is the selection rate for demographic parity, and the true and the false positive rate
    for equalized odds (the larger of both distances counts). If several thresholds are equally
    close, it is the one closest to 0.5.

    Args:
        scores: probabilities of the positive class, shape [N].
        labels: 1 for the positive class, otherwise 0, shape [N].
        positive: probability of a positive decision, shape [N].
        constraint: `demographic_parity` or `equalized_odds`.
    """
    places, place = np.unique(scores.astype(np.float32), return_inverse=True)
    edges = np.concatenate([[0], places, [1]]).astype(np.float32)
    middle = (edges[1:] + edges[:-1]) / 2
    thresholds = np.where(middle <= edges[:-1], edges[1:], middle)  # neighbours have no middle
    masks = [labels == 0, labels == 1] if constraint == "equalized_odds" else [labels >= 0]
    distances = np.zeros(len(thresholds))
    for mask in masks:
        counts = np.bincount(place[mask], minlength=len(places))
        rates = np.append(counts[::-1].cumsum()[::-1], 0) / mask.sum()
        distances = np.maximum(distances, np.abs(rates - positive[mask].mean()))
    usable = (thresholds >= _EDGE) & (thresholds <= 1 - _EDGE)
    best = thresholds[usable & (distances <= distances[usable].min() + 1e-12)]
    found: np.float32 = best[np.argmin(np.abs(best - EVEN))]
    return found


def moved(scores: Floats, thresholds: Floats) -> Floats:
    """Map each score by straight lines through (0, 0), (its threshold, 0.5) and (1, 1)."""
    below = scores * EVEN / thresholds
    above = EVEN + (scores - thresholds) * EVEN / (1 - thresholds)
    return np.where(scores >= thresholds, above, below)


def add_thresholds(
    model: onnx.ModelProto,
    attribute: str,
    names: tuple[str, ...],
    thresholds: NDArray[np.float32],
) -> None:
    """Add nodes to a graph of two classes that map its scores like `moved`, in place.

    Args:
        model: the graph.
        attribute: input that names a row's group.
        names: the groups.
        thresholds: of each group, and of a row without one, shape [G + 1].
    """
    graph = model.graph
    taken = {name for node in graph.node for name in node.output}
    taken |= {entry.name for entry in (*graph.input, *graph.initializer)}
    prefix = "mitigation"
    while any(name.startswith(f"{prefix}/") for name in taken):
        prefix += "_"

    def constant(name: str, value: Any, kind: type = np.float32) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(value, kind), f"{prefix}/{name}"))
        return f"{prefix}/{name}"

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        made = output if output == OUTPUT else f"{prefix}/{output}"
        name = f"{prefix}/{kind}_{len(graph.node)}"
        graph.node.append(helper.make_node(kind, inputs, [made], name, **attributes))
        return made

    raw = f"{prefix}/{OUTPUT}"
    for node in graph.node:
        node.input[:] = [raw if name == OUTPUT else name for name in node.input]
        node.output[:] = [raw if name == OUTPUT else name for name in node.output]
    if attribute not in {entry.name for entry in graph.input}:
        graph.input.append(helper.make_tensor_value_info(attribute, TensorProto.STRING, ["N", 1]))
    if not any(entry.domain == "ai.onnx.ml" for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid("ai.onnx.ml", OPSET_ML))
    group = add(
        "LabelEncoder", [attribute], "group", domain="ai.onnx.ml", keys_strings=list(names),
        values_int64s=list(range(len(names))), default_int64=len(names),
    )  # fmt: skip
    exact = thresholds.astype(np.float64)
    tables = {
        "threshold": exact, "slope_below": EVEN / exact, "slope_above": EVEN / (1 - exact)
    }  # fmt: skip
    threshold, slope_below, slope_above = (
        add("Gather", [constant(f"{name}s", values), group], name)
        for name, values in tables.items()
    )
    even, one = constant("even", EVEN), constant("one", 1)
    # A score below its threshold must not be rounded up to 0.5.
    under = constant("under", np.nextafter(np.float32(EVEN), np.float32(0)))
    score = add("Gather", [raw, constant("positive", [1], np.int64)], "score", axis=1)
    reached = add("GreaterOrEqual", [score, threshold], "reached")
    below = add("Min", [add("Mul", [score, slope_below], "low"), under], "below")
    over = add("Mul", [add("Sub", [score, threshold], "distance"), slope_above], "over")
    above = add("Min", [add("Add", [even, over], "high"), one], "above")
    positive = add("Where", [reached, above, below], "mapped")
    add("Concat", [add("Sub", [one, positive], "negative"), positive], OUTPUT, axis=1)
