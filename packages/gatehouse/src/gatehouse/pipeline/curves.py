"""Loss curves of training, where `dvc plots` and `dvc metrics` find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatehouse.contract import Task

METRICS = "metrics.json"


@dataclass(frozen=True)
class Epoch:
    """What one epoch (of boosting: one round) gave: mean losses of the train and valid splits."""

    train_loss: float
    valid_loss: float


def loss_name(task: Task) -> str:
    """What `Epoch` holds: natural log loss, or squared error in variances of the target."""
    return "squared_error" if task is Task.REGRESSION else "log_loss"


def report(folder: Path, task: Task, curve: Sequence[Epoch], best: int) -> None:
    """Write the curve, and the losses of the epoch `best`, in DVCLive's layout."""
    from dvclive.live import Live

    name = loss_name(task)
    with Live(
        str(folder), dvcyaml=None, report=None, save_dvc_exp=False, monitor_system=False
    ) as live:
        for epoch in curve:
            live.log_metric("train/loss", epoch.train_loss)
            live.log_metric("valid/loss", epoch.valid_loss)
            live.next_step()
        live.summary["best"] = {
            "epoch": best,
            f"train_{name}": curve[best].train_loss,
            f"valid_{name}": curve[best].valid_loss,
        }
