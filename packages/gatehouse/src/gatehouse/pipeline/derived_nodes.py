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

from gatehouse.columns.times import clock_changes
from gatehouse.contract import Contract
from gatehouse.model import feed
from gatehouse.pipeline.derived import (
    Bins,
    Difference,
    Feature,
    Mean,
    Part,
    Ratio,
    check_features,
)
from gatehouse.pipeline.opset import OPSET, OPSET_ML

if TYPE_CHECKING:
    import pandas as pd

_IR_VERSION = 8
_CHUNK = 65_536
_NAN = float("nan")
_DAY = 86_400


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
        if self.contract.columns[feature.difference[0]].kind.moments:
            first, second = map(self._time, feature.difference)
            days = self._by("Div", self._add("Sub", first, second), _DAY)
            return self._add("Cast", days, to=_FLOAT)
        return self._finite(self._add("Sub", *map(self._number, feature.difference)))

    def part(self, feature: Part) -> str:
        """Add the proleptic Gregorian calendar, in whole numbers that float64 holds exactly.

        Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2021), civil_from_days: years
        begin in March, and 400 of them have 146,097 days.
        """
        seconds = self._local(feature.of)
        days = self._floor(seconds, _DAY)
        match feature.part:
            case "hour":
                found = self._floor(self._rest(seconds, days, _DAY), 3600)
            case "weekday":
                since = self._by("Add", days, 3)  # 1970-01-01 was a Thursday
                found = self._rest(since, self._floor(since, 7), 7)
            case part:
                found = self._date(days, part)
        return self._add("Cast", found, to=_FLOAT)

    def _date(self, days: str, part: str) -> str:
        """Return year, month or day, from days since 1970."""
        days = self._by("Add", days, 719_468)  # since 0000-03-01
        era = self._floor(days, 146_097)
        of_era = self._rest(days, era, 146_097)
        leaps = [self._floor(of_era, each) for each in (1460, 36_524, 146_096)]
        whole = self._add("Add", self._add("Sub", of_era, leaps[0]), leaps[1])
        year = self._floor(self._add("Sub", whole, leaps[2]), 365)
        start = self._add("Add", self._by("Mul", year, 365), self._floor(year, 4))
        of_year = self._add("Sub", of_era, self._add("Sub", start, self._floor(year, 100)))
        month = self._floor(self._by("Add", self._by("Mul", of_year, 5), 2), 153)
        january = self._floor(month, 10)  # 1 in the last two months, which belong to the next year
        if part == "day":
            before = self._floor(self._by("Add", self._by("Mul", month, 153), 2), 5)
            return self._by("Add", self._add("Sub", of_year, before), 1)
        if part == "month":
            return self._rest(self._by("Add", month, 3), january, 12)
        return self._add("Add", self._add("Add", year, self._by("Mul", era, 400)), january)

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

    def _time(self, name: str) -> str:
        self.inputs[name] = TensorProto.DOUBLE
        return name

    def _local(self, name: str) -> str:
        """Return the seconds on the clock of the column's timezone."""
        zone = self.contract.columns[name].timezone
        assert zone is not None
        first, starts, steps = clock_changes(zone)
        seconds = self._time(name)
        local = self._by("Add", seconds, first)
        if not len(starts):
            return local
        passed = self._add("GreaterOrEqual", seconds, self._constant(starts[None]))
        zero = self._constant(np.zeros(1, np.float32))
        offsets = self._add("Where", passed, self._constant(steps[None]), zero)
        total = self._add("ReduceSum", offsets, self._constant(np.array([1])), keepdims=1)
        return self._add("Add", local, self._add("Cast", total, to=TensorProto.DOUBLE))

    def _by(self, kind: str, value: str, number: float) -> str:
        return self._add(kind, value, self._constant(np.array(number, np.float64)))

    def _floor(self, value: str, divisor: int) -> str:
        return self._add("Floor", self._by("Div", value, divisor))

    def _rest(self, value: str, times: str, divisor: int) -> str:
        return self._add("Sub", value, self._by("Mul", times, divisor))

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
    Part: _Builder.part,
    Bins: _Builder.bins,
    Mean: _Builder.mean,
}
