"""A torch network as one ONNX graph that takes raw columns.

The network is exported as it is; in front of it stand a few nodes that turn raw columns into its
two inputs: numbers are joined, and each category column goes through a LabelEncoder.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from gatehouse.errors import GatehouseError
from gatehouse.model import OUTPUT
from pipeline.encode import UNKNOWN, Encoding

if TYPE_CHECKING:
    from torch import nn

NUMBERS = "columns/numbers"
ROWS = "columns/rows"
NETWORK = "network/"
"""Prefix of the network's nodes and tensors; those of the columns have another."""

_OPSET = 18
_OPSET_ML = 3


def export(network: nn.Module, encoding: Encoding) -> onnx.ModelProto:
    """The graph of `network`: raw columns in, `probabilities` out; the same bytes each time.

    Args:
        network: takes numbers [N, D] and table rows [N, C], gives logits [N, 2].
        encoding: says which columns these are.

    Raises:
        GatehouseError: a column has the name of the graph's output.
    """
    core = _core(network, encoding)
    names = [*encoding.numbers, *encoding.categories]
    if OUTPUT in names:
        raise GatehouseError(
            f"contract.yaml: columns.{OUTPUT}: this is the name of the graph's output; "
            "rename the column"
        )
    kinds = dict.fromkeys(encoding.numbers, TensorProto.FLOAT)
    kinds |= dict.fromkeys(encoding.categories, TensorProto.STRING)
    graph = helper.make_graph(
        [*_columns(encoding), *core.graph.node],
        "model",
        [helper.make_tensor_value_info(name, kinds[name], ["N", 1]) for name in names],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", 2])],
        core.graph.initializer,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _OPSET_ML)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=core.ir_version, producer_name="gatehouse"
    )


def _columns(encoding: Encoding) -> list[onnx.NodeProto]:
    nodes = []
    if encoding.numbers:
        nodes.append(helper.make_node("Concat", list(encoding.numbers), [NUMBERS], NUMBERS, axis=1))
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


def _core(network: nn.Module, encoding: Encoding) -> onnx.ModelProto:
    import torch

    class Probabilities(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, numbers: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            probabilities: torch.Tensor = self.network(numbers, rows).softmax(dim=1)
            return probabilities

    examples = (
        torch.zeros(2, len(encoding.numbers)),
        torch.zeros(2, len(encoding.categories), dtype=torch.int64),
    )
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # torch calls this exporter its old one. It takes a fraction of the time of the new one and
        # needs no package more (docs/model.md). The lock file holds torch's version.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            Probabilities().eval(),
            examples,
            stream,  # type: ignore[arg-type]  # the old exporter takes streams as well
            input_names=[NUMBERS, ROWS],
            output_names=[OUTPUT],
            dynamic_axes={NUMBERS: {0: "N"}, ROWS: {0: "N"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    core = onnx.load_from_string(stream.getvalue())
    return onnx.compose.add_prefix(core, NETWORK, rename_inputs=False, rename_outputs=False)
