"""Boosted trees of scikit-learn, XGBoost and LightGBM, stopped early by the valid split's loss."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from gatehouse.contract import Task
from gatehouse.model import OUTPUT
from gatehouse.pipeline.curves import Epoch, loss_name, report
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import Scale, TrainedModel, TrainingData
from gatehouse.pipeline.trainers.convert import TARGET_OPSET, exact_thresholds, whole
from gatehouse.pipeline.trainers.features import FEATURES, Features, check_classes

_IR_VERSION = 8
_OPSET = 15
"""The newest that onnxmltools writes; trees are the same in `gatehouse.pipeline.export.OPSET`."""


@dataclass(frozen=True)
class _Split:
    """A split as arrays: features [N, W], labels [N], weights [N]."""

    rows: NDArray[np.float32]
    labels: NDArray[Any]
    weights: NDArray[np.float32]


class _Prepared:
    """What all three learn from, and what becomes of what they learned."""

    def __init__(self, data: TrainingData) -> None:
        check_classes(data)
        self.task, self.width = data.contract.task, data.width
        self.scale: Scale | None = data.scale() if self.task is Task.REGRESSION else None
        self.features = Features.for_trees(data)
        self.train, self.valid = (self._split(data, frame) for frame in (data.train, data.valid))

    def _split(self, data: TrainingData, frame: Any) -> _Split:
        labels = data.labels(frame)
        if self.scale is not None:
            labels = self.scale.shrink(labels)
        return _Split(self.features.of(frame), labels, data.weights(frame))

    @property
    def inputs(self) -> list[tuple[str, list[int | None]]]:
        return [(FEATURES, [None, self.train.rows.shape[1]])]

    def own(self, found: NDArray[Any]) -> NDArray[np.float64]:
        """A library's own predictions as `TrainedModel.valid_outputs`."""
        if self.scale is not None:
            return self.scale.stretch(found)[:, None]
        found = found.astype(np.float64)
        return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found

    def told(self, reports: Path, curve: list[Epoch], best: int) -> None:
        name = loss_name(self.task).replace("_", " ")
        print(
            f"train: best of {len(curve)} rounds is {best + 1}, {name} "
            f"{curve[best].valid_loss:.4f} on the valid split"
        )
        report(reports, self.task, curve, best)


def train_hist_gradient_boosting(
    data: TrainingData, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """Fit scikit-learn's; it keeps the rounds after the best one too, `patience` at most."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    options, prepared = settings.hist_gradient_boosting, _Prepared(data)
    train, valid = prepared.train, prepared.valid
    kind = HistGradientBoostingRegressor if prepared.scale else HistGradientBoostingClassifier
    model = kind(
        max_iter=options.rounds,
        learning_rate=options.learning_rate,
        l2_regularization=options.l2,
        max_leaf_nodes=options.leaves,
        min_samples_leaf=options.smallest_leaf,
        early_stopping=True,
        n_iter_no_change=options.patience,
        random_state=settings.seed,
    )
    with threadpool_limits(options.threads):
        model.fit(
            train.rows,
            train.labels,
            train.weights,
            X_val=valid.rows,
            y_val=valid.labels,
            sample_weight_val=valid.weights,
        )
        found = model.predict(valid.rows) if prepared.scale else model.predict_proba(valid.rows)
    # Scores are losses with a minus, the first before any tree; the squared error is half of one.
    unit = -2 if prepared.scale else -1
    pairs = zip(model.train_score_[1:], model.validation_score_[1:], strict=True)
    curve = [Epoch(float(unit * t), float(unit * v)) for t, v in pairs]
    prepared.told(reports, curve, int(np.argmax(model.validation_score_[1:])))
    core = _hist_ensemble(model, prepared)
    return TrainedModel(whole(core, prepared.features, prepared.scale), prepared.own(found))


def _hist_ensemble(model: Any, prepared: _Prepared) -> onnx.ModelProto:
    """scikit-learn's trees as ONNX; skl2onnx 1.20 writes truth values where onnx wants numbers."""
    trees = [tree.nodes for round_ in model._predictors for tree in round_]
    nodes, sizes = np.concatenate(trees), [len(tree) for tree in trees]
    classes = model._baseline_prediction.size
    tree, place = np.repeat(np.arange(len(trees)), sizes), np.concatenate([*map(np.arange, sizes)])
    leaf = nodes["is_leaf"] == 1
    answer = "target" if prepared.scale else "class"
    attributes: dict[str, Any] = {
        "nodes_treeids": tree,
        "nodes_nodeids": place,
        "nodes_featureids": nodes["feature_idx"],
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
        "nodes_values": np.where(leaf, 0, nodes["num_threshold"]),
        "nodes_truenodeids": nodes["left"],
        "nodes_falsenodeids": nodes["right"],
        "nodes_missing_value_tracks_true": nodes["missing_go_to_left"],
        f"{answer}_treeids": tree[leaf],
        f"{answer}_nodeids": place[leaf],
        f"{answer}_ids": tree[leaf] % classes,
        f"{answer}_weights": nodes["value"][leaf],
        "base_values": model._baseline_prediction.ravel(),
    }
    attributes = {name: values.tolist() for name, values in attributes.items()}
    if prepared.scale:
        attributes["n_targets"], outputs = 1, [OUTPUT]
    else:
        attributes["classlabels_int64s"] = list(range(len(model.classes_)))
        attributes["post_transform"] = "LOGISTIC" if classes == 1 else "SOFTMAX"
        outputs = ["label", OUTPUT]
    kind = "TreeEnsembleRegressor" if prepared.scale else "TreeEnsembleClassifier"
    node = helper.make_node(kind, [FEATURES], outputs, domain="ai.onnx.ml", **attributes)
    ((name, shape),) = prepared.inputs
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, prepared.width])],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in TARGET_OPSET.items()]
    core = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    exact_thresholds(core, nodes["num_threshold"][~leaf])
    return core


def train_xgboost(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """Fit XGBoost's."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from xgboost import XGBClassifier, XGBRegressor

    options, prepared = settings.xgboost, _Prepared(data)
    train, valid = prepared.train, prepared.valid
    metric = {Task.BINARY: "logloss", Task.MULTICLASS: "mlogloss", Task.REGRESSION: "rmse"}
    model = (XGBRegressor if prepared.scale else XGBClassifier)(
        n_estimators=options.rounds,
        learning_rate=options.learning_rate,
        reg_lambda=options.l2,
        max_depth=options.depth,
        min_child_weight=options.smallest_leaf,
        early_stopping_rounds=options.patience,
        eval_metric=metric[prepared.task],
        base_score=0.0 if prepared.scale else 0.5,  # the target is centred; 0.5 is a logit of 0
        tree_method="hist",
        n_jobs=options.threads,
        random_state=settings.seed,
    )
    model.fit(
        train.rows,
        train.labels,
        sample_weight=train.weights,
        eval_set=[(train.rows, train.labels), (valid.rows, valid.labels)],
        sample_weight_eval_set=[train.weights, valid.weights],
        verbose=False,
    )
    found = model.predict(valid.rows) if prepared.scale else model.predict_proba(valid.rows)
    losses = (next(iter(split.values())) for split in model.evals_result().values())
    power = 2 if prepared.scale else 1  # of a root mean square
    curve = [Epoch(t**power, v**power) for t, v in zip(*losses, strict=True)]
    prepared.told(reports, curve, model.best_iteration)
    types = [(name, FloatTensorType(shape)) for name, shape in prepared.inputs]
    core = convert_xgboost(model, initial_types=types, target_opset=_OPSET)
    return TrainedModel(whole(core, prepared.features, prepared.scale), prepared.own(found))


def train_lightgbm(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """Fit LightGBM's."""
    from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping, record_evaluation
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    options, prepared = settings.lightgbm, _Prepared(data)
    train, valid = prepared.train, prepared.valid
    model = (LGBMRegressor if prepared.scale else LGBMClassifier)(
        n_estimators=options.rounds,
        learning_rate=options.learning_rate,
        reg_lambda=options.l2,
        num_leaves=options.leaves,
        min_child_samples=options.smallest_leaf,
        # All rows place the bins: in a sample, a column's rare missing values can be overlooked.
        subsample_for_bin=len(train.rows),
        deterministic=True,
        force_row_wise=True,
        n_jobs=options.threads,
        random_state=settings.seed,
        verbose=-1,
    )
    results: dict[str, dict[str, list[float]]] = {}
    stop = early_stopping(options.patience, verbose=False)
    model.fit(
        train.rows,
        train.labels,
        train.weights,
        eval_X=(train.rows, valid.rows),
        eval_y=(train.labels, valid.labels),
        eval_names=["train", "valid"],
        eval_sample_weight=[train.weights, valid.weights],
        callbacks=[record_evaluation(results), stop],
    )
    found = np.asarray(model.booster_.predict(valid.rows))
    losses = (next(iter(results[split].values())) for split in ("train", "valid"))
    curve = [Epoch(t, v) for t, v in zip(*losses, strict=True)]
    prepared.told(reports, curve, model.best_iteration_ - 1)
    types = [(name, FloatTensorType(shape)) for name, shape in prepared.inputs]
    core = convert_lightgbm(model, initial_types=types, target_opset=_OPSET, zipmap=False)
    dumped = model.booster_.dump_model()["tree_info"]
    thresholds = [t for tree in dumped for t in _thresholds(tree["tree_structure"])]
    exact_thresholds(core, np.array(thresholds, np.float64))
    return TrainedModel(whole(core, prepared.features, prepared.scale), prepared.own(found))


def _thresholds(root: dict[str, Any]) -> list[float]:
    """A tree's thresholds as the converter orders them: children are numbered by their parent."""
    numbers, found = count(1), dict[int, float]()

    def visit(node: dict[str, Any], number: int) -> None:
        if "threshold" in node:
            found[number] = node["threshold"]
            left, right = next(numbers), next(numbers)
            visit(node["left_child"], left)
            visit(node["right_child"], right)

    visit(root, 0)
    return [found[number] for number in sorted(found)]
