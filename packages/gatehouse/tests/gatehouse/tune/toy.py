"""A trainer that learns nothing: its graph's slope is a setting, and the best one is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from gatehouse.model import OUTPUT
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.spec import NoSettings, TrainerSpec

BEST = 2.0
SLOPE = "torch_mlp.learning_rate"


def probabilities(x: np.ndarray, slope: float) -> np.ndarray:
    """Of both classes, shape [N, 2]."""
    positive = 1 / (1 + np.exp(-slope * x))
    return np.stack([1 - positive, positive], axis=1)


def train(data: TrainingData, _: NoSettings, settings: TrainSettings, __: Path) -> TrainedModel:
    """sigmoid(slope * x)."""
    slope = settings.torch_mlp.learning_rate
    weights = [
        numpy_helper.from_array(np.array([[slope]], np.float32), "slope"),
        numpy_helper.from_array(np.array([[1.0]], np.float32), "one"),
    ]
    nodes = [
        helper.make_node("Mul", ["x", "slope"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], [OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", 2])],
        initializer=weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return TrainedModel(model, probabilities(data.valid["x"].to_numpy(), slope))


sloped = TrainerSpec(name="sloped", label="a slope", settings=NoSettings, train=train)
