"""scikit-learn's histogram gradient boosting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.pipeline.trainers.boosting import LEAFWISE, LeafwiseSettings
from gatehouse.pipeline.trainers.spec import TrainerSpec

if TYPE_CHECKING:
    import onnx

    from gatehouse.pipeline.settings import TrainSettings
    from gatehouse.pipeline.trainer import TrainedModel, TrainingData
    from gatehouse.pipeline.trainers.boosted_trees import Prepared

_IR_VERSION = 8


class HistGradientBoostingSettings(LeafwiseSettings):
    """Settings of the trainer `hist_gradient_boosting`."""


def _train(
    data: TrainingData,
    options: HistGradientBoostingSettings,
    settings: TrainSettings,
    reports: Path,
) -> TrainedModel:
    """Fit scikit-learn's model; it also keeps up to `patience` rounds after the best one."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    from gatehouse.pipeline.curves import Epoch
    from gatehouse.pipeline.trainers.boosted_trees import Prepared

    prepared = Prepared(data)
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
    # Scores are negative losses, the first one before any tree, and squared errors are halved.
    unit = -2 if prepared.scale else -1
    pairs = zip(model.train_score_[1:], model.validation_score_[1:], strict=True)
    curve = [Epoch(float(unit * t), float(unit * v)) for t, v in pairs]
    prepared.report_training(reports, curve, int(np.argmax(model.validation_score_[1:])))
    core = _ensemble(model, prepared)
    return prepared.trained(core, found)


def _ensemble(model: Any, prepared: Prepared) -> onnx.ModelProto:
    """Return scikit-learn's trees as ONNX; skl2onnx 1.20 writes booleans where numbers belong."""
    import numpy as np
    from onnx import TensorProto, helper

    from gatehouse.model import OUTPUT
    from gatehouse.pipeline.trainers.convert import TARGET_OPSET, exact_thresholds
    from gatehouse.pipeline.trainers.features import FEATURES

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


HIST_GRADIENT_BOOSTING = TrainerSpec(
    name="hist_gradient_boosting",
    label="scikit-learn's histogram gradient boosting",
    settings=HistGradientBoostingSettings,
    train=_train,
    space=LEAFWISE,
    packages=("sklearn",),
)
