"""Exports a trained model as one ONNX graph that takes raw columns.

The trained part is exported unchanged. A few nodes in front of it turn raw columns into its inputs:
numbers and derived features are joined, and each category column goes through a LabelEncoder.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from gatehouse.errors import GatehouseError
from gatehouse.model import OUTPUT, VALUE
from gatehouse.pipeline.encode import UNKNOWN, Encoding
from gatehouse.pipeline.opset import OPSET, OPSET_ML

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gatehouse.pipeline.trainer import Scale

NUMBERS = "columns/numbers"
ROWS = "columns/rows"
NETWORK = "network/"
"""Prefix of the nodes and tensors of the trained part; those of the columns have another one."""


def export(network: nn.Module, encoding: Encoding, scale: Scale | None = None) -> onnx.ModelProto:
    """Return the graph of `network`, from raw columns to predictions; always the same bytes.

    Args:
        network: maps numbers [N, D] and table rows [N, C] to logits [N, K], or for a regression to
            the target in standard deviations [N, 1].
        encoding: names the columns.
        scale: scale of a regression's target; without one the network is a classifier.

    Raises:
        GatehouseError: a column has the name of the graph's output.
    """
    import torch

    examples = (
        torch.zeros(2, len(encoding.numbers)),
        torch.zeros(2, len(encoding.categories), dtype=torch.int64),
    )
    core = torch_core(network, examples, [NUMBERS, ROWS], scale)
    return assemble(encoding, core.graph.node, core.graph.initializer, core)


def assemble(
    encoding: Encoding,
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto],
    core: onnx.ModelProto,
) -> onnx.ModelProto:
    """Return the whole graph: the columns' nodes, then `nodes`, which read `NUMBERS` and `ROWS`.

    `core` provides the output's name and shape, and the version of the format.

    Raises:
        GatehouseError: a column has the name of the graph's output.
    """
    output = core.graph.output[0]
    derived = encoding.derived
    kinds: dict[str, int] = {
        **dict.fromkeys(encoding.columns, TensorProto.FLOAT),
        **dict.fromkeys(encoding.categories, TensorProto.STRING),
        **(derived.inputs if derived else {}),
    }
    names = list(kinds)
    if output.name in names:
        raise GatehouseError(
            f"contract.yaml: columns.{output.name}: this is the name of the graph's output; "
            "rename the column"
        )
    front = columns(encoding)
    _rename_inside(front, nodes, weights, names)
    width = output.type.tensor_type.shape.dim[1].dim_value
    graph = helper.make_graph(
        [*front, *nodes],
        "model",
        [helper.make_tensor_value_info(name, kinds[name], ["N", 1]) for name in names],
        [helper.make_tensor_value_info(output.name, TensorProto.FLOAT, ["N", width])],
        [*(derived.weights if derived else ()), *weights],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=core.ir_version, producer_name="gatehouse"
    )


def _rename_inside(
    front: Sequence[onnx.NodeProto],
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto],
    columns: Sequence[str],
) -> None:
    """Rename tensors inside the graph that have the name of a column, in place.

    A column keeps its name, because the service and the gates use it for the inputs. It can be
    called `features`, or like a node of any trainer.
    """
    inside = {name for node in (*front, *nodes) for name in node.output}
    inside |= {tensor.name for tensor in weights}
    taken, others = inside.union(columns), {}
    for name in sorted(inside.intersection(columns)):
        others[name] = other = next(
            each for each in (f"{name}/{number}" for number in count()) if each not in taken
        )
        taken.add(other)
    for node in nodes:
        node.input[:] = [others.get(name, name) for name in node.input]
    for node in front:  # they read columns, except for the rows of each
        if node.output[0] == ROWS:
            node.input[:] = [others.get(name, name) for name in node.input]
    for node in (*front, *nodes):
        node.output[:] = [others.get(name, name) for name in node.output]
    for tensor in weights:
        tensor.name = others.get(tensor.name, tensor.name)


def columns(encoding: Encoding) -> list[onnx.NodeProto]:
    """Return nodes from raw columns to `NUMBERS`, float32 [N, D], and `ROWS`, int64 [N, C]."""
    derived = encoding.derived
    nodes = [*derived.nodes] if derived else []
    if encoding.numbers:
        numbers = [*encoding.columns, *(derived.outputs if derived else ())]
        nodes.append(helper.make_node("Concat", numbers, [NUMBERS], NUMBERS, axis=1))
    for name, first in encoding.first_rows.items():
        rows = encoding.rows_of(name)
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [name],
                [f"{ROWS}/{name}"],
                f"{ROWS}/{name}",
                domain="ai.onnx.ml",
                keys_strings=list(rows),
                values_int64s=list(rows.values()),
                default_int64=first + UNKNOWN,
            )
        )
    if encoding.categories:
        inputs = [f"{ROWS}/{name}" for name in encoding.categories]
        nodes.append(helper.make_node("Concat", inputs, [ROWS], ROWS, axis=1))
    return nodes


def torch_core(
    network: nn.Module,
    examples: tuple[torch.Tensor, ...],
    inputs: list[str],
    scale: Scale | None,
) -> onnx.ModelProto:
    """Return a torch network as ONNX, from `inputs` to probabilities or to the prediction.

    Args:
        network: the network as in `export`, with as many arguments as there are `examples`.
        examples: one tensor of two rows for each of `inputs`.
        scale: scale of a regression's target; without one the network is a classifier.
    """
    import torch

    class Head(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.network(*tensors)
            return found.softmax(dim=1) if scale is None else found * scale.deviation + scale.mean

    stream = io.BytesIO()
    with warnings.catch_warnings():
        # torch deprecates this exporter. It takes a fraction of the time of the new one and needs
        # no additional package (docs/model.md). The lock file pins torch's version.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            Head().eval(),
            examples,
            stream,  # type: ignore[arg-type]  # the old exporter accepts streams too
            input_names=inputs,
            output_names=[OUTPUT if scale is None else VALUE],
            dynamic_axes={name: {0: "N"} for name in inputs},
            opset_version=OPSET,
            dynamo=False,
        )
    core = onnx.load_from_string(stream.getvalue())
    return onnx.compose.add_prefix(core, NETWORK, rename_inputs=False, rename_outputs=False)
