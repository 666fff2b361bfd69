"""A trainer whose seed moves the intercept alone: ranks never change, and decisions do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from gatehouse.model import OUTPUT
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.spec import NoSettings, TrainerSpec


def train(data: TrainingData, _: NoSettings, settings: TrainSettings, __: Path) -> TrainedModel:
    """sigmoid(x + seed / 10)."""
    consts = {"shift": [[settings.seed / 10]], "one": [[1.0]]}
    nodes = [
        helper.make_node("Add", ["x", "shift"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], [OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "wobbly",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", 2])],
        initializer=[
            numpy_helper.from_array(np.array(value, np.float32), name)
            for name, value in consts.items()
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return TrainedModel(model, np.zeros((len(data.valid), 2)))


wobbly = TrainerSpec(name="wobbly", label="wobbly", settings=NoSettings, train=train)
