"""Writes the loss curves of training where `dvc plots` and `dvc metrics` find them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatehouse.contract import Task
from gatehouse.typed import write_text

METRICS = "metrics.json"


@dataclass(frozen=True)
class Epoch:
    """Mean train and valid losses of one epoch (for boosting: one round)."""

    train_loss: float
    valid_loss: float


def loss_name(task: Task) -> str:
    """Name of the loss in `Epoch`: natural log loss or squared error in variances of the target."""
    return "squared_error" if task is Task.REGRESSION else "log_loss"


def report(folder: Path, task: Task, curve: Sequence[Epoch], best: int) -> None:
    """Write the curve, and the losses of the epoch `best`, in the layout of DVCLive.

    DVCLive itself would import all of DVC just to write a table for each loss and one JSON file.
    """
    name = loss_name(task)
    for split in ("train", "valid"):
        losses = [getattr(epoch, f"{split}_loss") for epoch in curve]
        rows = [f"{step}\t{loss}\n" for step, loss in enumerate(losses)]
        write_text(folder / f"plots/metrics/{split}/loss.tsv", "".join(["step\tloss\n", *rows]))
    found = {
        "train": {"loss": curve[-1].train_loss},
        "valid": {"loss": curve[-1].valid_loss},
        "step": len(curve) - 1,
        "best": {
            "epoch": best,
            f"train_{name}": curve[best].train_loss,
            f"valid_{name}": curve[best].valid_loss,
        },
    }
    write_text(folder / METRICS, json.dumps(found, indent=4) + "\n")
