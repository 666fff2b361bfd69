"""Trains a torch network: encode, fit, prune, export, report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gatehouse.contract import Task
from gatehouse.pipeline.compress import MakeNetwork, after_pruning, narrowed, taught
from gatehouse.pipeline.curves import Epoch, loss_name, report
from gatehouse.pipeline.device import deterministic, placed
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.export import export
from gatehouse.pipeline.fairness_penalty import group_codes
from gatehouse.pipeline.fit import Rows, fit, outputs
from gatehouse.pipeline.live import scalars
from gatehouse.pipeline.settings import FairnessPenalty, TorchMlpSettings, TrainSettings
from gatehouse.pipeline.trainer import Scale, TrainedModel, TrainingData


def train_network(
    make: MakeNetwork,
    data: TrainingData,
    options: TorchMlpSettings,
    settings: TrainSettings,
    reports: Path,
) -> TrainedModel:
    """Train a network on the available device, and export it.

    Args:
        make: creates the network, with random weights.
        data: rows to learn from.
        options: settings of the network.
        settings: settings of `train`.
        reports: folder for the curves.
    """
    task = data.contract.task
    encoding = data.encoding
    scale = data.scale() if task is Task.REGRESSION else None
    soft = taught(data, options.distill, settings, reports, scale)
    deterministic(settings.seed, options.threads)  # after the teacher, which draws too
    splits = {
        name: _rows(data, name, encoding, scale, options.fairness_penalty, soft)
        for name in ("train", "valid")
    }
    numbers = splits["train"].numbers.numpy()
    network = make(encoding, numbers, options, data.width)
    with placed() as place:
        if place.rank == 0:
            print(f"train: {place.processes} x {place.device}, as {place.reason}")
        network.to(place.device)
        train, valid = (splits[name].to(place.device) for name in ("train", "valid"))
        curve: list[Epoch] = []
        write = scalars() if settings.tensorboard and place.rank == 0 else None

        def log(epoch: Epoch) -> None:
            curve.append(epoch)
            if write:
                write(epoch)

        best = fit(network, train, valid, encoding, options, settings.seed, place, log)
        if options.prune.share:
            whole = len(curve)
            network, options = narrowed(make, network.cpu(), encoding, numbers, options, data.width)
            network.to(place.device)
            again = after_pruning(options)
            best = whole + fit(network, train, valid, encoding, again, settings.seed, place, log)
            if place.rank == 0:
                print(f"train: pruned to hidden layers of {', '.join(map(str, options.hidden))}")
        if place.rank == 0:
            print(
                f"train: best of {len(curve)} epochs is {best + 1}, "
                f"{loss_name(task).replace('_', ' ')} {curve[best].valid_loss:.4f} on the valid "
                "split"
            )
            report(reports, task, curve, best)
    network.cpu()
    found = outputs(network, splits["valid"])
    own = found.softmax(dim=1).numpy() if scale is None else scale.stretch(found.numpy())
    return TrainedModel(export(network, encoding, scale), own.astype(np.float64))


def _rows(
    data: TrainingData,
    split: str,
    encoding: Encoding,
    scale: Scale | None,
    penalty: FairnessPenalty,
    soft: NDArray[np.float32],
) -> Rows:
    frame = data.train if split == "train" else data.valid
    numbers, rows = encoding.encode(frame)
    groups = (
        group_codes(frame, data.contract, penalty.attribute)
        if penalty.weight
        else np.full(len(frame), -1)
    )
    labels = data.labels(frame)
    if scale is not None:
        labels = scale.shrink(labels)
    if split != "train":  # the valid split is judged only by its labels
        soft = np.empty((len(frame), 0), np.float32)
    arrays = (numbers, rows, labels, data.weights(frame), groups, soft)
    return Rows(*(torch.tensor(array) for array in arrays))
