"""Stage `quantize`: the dense core of models/model.onnx in INT8, into models/model.int8.onnx.

This stage also stores the decision threshold in the served graph. `decision.threshold: cost` in
params.yaml chooses it by the costs of wrong decisions in contract.yaml, on the valid split.

Only products with weights (MatMul, Gemm, Conv) are quantized. The nodes that turn raw columns into
numbers stay unchanged, and so does a graph without products, such as trees.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gatehouse.contract import CONTRACT_FILE, Contract, load_contract
from gatehouse.costs import costs_of
from gatehouse.digest import PREPARED
from gatehouse.errors import GatehouseError
from gatehouse.gates.predictions import labels_of
from gatehouse.model import Model, write_metadata
from gatehouse.pipeline.settings import PARAMS_FILE, load_settings
from gatehouse.pipeline.threshold import cheapest_threshold
from gatehouse.stage import run_stage
from gatehouse.table import read_table
from gatehouse.workspace import MODEL, MODEL_FP32

if TYPE_CHECKING:
    import pandas as pd

DENSE = ["MatMul", "Gemm", "Conv"]
CALIBRATION_ROWS = 2_048

Method = Literal["dynamic", "static"]


def quantize(content: bytes, method: Method, train: pd.DataFrame) -> bytes:
    """Return the INT8 version of the graph in `content`, with its metadata; always the same bytes.

    A graph without products of matrices, such as trees, has nothing to quantize and is returned
    unchanged.

    Args:
        content: an ONNX graph as described in `gatehouse.model`.
        method: static takes the range of each layer's inputs from rows of `train` (QDQ form).
            Dynamic takes it from the rows of each call, so that a score depends slightly on the
            other rows in the batch.
        train: the train split; static is calibrated on evenly spaced rows of it.

    Raises:
        GatehouseError: the graph cannot be used.
    """
    import onnx
    from onnxruntime import quantization

    model = Model(MODEL_FP32, content)  # refuses an invalid graph
    source = onnx.load_from_string(content)
    for position, node in enumerate(source.graph.node):
        # Quantization identifies nodes by name, and many exporters set none.
        node.name = node.name or f"{node.op_type}_{position}"
    dense = [node.name for node in source.graph.node if node.op_type in DENSE]
    if not dense:
        return content
    weights: dict[str, Any] = {
        "weight_type": quantization.QuantType.QInt8,
        # x86 without VNNI adds pairs of 8-bit products in 16 bits, which overflow, so the same
        # graph would decide differently (onnxruntime.ai, "Quantize ONNX models", reduce_range).
        "reduce_range": True,
    }
    # ONNX Runtime needs a folder for temporary files.
    with tempfile.TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / "int8.onnx"
        if method == "dynamic":
            quantization.quantize_dynamic(source, target, DENSE, **weights)
        else:
            quantization.quantize_static(
                source,
                target,
                _calibration(model, train),
                op_types_to_quantize=DENSE,
                # A logit in only 255 steps would flip decisions, and the last layer is small.
                nodes_to_exclude=dense[1:][-1:],
                activation_type=quantization.QuantType.QUInt8,
                **weights,
            )
        result = onnx.load(target)
    del result.metadata_props[:]
    result.metadata_props.extend(source.metadata_props)
    quantized: bytes = result.SerializeToString(deterministic=True)
    return quantized


def _calibration(model: Model, train: pd.DataFrame) -> Any:
    """Return a reader of calibration batches for ONNX Runtime."""
    from onnxruntime.quantization import CalibrationDataReader

    chosen = train.iloc[np.unique(np.linspace(0, len(train) - 1, CALIBRATION_ROWS).astype(int))]
    batches = (model.feeds(chosen.iloc[i : i + 256]) for i in range(0, len(chosen), 256))

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
        def get_next(self) -> dict[str, Any] | None:
            return next(batches, None)

    return Reader()


def decided(content: bytes, threshold: float) -> bytes:
    """Return the graph in `content` with a decision threshold if it is a binary classifier.

    Raises:
        GatehouseError: the graph cannot be used.
    """
    import onnx

    metadata = Model(MODEL, content).metadata
    if metadata.threshold in (None, threshold):
        return content
    graph = onnx.load_from_string(content)
    write_metadata(graph, metadata.model_copy(update={"threshold": threshold}))
    changed: bytes = graph.SerializeToString(deterministic=True)
    return changed


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence ONNX Runtime's advice on the root logger to run steps that are not needed here."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def cheapest(content: bytes, contract: Contract, valid: pd.DataFrame) -> float:
    """Return the threshold of the graph in `content` that is cheapest on the valid split.

    Raises:
        GatehouseError: the contract does not say what wrong decisions cost.
    """
    if contract.cost is None:
        raise GatehouseError(
            f"{PARAMS_FILE}: decision.threshold: 'cost' needs `cost` in {CONTRACT_FILE}; say there "
            "what wrong decisions cost, or give a number here"
        )
    scores = Model(MODEL, content).scores(valid)
    costs = costs_of(valid, contract.cost)
    return cheapest_threshold(scores, labels_of(valid, contract), costs)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GatehouseError(
            f"{path}: cannot be read ({error.strerror}); run the stage `train` first"
        ) from None


def _stage() -> str:
    settings = load_settings()
    method = settings.quantize.method
    content = _read(MODEL_FP32)
    int8 = quantize(content, method, read_table(PREPARED / "train.parquet"))
    part = MODEL.with_suffix(".part")
    threshold = settings.decision.threshold
    if threshold == "cost":
        threshold = cheapest(int8, load_contract(), read_table(PREPARED / "valid.parquet"))
    part.write_bytes(decided(int8, threshold))
    part.replace(MODEL)
    if int8 == content:
        return (
            f"quantize: {MODEL} has the graph of {MODEL_FP32} as it is (native): it has no "
            f"{', '.join(DENSE)} node, which are what INT8 makes faster"
        )
    share = len(int8) / len(content)
    return f"quantize: {MODEL}, {method}, {len(int8):,} bytes, {share:.0%} of FP32"


def main() -> int:
    """Run the stage in the current directory and return the exit code."""
    return run_stage(_stage)


if __name__ == "__main__":
    sys.exit(main())
