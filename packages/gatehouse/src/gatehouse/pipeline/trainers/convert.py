"""Turns a fitted model of another library into the complete ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.utils
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from gatehouse.model import OUTPUT, VALUE
from gatehouse.pipeline.export import NETWORK, assemble
from gatehouse.pipeline.opset import OPSET, OPSET_ML
from gatehouse.pipeline.trainers.features import FEATURES

if TYPE_CHECKING:
    from gatehouse.pipeline.trainer import Scale
    from gatehouse.pipeline.trainers.features import Features

TARGET_OPSET = {"": OPSET, "ai.onnx.ml": OPSET_ML}


def whole(core: onnx.ModelProto, features: Features, scale: Scale | None) -> onnx.ModelProto:
    """Return the graph from raw columns to the output of `core`.

    Args:
        core: a converter's result, from `FEATURES` to (label and) probabilities [N, K], or for a
            regression to the target in standard deviations, [N, 1].
        features: the nodes in front.
        scale: scale of a regression's target; without one `core` is a classifier.
    """
    answer = core.graph.output[-1].name
    core = onnx.utils.Extractor(core).extract_model([FEATURES], [answer])
    names = {"": "", FEATURES: FEATURES}

    def renamed(found: Iterable[str]) -> list[str]:
        return [names.get(name, f"{NETWORK}{name}") for name in found]

    nodes, weights = list(core.graph.node), list(core.graph.initializer)
    for position, node in enumerate(nodes):
        node.name = f"{NETWORK}{node.op_type}_{position}"  # a converter may use random names
        node.input[:], node.output[:] = renamed(node.input), renamed(node.output)
    for tensor in weights:
        tensor.name = f"{NETWORK}{tensor.name}"
    output = core.graph.output[0]
    width = output.type.tensor_type.shape.dim[1].dim_value
    output.name = OUTPUT
    raw = names.get(answer, f"{NETWORK}{answer}")
    if scale is None:
        # The float32 shares of many trees that all agree can add up to more than 1.
        for key, limit in (("none", 0), ("all", 1)):
            weights.append(numpy_helper.from_array(np.array(limit, np.float32), f"{NETWORK}{key}"))
        nodes.append(
            helper.make_node("Clip", [raw, f"{NETWORK}none", f"{NETWORK}all"], [OUTPUT], OUTPUT)
        )
    else:
        for key, value in (("deviation", scale.deviation), ("mean", scale.mean)):
            weights.append(numpy_helper.from_array(np.array(value, np.float32), f"{NETWORK}{key}"))
        stretched, output.name, width = f"{NETWORK}stretched", VALUE, 1
        pair = [raw, f"{NETWORK}deviation"]
        nodes.append(helper.make_node("Mul", pair, [stretched], stretched))
        nodes.append(helper.make_node("Add", [stretched, f"{NETWORK}mean"], [VALUE], VALUE))
    output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, ["N", width]))
    return assemble(
        features.encoding, [*features.nodes, *nodes], [*features.weights, *weights], core
    )


def exact_thresholds(core: onnx.ModelProto, thresholds: NDArray[np.float64]) -> None:
    """Make float32 features take the same branches as in float64.

    A converter rounds thresholds to the nearest float32, which can be a feature value that was
    above the threshold: `x <= threshold` would then be true. Rounding down avoids this.

    Args:
        core: graph with one ensemble of trees, changed in place.
        thresholds: thresholds of its branches, in its order.
    """
    (trees,) = (node for node in core.graph.node if node.op_type.startswith("TreeEnsemble"))
    attributes: dict[str, Any] = {attribute.name: attribute for attribute in trees.attribute}
    values = np.array(attributes["nodes_values"].floats, np.float32)
    branches = np.array([mode != b"LEAF" for mode in attributes["nodes_modes"].strings])
    with np.errstate(over="ignore"):  # LightGBM uses 1e300 to separate numbers from missing ones
        nearest = thresholds.astype(np.float32)
    assert np.array_equal(values[branches], nearest), "branches in another order"
    down = np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    values[branches] = down
    attributes["nodes_values"].floats[:] = values.tolist()
