"""The body of `pipeline.train:torch_mlp`: encode, fit, export, report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pipeline.device import deterministic, placed
from pipeline.encode import Encoding
from pipeline.export import export
from pipeline.fairness import group_codes
from pipeline.fit import Epoch, Rows, fit, scores
from pipeline.network import Network
from pipeline.settings import FairnessPenalty, TrainSettings
from pipeline.trainer import TrainedModel, TrainingData


def train_mlp(data: TrainingData, settings: TrainSettings, reports: Path) -> TrainedModel:
    """Train the network on the device that there is, and export it."""
    options = settings.torch_mlp
    deterministic(settings.seed, options.threads)
    encoding = Encoding.of(data.contract)
    splits = {
        name: _rows(data, name, encoding, options.fairness_penalty) for name in ("train", "valid")
    }
    network = Network(encoding, splits["train"].numbers.numpy(), options)
    with placed() as place:
        if place.rank == 0:
            print(f"train: {place.processes} x {place.device}, as {place.reason}")
        network.to(place.device)
        train, valid = (splits[name].to(place.device) for name in ("train", "valid"))
        curve: list[Epoch] = []
        best = fit(network, train, valid, encoding, options, settings.seed, place, curve.append)
        if place.rank == 0:
            print(
                f"train: best of {len(curve)} epochs is {best + 1}, "
                f"log loss {curve[best].valid_loss:.4f} on the valid split"
            )
            _report(reports, curve, best)
    network.cpu()
    valid_scores = scores(network, splits["valid"]).numpy().astype(np.float64)
    return TrainedModel(export(network, encoding), valid_scores)


def _rows(data: TrainingData, split: str, encoding: Encoding, penalty: FairnessPenalty) -> Rows:
    frame = data.train if split == "train" else data.valid
    numbers, rows = encoding.encode(frame)
    groups = (
        group_codes(frame, data.contract, penalty.attribute)
        if penalty.weight
        else np.full(len(frame), -1)
    )
    arrays = (numbers, rows, data.labels(frame), data.weights(frame), groups)
    return Rows(*(torch.tensor(array) for array in arrays))


def _report(reports: Path, curve: list[Epoch], best: int) -> None:
    """Loss curves and the best epoch's losses, in DVCLive's layout."""
    from dvclive.live import Live

    with Live(
        str(reports), dvcyaml=None, report=None, save_dvc_exp=False, monitor_system=False
    ) as live:
        for epoch in curve:
            live.log_metric("train/log_loss", epoch.train_loss)
            live.log_metric("valid/log_loss", epoch.valid_loss)
            live.next_step()
        live.summary["best"] = {
            "epoch": best,
            "train_log_loss": curve[best].train_loss,
            "valid_log_loss": curve[best].valid_loss,
        }
