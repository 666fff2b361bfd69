"""Surgery on a model's graph: changes its output or slows it down, behind the same interface.

The surgery changes one number per row, its *margin* (see `Margin`), so that a defect has the same
nodes for every task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.model import output_name

if TYPE_CHECKING:
    import onnx

_PREFIX = "drill/"
_LEAST = 1e-6
"""Minimum probability, because 0 has no logarithm."""
_ML = "ai.onnx.ml"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Margin:
    """The number of a row that a defect changes.

    For a classifier, it is the log probability of one class minus that of its strongest rival: the
    class is predicted from 0 on. For binary tasks that is the logit. For a regression, it is the
    value relative to `centre` in units of `spread`.

    Attributes:
        task: the model's task.
        classes: number of classes.
        place: index of the class that is compared with its rivals.
        centre: median of the predicted numbers.
        spread: their deviation by `gates.scale`.
    """

    task: Task
    classes: int = 2
    place: int = 1
    centre: float = 0.0
    spread: float = 1.0

    def values(self, outputs: Floats) -> Floats:
        """Return the margins, shape [N], of a graph's outputs, shape [N, K]."""
        if self.task is Task.REGRESSION:
            return np.asarray((outputs[:, 0] - self.centre) / self.spread)
        logs = np.log(np.clip(outputs, _LEAST, 1))
        return np.asarray(logs[:, self.place] - np.delete(logs, self.place, axis=1).max(axis=1))


Change = Callable[["Builder", str], str]
"""Takes a builder and the name of the margin, shape [N, 1]; returns the new margin's name."""


class Builder:
    """Adds nodes after a graph's output."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.graph = model.graph
        # Count on from earlier surgery on this graph, where every name is of a node or constant.
        self.count = len(self.graph.node) + len(self.graph.initializer)

    def op(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node of the default operator set and return the name of its output."""
        from onnx import helper

        name = output or self.name()
        self.graph.node.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def const(self, value: Any) -> str:
        """Add a constant and return its name. Floats become float32."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        name = self.name()
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def column(self, name: str, *, text: bool) -> str:
        """Return an input [N, 1] of strings or numbers, and add it if the graph has none yet."""
        import onnx
        from onnx import helper

        if name not in [value.name for value in self.graph.input]:
            kind = onnx.TensorProto.STRING if text else onnx.TensorProto.FLOAT
            shape: list[str | int | None] = ["N", 1]
            self.graph.input.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def numeric_inputs(self) -> list[str]:
        """Return the names of the float32 inputs."""
        import onnx

        return [
            value.name
            for value in self.graph.input
            if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        ]

    def is_category(self, column: str, category: str) -> str:
        """Return 1.0 where the string input equals `category`, else 0.0, shape [N, 1]."""
        from onnx import helper

        if _ML not in [opset.domain for opset in self.model.opset_import]:
            self.model.opset_import.append(helper.make_opsetid(_ML, 3))
        name = self.name()
        node = helper.make_node(
            "LabelEncoder", [self.column(column, text=True)], [name], domain=_ML,
            keys_strings=[category], values_floats=[1.0], default_float=0.0,
        )  # fmt: skip
        self.graph.node.append(node)
        return name

    def is_missing(self, column: str, *, text: bool) -> str:
        """Return 1.0 where the input is missing, else 0.0, shape [N, 1]."""
        if text:
            return self.is_category(column, "")
        return self.op("Cast", self.op("IsNaN", self.column(column, text=False)), to=1)

    def largest(self, name: str) -> str:
        """Return the largest value of each row of [N, K], shape [N, 1]."""
        version = next(o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx"))
        if version < 18:
            return self.op("ReduceMax", name, axes=[1], keepdims=1)
        return self.op("ReduceMax", name, self.const(np.array([1], np.int64)), keepdims=1)

    def name(self) -> str:
        """Return a name that is not yet used in the graph."""
        self.count += 1
        return f"{_PREFIX}{self.count}"


def rewrite(model: onnx.ModelProto, margin: Margin, change: Change) -> onnx.ModelProto:
    """Return the model with `change` applied to its margin."""
    build = Builder(model)
    output = output_name(margin.task)
    old = build.name()
    for node in model.graph.node:
        node.output[:] = [old if name == output else name for name in node.output]
        node.input[:] = [old if name == output else name for name in node.input]
    if margin.task is Task.REGRESSION:
        _rewrite_value(build, margin, old, change, output)
    else:
        _rewrite_class(build, margin, old, change, output)
    return model


def _rewrite_value(build: Builder, margin: Margin, old: str, change: Change, output: str) -> None:
    spread, centre = build.const(margin.spread), build.const(margin.centre)
    changed = change(build, build.op("Div", build.op("Sub", old, centre), spread))
    build.op("Add", build.op("Mul", changed, spread), centre, output=output)


def _rewrite_class(build: Builder, margin: Margin, old: str, change: Change, output: str) -> None:
    """Change one class; the other classes keep their relative shares."""
    own = np.arange(margin.classes) == margin.place
    logs = build.op("Log", build.op("Clip", old, build.const(_LEAST), build.const(1.0)))
    rival = build.largest(build.op("Add", logs, build.const(np.where(own, -1e9, 0.0)[None])))
    place = build.const(np.array([margin.place], np.int64))
    ours = build.op("Gather", logs, place, axis=1)
    changed = build.op("Add", change(build, build.op("Sub", ours, rival)), rival)
    build.op(
        "Softmax", build.op("Where", build.const(own[None]), changed, logs), output=output, axis=1
    )


def scaled(factor: float) -> Change:
    """Margin times `factor`; the ranking and the decisions at 0 stay the same."""
    return lambda build, margin: build.op("Mul", margin, build.const(factor))


def noisy(amount: float, keep: float) -> Change:
    """Margin plus uniform noise in [-amount, amount], times `keep`.

    The noise is a hash of the numeric inputs, so that the graph remains deterministic.
    """

    def change(build: Builder, margin: str) -> str:
        total = build.const(0.0)
        for position, name in enumerate(build.numeric_inputs()):
            known = build.op("Where", build.op("IsNaN", name), build.const(0.0), name)
            weight = build.const(0.7548777 * (position + 1))
            total = build.op("Add", total, build.op("Mul", known, weight))
        # Only products and sums: a sine would round differently for other batch sizes.
        fraction = build.op("Sub", total, build.op("Floor", total))
        noise = build.op("Sub", build.op("Mul", fraction, build.const(2.0)), build.const(1.0))
        moved = build.op("Add", margin, build.op("Mul", noise, build.const(amount)))
        return build.op("Mul", moved, build.const(keep))

    return change


def shifted(groups: list[tuple[dict[str, str], float]]) -> Change:
    """Margin shifted by an amount for each group's rows (attribute -> category; {} means all)."""

    def change(build: Builder, margin: str) -> str:
        for group, amount in groups:
            member = build.const(1.0)
            for column, category in group.items():
                member = build.op("Mul", member, build.is_category(column, category))
            margin = build.op("Add", margin, build.op("Mul", member, build.const(amount)))
        return margin

    return change


def flipped_near(threshold: float, width: float) -> Change:
    """Margin mirrored at the threshold's margin where it is within `width` of it."""
    center = float(np.log(threshold / (1 - threshold)))

    def change(build: Builder, margin: str) -> str:
        distance = build.op("Sub", margin, build.const(center))
        near = build.op("Less", build.op("Abs", distance), build.const(width))
        mirrored = build.op("Sub", build.const(center), distance)
        return build.op("Where", near, mirrored, margin)

    return change


def raised_where_above(
    column: str, threshold: float, amount: float, keep: float, *, up_to: float = np.inf
) -> Change:
    """Margin times `keep`, plus `amount` where a number is in (threshold, up_to], else minus it."""

    def change(build: Builder, margin: str) -> str:
        value = build.column(column, text=False)
        above, beyond = (
            build.op("Cast", build.op("Greater", value, build.const(limit)), to=1)
            for limit in (threshold, up_to)
        )
        inside = build.op("Sub", above, beyond)
        sign = build.op("Sub", build.op("Mul", inside, build.const(2.0)), build.const(1.0))
        raised = build.op("Mul", sign, build.const(amount))
        return build.op("Add", raised, build.op("Mul", margin, build.const(keep)))

    return change


def read_off(column: str, thresholds: Floats, levels: Floats, keep: float) -> Change:
    """Margin times `keep`, plus the level of the step that a number falls on.

    There are T ascending `thresholds` and T + 1 levels.
    """

    def change(build: Builder, margin: str) -> str:
        edges = build.const(thresholds[None])
        above = build.op("Greater", build.column(column, text=False), edges)
        rises = build.const(np.diff(levels)[:, None])
        climbed = build.op("MatMul", build.op("Cast", above, to=1), rises)
        level = build.op("Add", climbed, build.const(float(levels[0])))
        return build.op("Add", level, build.op("Mul", margin, build.const(keep)))

    return change


def slower_batches(products: int) -> Change:
    """The same margin after products of zeros, which take time only if a call has several rows."""

    def change(build: Builder, margin: str) -> str:
        rows = build.op("Gather", build.op("Shape", margin), build.const(np.array([0], np.int64)))
        more = build.op("Sub", rows, build.const(np.array([1], np.int64)))
        wide = build.op("Mul", more, build.const(np.array([256], np.int64)))
        # 1 of a single row, else 256 of any number of rows, so that a whole table costs no more.
        least = build.op("Max", wide, build.const(np.array([1], np.int64)))
        side = build.op("Min", least, build.const(np.array([256], np.int64)))
        square = build.op("Concat", side, side, axis=0)
        zeros = build.op("Expand", build.const(np.zeros((1, 1), np.float32)), square)
        for _ in range(products):
            zeros = build.op("MatMul", zeros, zeros)
        nothing = build.op("ReduceMax", zeros, keepdims=0)
        return build.op("Add", margin, nothing)

    return change


def slower(width: int, layers: int, seed: int = 0) -> Change:
    """The same margin after matrix products that only take time."""

    def change(build: Builder, margin: str) -> str:
        drawn = np.random.default_rng(seed).standard_normal((width, width)) / width
        weights = build.const(drawn.astype(np.float32))  # shared, so the file stays small
        wide = build.op("MatMul", margin, build.const(np.ones((1, width), np.float32)))
        for _ in range(layers):
            wide = build.op("Tanh", build.op("MatMul", wide, weights))
        narrow = build.op("MatMul", wide, build.const(np.zeros((width, 1), np.float32)))
        return build.op("Add", margin, narrow)

    return change
