"""Graphs, rows and contracts of the small table for the tasks that are not binary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gatehouse.model import OUTPUT, VALUE, Metadata, write_metadata

if TYPE_CHECKING:
    import onnx

BANDS = ("young", "middle", "old")
MULTICLASS = {"categories": list(BANDS), "positive": None}
REGRESSION = {"type": "number", "categories": None, "positive": None, "range": [-500, 500]}


def banded(rows: pd.DataFrame, seed: int = 0, noise: float = 12.0) -> pd.DataFrame:
    """The rows with the target `y`: the band of the age, told with noise in years."""
    told = rows["age"] + np.random.default_rng(seed).normal(scale=noise, size=len(rows))
    return rows.assign(y=pd.cut(told, [-np.inf, 33, 66, np.inf], labels=BANDS).astype("str"))


def numbered(rows: pd.DataFrame, seed: int = 0, noise: float = 20.0) -> pd.DataFrame:
    """The rows with the target `y`: twice the age, with noise."""
    return rows.assign(
        y=2 * rows["age"] + np.random.default_rng(seed).normal(scale=noise, size=len(rows))
    )


@dataclass(frozen=True)
class TaskGraph:
    """Bands by distance of the age to 17, 50 and 83; or the number `slope` * age + `offset`."""

    regression: bool
    slope: float = 2.0
    offset: float = 0.0
    centres: tuple[float, float, float] = (17, 50, 83)

    def bytes(self, contract: str, data: str) -> bytes:
        """The file, made from the contract and data of these digests."""
        from onnx import TensorProto, helper, numpy_helper

        def const(name: str, value: Any) -> onnx.TensorProto:
            return numpy_helper.from_array(np.asarray(value, np.float32), name)

        if self.regression:
            name, width = VALUE, 1
            weights = [const("slope", [[self.slope]]), const("offset", [[self.offset]])]
            nodes = [
                helper.make_node("Mul", ["age", "slope"], ["scaled"]),
                helper.make_node("Add", ["scaled", "offset"], [VALUE]),
            ]
        else:
            name, width = OUTPUT, 3
            weights = [const("centres", [self.centres]), const("sharp", [[-1 / 300]])]
            nodes = [
                helper.make_node("Sub", ["age", "centres"], ["far"]),
                helper.make_node("Mul", ["far", "far"], ["squared"]),
                helper.make_node("Mul", ["squared", "sharp"], ["logits"]),
                helper.make_node("Softmax", ["logits"], [OUTPUT], axis=1),
            ]
        graph = helper.make_graph(
            nodes,
            "task",
            [helper.make_tensor_value_info("age", TensorProto.FLOAT, ["N", 1])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])],
            initializer=weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        write_metadata(
            model,
            Metadata(
                contract=contract,
                data=data,
                commit="0" * 40,
                classes=() if self.regression else BANDS,
                threshold=None,
                trainer="tests:by_hand",
            ),
        )
        return bytes(model.SerializeToString())
