"""Derived features as ONNX nodes.

Training computes the features by running the nodes that are in the model's graph, so training and
service cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from gatehouse.contract import Contract
from gatehouse.model import feed
from gatehouse.pipeline.derived import Bins, Difference, Feature, Mean, Ratio, check_features
from gatehouse.pipeline.opset import OPSET, OPSET_ML

if TYPE_CHECKING:
    import pandas as pd

_IR_VERSION = 8
_CHUNK = 65_536
_NAN = float("nan")


@dataclass(frozen=True)
class DerivedNodes:
    """Nodes from raw columns to F derived features, each float32 [N, 1] with NaN for missing.

    Attributes:
        names: of the features.
        outputs: the tensor of each feature.
        inputs: the columns that they read, with the type of the graph's input.
        nodes: in the order in which they run.
        weights: constants of the nodes.
    """

    names: tuple[str, ...]
    outputs: tuple[str, ...]
    inputs: dict[str, int]
    nodes: tuple[onnx.NodeProto, ...]
    weights: tuple[onnx.TensorProto, ...]

    def of(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the features of a table's rows, [N, F]."""
        parts = [
            np.concatenate(self._run(frame.iloc[start : start + _CHUNK]), axis=1)
            for start in range(0, len(frame), _CHUNK)
        ]
        return np.concatenate([np.empty((0, len(self.names)), np.float32), *parts])

    def _run(self, frame: pd.DataFrame) -> Any:
        types = {entry.name: entry.type for entry in self._session.get_inputs()}
        feeds = {name: feed(frame[name], kind) for name, kind in types.items()}
        return self._session.run(list(self.outputs), feeds)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime as ort

        graph = helper.make_graph(
            self.nodes,
            "derived",
            [helper.make_tensor_value_info(n, kind, ["N", 1]) for n, kind in self.inputs.items()],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 1]) for n in self.outputs],
            self.weights,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )


def derive(
    features: Mapping[str, Feature], contract: Contract, train: pd.DataFrame
) -> DerivedNodes:
    """Return the nodes of `features`; group means are learned on the rows of `train`.

    Raises:
        GatehouseError: a feature does not fit the contract.
    """
    check_features(features, contract)
    return _Builder(contract, train).built(features)


class _Builder:
    def __init__(self, contract: Contract, train: pd.DataFrame) -> None:
        self.contract, self.train = contract, train
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.inputs: dict[str, int] = {}
        self.prefix = "derived/"
        while any(name.startswith(self.prefix) for name in contract.columns):
            self.prefix += "/"  # a column keeps its name in the graph

    def built(self, features: Mapping[str, Feature]) -> DerivedNodes:
        outputs = tuple(_NODES[type(each)](self, each) for each in features.values())
        return DerivedNodes(
            tuple(features), outputs, self.inputs, tuple(self.nodes), tuple(self.weights)
        )

    def ratio(self, feature: Ratio) -> str:
        return self._finite(self._add("Div", *map(self._number, feature.ratio)))

    def difference(self, feature: Difference) -> str:
        return self._finite(self._add("Sub", *map(self._number, feature.difference)))

    def bins(self, feature: Bins) -> str:
        value = self._number(feature.of)
        edges = self._constant(np.array([feature.bins], np.float32))
        reached = self._add("Cast", self._add("GreaterOrEqual", value, edges), to=_FLOAT)
        count = self._add("ReduceSum", reached, self._constant(np.array([1])), keepdims=1)
        return self._add("Where", self._add("IsNaN", value), self._constant(_MISSING), count)

    def mean(self, feature: Mean) -> str:
        """Add a table of the means of the listed categories; others get the overall mean."""
        values = self.train[feature.mean].astype("float64")
        means = values.groupby(self.train[feature.by].astype(object)).mean().dropna()
        # Unlisted categories are free text, which must not get into the graph.
        means = means[[c for c in self.contract.columns[feature.by].categories or () if c in means]]
        self.inputs[feature.by] = TensorProto.STRING
        return self._add(
            "LabelEncoder",
            feature.by,
            domain="ai.onnx.ml",
            keys_strings=["", *means.index],
            values_floats=[_NAN, *means],
            default_float=float(values.mean()),
        )

    def _number(self, name: str) -> str:
        self.inputs[name] = _FLOAT
        return name

    def _finite(self, value: str) -> str:
        """Replace infinite results, such as those of a division by zero, by missing."""
        return self._add("Where", self._add("IsInf", value), self._constant(_MISSING), value)

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"{self.prefix}constant/{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name


_FLOAT = TensorProto.FLOAT
_MISSING = np.array(_NAN, np.float32)
_NODES: dict[type, Callable[[_Builder, Any], str]] = {
    Ratio: _Builder.ratio,
    Difference: _Builder.difference,
    Bins: _Builder.bins,
    Mean: _Builder.mean,
}
