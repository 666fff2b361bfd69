"""A pretrained network fine-tuned to this contract's classes: `pipeline.transfer:fine_tuned`.

The body comes from a file of weights, the head is new. First only the head learns, then both do,
with a smaller learning rate (Howard and Ruder, "Universal Language Model Fine-tuning", 2018, call
it gradual unfreezing). docs/transfer-learning.md goes through it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Annotated

import torch
from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.device import deterministic
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.spec import NoSettings, TrainerSpec
from gatehouse.typed import Frozen, parse_yaml, read_text, validate
from pipeline.cnn import Cnn, finished, fit, splits_of
from pydantic import Field
from torch import Tensor, nn

FILE = Path("transfer.yaml")

Epochs = Annotated[int, Field(ge=1)]


class TransferSettings(Frozen):
    """What transfer.yaml says, where each setting has its meaning beside it."""

    weights: Path
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    frozen_epochs: Epochs
    epochs: Epochs
    learning_rate: Annotated[float, Field(gt=0)]


class Pretrained(nn.Module):
    """A network whose body may be frozen: its weights, and its dropout and running means too."""

    def __init__(self, network: Cnn) -> None:
        super().__init__()
        self.network = network
        self.frozen = False

    def freeze(self, *, frozen: bool) -> None:
        """Keep the body as it is, or let it learn."""
        self.frozen = frozen
        self.network.body.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> Pretrained:
        super().train(mode)
        if self.frozen:
            self.network.body.eval()
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels)
        return logits


def _train(
    data: TrainingData, _: NoSettings, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """Train a new head on the pretrained body, then both together, and export them.

    Raises:
        GatehouseError: transfer.yaml or the weights that it names cannot be used.
    """
    own = validate(TransferSettings, parse_yaml(read_text(FILE), FILE), FILE)
    deterministic(settings.seed, settings.torch_mlp.threads)
    network = Cnn(data.width, settings.torch_mlp)
    load_body(network, own)
    model = Pretrained(network)
    train, valid = splits_of(data)
    head = settings.torch_mlp.model_copy(update={"epochs": own.frozen_epochs})
    whole = head.model_copy(update={"epochs": own.epochs, "learning_rate": own.learning_rate})
    model.freeze(frozen=True)
    curve = fit(model, train, valid, head, settings.seed)
    model.freeze(frozen=False)
    curve += fit(model, train, valid, whole, settings.seed)
    return finished(model, data, curve, reports)


fine_tuned = TrainerSpec(
    name="fine_tuned",
    label="a pretrained network with a new head",
    settings=NoSettings,
    train=_train,
    tasks=(Task.BINARY, Task.MULTICLASS),
    served="INT8",
)


def load_body(network: Cnn, own: TransferSettings) -> None:
    """Give the body the weights of the file; those of the old head are left where they are.

    The file is read as tensors and nothing else: code in it would not run (`weights_only`).

    Raises:
        GatehouseError: the file is missing, is not the one that `sha256` names, is no state dict,
            or is of another network.
    """
    try:
        content = own.weights.read_bytes()
    except OSError as error:
        raise GatehouseError(
            f"{own.weights}: cannot be read ({error.strerror}); `weights` in {FILE} names it "
            "(where DVC keeps it: dvc pull)"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != own.sha256:
        raise GatehouseError(
            f"{own.weights}: has SHA-256 {digest}, but {FILE} says {own.sha256}; is it the right "
            "file? Then write its own into sha256"
        )
    try:
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        body = {
            name.removeprefix("body."): weight
            for name, weight in state.items()
            if name.startswith("body.")
        }
        network.body.load_state_dict(body)
    except (AttributeError, EOFError, RuntimeError, TypeError, pickle.UnpicklingError) as error:
        raise GatehouseError(
            f"{own.weights}: holds no weights of this network's body "
            f"({str(error).splitlines()[0]}); write the file by "
            "torch.save(network.state_dict(), path), of the same network and `hidden`"
        ) from None
