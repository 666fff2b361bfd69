"""Writes live loss curves for TensorBoard: `train.tensorboard` in params.yaml."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gatehouse.pipeline.curves import Epoch

FOLDER = Path(".gatehouse/tensorboard")


def scalars(folder: Path = FOLDER) -> Callable[[Epoch], None] | None:
    """Return a function that writes an epoch's losses into a new run below `folder`.

    If TensorBoard is not installed, prints a line that says so and returns None. The model is the
    same without it, and nobody watches a workflow that trains what was committed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print("train: no curves for TensorBoard: it is not installed (make setup EXTRAS=1)")
        return None
    run = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    writer = SummaryWriter(str(run))
    print(f"train: tensorboard --logdir {folder} shows the losses")
    step = 0

    def write(epoch: Epoch) -> None:
        nonlocal step
        losses = {"train": epoch.train_loss, "valid": epoch.valid_loss}
        for split, loss in losses.items():
            writer.add_scalar(f"{split}/loss", loss, step)
        writer.flush()
        step += 1

    return write
