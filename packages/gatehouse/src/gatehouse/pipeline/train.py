"""Stage `train`: prepared rows into models/model.onnx, by the trainer that params.yaml names.

To use several GPUs (or processes): torchrun --nproc-per-node 2 -m gatehouse.pipeline.train
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import Task, load_contract
from gatehouse.digest import PREPARED
from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of
from gatehouse.model import Metadata, Model, write_metadata
from gatehouse.pipeline.curves import METRICS, Epoch, report
from gatehouse.pipeline.derived import check_features
from gatehouse.pipeline.settings import Settings, load_settings
from gatehouse.pipeline.trainer import EVEN, TrainedModel, TrainingData, find_trainer
from gatehouse.seal import data_digest
from gatehouse.stage import run_stage
from gatehouse.table import read_table
from gatehouse.workspace import MODEL_FP32

if TYPE_CHECKING:
    import onnx
    import pandas as pd

    from gatehouse.pipeline.encode import Encoding

REPORTS = Path("reports/train")
PARITY = 1e-5
"""Maximum difference between the graph's outputs and the trainer's: of probabilities, or for a
regression of predictions in standard deviations of the predictions."""


def train(params: Settings) -> str | None:
    """Train, check and write the model; return a one-line summary.

    Under torchrun every process trains, but only the first one writes; the others return None.

    Raises:
        GatehouseError: settings, contract and data do not fit each other, or the graph does not
            give the trainer's outputs. No model is written then.
    """
    contract, settings = load_contract(), params.train
    check_features(params.features, contract)
    rows, valid = (read_table(PREPARED / f"{name}.parquet") for name in ("train", "valid"))
    data = TrainingData(contract, rows, valid, params.features)
    trainer, first = find_trainer(settings.trainer), int(os.environ.get("RANK", "0")) == 0
    if first:  # remove the curves of an earlier trainer
        shutil.rmtree(REPORTS, ignore_errors=True)
    trained = trainer(data, settings, REPORTS)
    if not first:
        return None
    _check_derived(trained.graph, data.encoding)
    write_metadata(
        trained.graph,
        Metadata(
            contract=contract.digest,
            data=data_digest(),
            commit=commit(),
            classes=contract.classes,
            threshold=EVEN if contract.task is Task.BINARY else None,
            trainer=settings.trainer,
        ),
    )
    content = _checked(trained.graph)
    model = Model(MODEL_FP32, content)
    worst = parity(model, data, trained)
    if not (REPORTS / METRICS).exists():
        frames = data.train, data.valid
        report(REPORTS, contract.task, [Epoch(*(mean_loss(model, data, f) for f in frames))], 0)
    MODEL_FP32.parent.mkdir(parents=True, exist_ok=True)
    part = MODEL_FP32.with_suffix(".part")
    part.write_bytes(content)
    part.replace(MODEL_FP32)
    outputs = "predictions" if contract.task is Task.REGRESSION else "probabilities"
    return (
        f"train: {MODEL_FP32}, {len(content):,} bytes; within {worst:.1e} of the trainer's "
        f"{outputs} on {len(data.valid):,} rows"
    )


def _check_derived(graph: onnx.ModelProto, encoding: Encoding) -> None:
    """Refuse a graph without the derived features, which an own trainer may leave out."""
    made = {name for node in graph.graph.node for name in node.output}
    derived = encoding.derived
    for name, output in zip(derived.names, derived.outputs, strict=True) if derived else ():
        if output not in made:
            raise GatehouseError(
                f"params.yaml: features.{name}: the trainer's graph does not compute it; make the "
                "trainer use data.encoding, or take the feature out"
            )


def parity(model: Model, data: TrainingData, trained: TrainedModel) -> float:
    """Return the largest difference between graph and trainer outputs on the valid split.

    Raises:
        GatehouseError: it is over the limit, or Gatehouse cannot use the graph.
    """
    found, own = model.outputs(data.valid), trained.valid_outputs
    if own.shape != found.shape:
        raise GatehouseError(
            f"train.trainer: valid_outputs has shape {list(own.shape)} and should have "
            f"{list(found.shape)}: a row for each of the valid split, and a column for each class "
            "(one of a regression)"
        )
    differences, unit, limit = np.abs(found - own).max(axis=1), "", PARITY
    if model.metadata.task is Task.REGRESSION:
        deviation = float(own.std()) or 1.0
        differences, unit = differences / deviation, " standard deviations"
        # A float32 has about seven digits, so the last digit of 1,000,000.1 is rounded.
        limit += 4 * float(np.finfo(np.float32).eps) * float(np.abs(own).max()) / deviation
    worst = int(differences.argmax())
    if not differences[worst] <= limit:
        raise GatehouseError(
            f"{MODEL_FP32}: row {worst} of the valid split scores {differences[worst]:.2e}{unit} "
            f"away from the trainer's own, more than {limit:.2g}: the export changed the model; "
            "look for what the exported graph computes otherwise"
        )
    return float(differences[worst])


def mean_loss(model: Model, data: TrainingData, frame: pd.DataFrame) -> float:
    """Return the graph's weighted mean loss on `frame`, as `gatehouse.pipeline.curves` names it."""
    found, labels = model.outputs(frame), data.labels(frame)
    if model.metadata.task is Task.REGRESSION:
        losses = np.square((found[:, 0] - labels) / data.scale().deviation)
    else:
        chances = found[np.arange(len(labels)), labels]
        losses = -np.log(chances.clip(np.finfo(np.float32).tiny))
    return float(np.average(losses, weights=data.weights(frame)))


def commit() -> str:
    """Return the commit to record in the model; GATEHOUSE_COMMIT overrides it."""
    named = os.environ.get("GATEHOUSE_COMMIT")
    if named:
        return named
    try:
        return commit_of("HEAD")
    except GatehouseError:
        return "unknown"


def _checked(graph: onnx.ModelProto) -> bytes:
    import onnx

    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GatehouseError(
            f"{MODEL_FP32}: the trainer's graph is not valid ONNX ({error})"
        ) from None
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def main() -> int:
    """Run the stage in the current directory and return the exit code."""
    return run_stage(lambda: train(load_settings()))


if __name__ == "__main__":
    sys.exit(main())
