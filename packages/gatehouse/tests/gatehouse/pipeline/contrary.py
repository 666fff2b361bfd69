"""A teacher that is sure of one class whatever it is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from gatehouse.model import OUTPUT
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.spec import NoSettings, TrainerSpec


def train(data: TrainingData, _: NoSettings, __: TrainSettings, ___: Path) -> TrainedModel:
    """0.9 for the negative class."""
    sure = numpy_helper.from_array(np.array([[0.9, 0.1]], np.float32), "sure")
    nothing = numpy_helper.from_array(np.array([[0.0]], np.float32), "nothing")
    nodes = [
        helper.make_node("Mul", ["size in cm", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "sure"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "contrary",
        [helper.make_tensor_value_info("size in cm", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", 2])],
        initializer=[sure, nothing],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return TrainedModel(model, np.tile([0.9, 0.1], (len(data.valid), 1)))


always_no = TrainerSpec(
    name="always_no", label="the negative class", settings=NoSettings, train=train
)
