"""Raw columns as one table of numbers, inside the ONNX graph.

The features for training are computed by the same nodes that are in the model's graph, so training
and serving cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.encode import LISTED, Encoding
from gatehouse.pipeline.export import NUMBERS, ROWS
from gatehouse.pipeline.opset import OPSET

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.pipeline.trainer import TrainingData

FEATURES = "features"

_MOST_INDICATORS = 64
"""For trees, a category column with more values becomes one column of codes."""

_FARTHEST = 1e3
"""Limit in standard deviations. Numbers beyond it are clipped, so infinite ones give a result."""

_CHUNK = 65_536


@dataclass(frozen=True)
class Features:
    """Nodes from `NUMBERS` and `ROWS` to `FEATURES`, float32 [N, W]."""

    encoding: Encoding
    nodes: list[onnx.NodeProto]
    weights: list[onnx.TensorProto]

    @classmethod
    def for_trees(cls, data: TrainingData) -> Features:
        """Return numbers unchanged, with NaN for missing, and an indicator for each category.

        If a number is never missing in the train split, the median replaces it where it is missing
        later, because trees have not learned that case and libraries would handle it differently.
        """
        return _Builder(data).trees()

    @classmethod
    def for_sums(cls, data: TrainingData) -> Features:
        """Return standardised numbers (median and indicator if missing) and category indicators."""
        return _Builder(data).sums()

    def of(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the features of a table's rows, [N, W]."""
        numbers, rows = self.encoding.encode(frame)
        parts = [
            self._session.run(
                [FEATURES], self._feeds(numbers[i : i + _CHUNK], rows[i : i + _CHUNK])
            )
            for i in range(0, len(frame), _CHUNK)
        ]
        return np.concatenate([part for (part,) in parts])

    def _feeds(self, numbers: NDArray[Any], rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        names = {entry.name for entry in self._session.get_inputs()}
        return {name: v for name, v in ((NUMBERS, numbers), (ROWS, rows)) if name in names}

    @cached_property
    def _session(self) -> Any:
        import onnxruntime as ort

        inputs = []
        shape: list[str | int]
        if self.encoding.numbers:
            shape = ["N", len(self.encoding.numbers)]
            inputs.append(helper.make_tensor_value_info(NUMBERS, TensorProto.FLOAT, shape))
        if self.encoding.categories:
            shape = ["N", len(self.encoding.categories)]
            inputs.append(helper.make_tensor_value_info(ROWS, TensorProto.INT64, shape))
        output = helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["N", None])
        graph = helper.make_graph(self.nodes, "features", inputs, [output], self.weights)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )


def check_classes(data: TrainingData) -> None:
    """Reject a class without rows: these libraries would leave it out of their probabilities.

    Raises:
        GatehouseError: a class has no rows; the message names it.
    """
    contract: Contract = data.contract
    if contract.task is Task.REGRESSION:
        return
    counts = np.bincount(data.labels(data.train), minlength=len(contract.classes))
    if not counts.all():
        name = contract.classes[int(counts.argmin())]
        raise GatehouseError(
            f"column '{contract.target}': no row of the train split is {name!r}, which contract."
            "yaml lists; this trainer can't learn it: give such rows, or take it out of categories"
        )


class _Builder:
    def __init__(self, data: TrainingData) -> None:
        self.encoding = data.encoding
        self.numbers, _ = self.encoding.encode(data.train)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def trees(self) -> Features:
        parts = []
        if self.encoding.numbers:
            never = np.asarray(~np.isnan(self.numbers).any(axis=0))
            if never.any():
                missing = self._add("IsNaN", NUMBERS)
                chosen = self._add("And", missing, self._constant("never", never))
                medians = self._constant("medians", self._medians())
                parts.append(self._add("Where", chosen, medians, NUMBERS))
            else:
                parts.append(NUMBERS)
        sizes = [len(values) for values in self.encoding.categories.values()]
        many = [i for i, size in enumerate(sizes) if size > _MOST_INDICATORS]
        parts += self._indicators([i for i in range(len(sizes)) if i not in many])
        if many:
            first = np.array(list(self.encoding.first_rows.values()), np.int64)[many]
            rows = self._add("Gather", ROWS, self._constant("many", np.array(many)), axis=1)
            codes = self._add("Sub", rows, self._constant("first", first))
            parts.append(self._add("Cast", codes, to=TensorProto.FLOAT))
        return self._joined(parts)

    def sums(self) -> Features:
        parts = []
        if self.encoding.numbers:
            missing, medians = self._add("IsNaN", NUMBERS), self._medians()
            filled = self._add("Where", missing, self._constant("medians", medians), NUMBERS)
            seen = np.where(np.isfinite(self.numbers), self.numbers, medians).astype(np.float64)
            mean, deviation = seen.mean(axis=0), seen.std(axis=0)
            deviation[deviation < np.finfo(np.float32).tiny] = 1.0
            centred = self._add("Sub", filled, self._constant("mean", mean.astype(np.float32)))
            divisor = self._constant("deviation", deviation.astype(np.float32))
            standard = self._add("Div", centred, divisor)
            bounds = (self._constant(n, np.float32(v)) for n, v in
                      (("least", -_FARTHEST), ("most", _FARTHEST)))  # fmt: skip
            parts.append(self._add("Clip", standard, *bounds))
            parts.append(self._add("Cast", missing, to=TensorProto.FLOAT))
        parts += self._indicators(list(range(len(self.encoding.categories))))
        return self._joined(parts)

    def _medians(self) -> NDArray[np.float32]:
        finite = (column[np.isfinite(column)] for column in self.numbers.T)
        return np.array([np.median(v) if len(v) else 0 for v in finite], np.float32)

    def _indicators(self, columns: list[int]) -> list[str]:
        """Return indicators of these category columns' table rows (missing, unknown, listed)."""
        if not columns:
            return []
        starts, sizes = list(self.encoding.first_rows.values()), self.encoding.categories.values()
        widths = [LISTED + len(values) for values in sizes]
        owner = np.concatenate([np.full(widths[i], i) for i in columns])
        wanted = np.concatenate([starts[i] + np.arange(widths[i]) for i in columns])
        rows = self._add("Gather", ROWS, self._constant("owner", owner), axis=1)
        equal = self._add("Equal", rows, self._constant("wanted", wanted))
        return [self._add("Cast", equal, to=TensorProto.FLOAT)]

    def _joined(self, parts: list[str]) -> Features:
        self.nodes.append(helper.make_node("Concat", parts, [FEATURES], FEATURES, axis=1))
        return Features(self.encoding, self.nodes, self.weights)

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{FEATURES}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def _constant(self, name: str, values: NDArray[Any] | np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values), f"{FEATURES}/{name}"))
        return f"{FEATURES}/{name}"
