"""Surgery on a model's graph: change its logit, or make it slower, behind the same interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse.model import OUTPUT

if TYPE_CHECKING:
    import onnx

_PREFIX = "drill/"


class Builder:
    """Adds nodes behind a graph's probabilities."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.graph = model.graph
        self.count = 0

    def op(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node of the default operator set; the name of its output."""
        from onnx import helper

        name = output or self._name()
        self.graph.node.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def const(self, value: Any) -> str:
        """Add a constant; its name. Floats become float32."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        name = self._name()
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def text_input(self, name: str) -> str:
        """A string input [N, 1]; added where the graph does not read that column yet."""
        import onnx
        from onnx import helper

        if name not in [value.name for value in self.graph.input]:
            shape: list[str | int | None] = ["N", 1]
            self.graph.input.append(
                helper.make_tensor_value_info(name, onnx.TensorProto.STRING, shape)
            )
        return name

    def numeric_inputs(self) -> list[str]:
        """Names of the float32 inputs."""
        import onnx

        return [
            value.name
            for value in self.graph.input
            if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        ]

    def is_category(self, column: str, category: str) -> str:
        """1.0 where the string input holds `category`, else 0.0, shape [N, 1]."""
        name = self._name()
        from onnx import helper

        node = helper.make_node(
            "LabelEncoder", [self.text_input(column)], [name], domain="ai.onnx.ml",
            keys_strings=[category], values_floats=[1.0], default_float=0.0,
        )  # fmt: skip
        self.graph.node.append(node)
        return name

    def _name(self) -> str:
        self.count += 1
        return f"{_PREFIX}{self.count}"


def rewrite_logit(model: onnx.ModelProto, change: Callable[[Builder, str], str]) -> onnx.ModelProto:
    """The model with `change` applied to its logit, shape [N, 1].

    `change` gets a builder and the name of the logit, and returns the name of the new one.
    """
    build = Builder(model)
    old = f"{_PREFIX}before"
    for node in model.graph.node:
        node.output[:] = [old if name == OUTPUT else name for name in node.output]
        node.input[:] = [old if name == OUTPUT else name for name in node.input]
    one = build.const(1.0)
    axis = build.const(np.array([1], dtype=np.int64))
    start, end = build.const(np.array([1], np.int64)), build.const(np.array([2], np.int64))
    positive = build.op("Slice", old, start, end, axis)
    positive = build.op("Clip", positive, build.const(1e-6), build.const(1 - 1e-6))
    odds = build.op("Div", positive, build.op("Sub", one, positive))
    score = build.op("Sigmoid", change(build, build.op("Log", odds)))
    build.op("Concat", build.op("Sub", one, score), score, output=OUTPUT, axis=1)
    return model


def scaled(factor: float) -> Callable[[Builder, str], str]:
    """Logit times `factor`: the ranking and the decisions at 0.5 stay."""
    return lambda build, logit: build.op("Mul", logit, build.const(factor))


def noisy(amount: float, keep: float) -> Callable[[Builder, str], str]:
    """Logit plus uniform noise in [-amount, amount], then times `keep`.

    The noise is a hash of the numeric inputs, so that the graph stays a function.
    """

    def change(build: Builder, logit: str) -> str:
        total = build.const(0.0)
        for position, name in enumerate(build.numeric_inputs()):
            known = build.op("Where", build.op("IsNaN", name), build.const(0.0), name)
            weight = build.const(0.7548777 * (position + 1))
            total = build.op("Add", total, build.op("Mul", known, weight))
        # Products and sums only: a sine would round differently with the size of the batch.
        fraction = build.op("Sub", total, build.op("Floor", total))
        noise = build.op("Sub", build.op("Mul", fraction, build.const(2.0)), build.const(1.0))
        moved = build.op("Add", logit, build.op("Mul", noise, build.const(amount)))
        return build.op("Mul", moved, build.const(keep))

    return change


def shifted(groups: list[tuple[dict[str, str], float]]) -> Callable[[Builder, str], str]:
    """Logit moved by an amount for the rows of each group (attribute -> category)."""

    def change(build: Builder, logit: str) -> str:
        for group, amount in groups:
            member = build.const(1.0)
            for column, category in group.items():
                member = build.op("Mul", member, build.is_category(column, category))
            logit = build.op("Add", logit, build.op("Mul", member, build.const(amount)))
        return logit

    return change


def flipped_near(threshold: float, width: float) -> Callable[[Builder, str], str]:
    """The logit mirrored at the threshold's for the scores that lie within `width` of it."""
    center = float(np.log(threshold / (1 - threshold)))

    def change(build: Builder, logit: str) -> str:
        distance = build.op("Sub", logit, build.const(center))
        near = build.op("Less", build.op("Abs", distance), build.const(width))
        mirrored = build.op("Sub", build.const(center), distance)
        return build.op("Where", near, mirrored, logit)

    return change


def raised_where_above(
    column: str, threshold: float, amount: float, keep: float
) -> Callable[[Builder, str], str]:
    """Logit times `keep`, plus `amount` where a numeric input is above a threshold, else minus."""

    def change(build: Builder, logit: str) -> str:
        above = build.op("Cast", build.op("Greater", column, build.const(threshold)), to=1)
        sign = build.op("Sub", build.op("Mul", above, build.const(2.0)), build.const(1.0))
        raised = build.op("Mul", sign, build.const(amount))
        return build.op("Add", raised, build.op("Mul", logit, build.const(keep)))

    return change


def slower(width: int, layers: int, seed: int = 0) -> Callable[[Builder, str], str]:
    """The same logit after matrix products that change nothing but the time."""

    def change(build: Builder, logit: str) -> str:
        drawn = np.random.default_rng(seed).standard_normal((width, width)) / width
        weights = build.const(drawn.astype(np.float32))  # one for all layers: size stays small
        wide = build.op("MatMul", logit, build.const(np.ones((1, width), np.float32)))
        for _ in range(layers):
            wide = build.op("Tanh", build.op("MatMul", wide, weights))
        narrow = build.op("MatMul", wide, build.const(np.zeros((width, 1), np.float32)))
        return build.op("Add", logit, narrow)

    return change
