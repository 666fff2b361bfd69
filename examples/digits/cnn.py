"""A convolutional network in place of the default one: `train.trainer: pipeline.cnn:torch_cnn`.

Its settings are those of `train.torch_mlp` in params.yaml. The pipeline puts the nodes in front of
it that turn raw columns into an image, and holds the graph to what the network says here.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.curves import Epoch, report
from gatehouse.pipeline.device import deterministic
from gatehouse.pipeline.export import NUMBERS, assemble, torch_core
from gatehouse.pipeline.settings import TorchMlpSettings, TrainSettings
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.spec import NoSettings, TrainerSpec
from torch import Tensor, nn
from tqdm import tqdm

SIDE = 8
INK = 16
"""The largest value of a pixel."""


class Cnn(nn.Module):
    """Two convolutions that find strokes (the body), two dense layers that tell classes (the head).

    `forward` takes pixels, float32 [N, 64] row by row, and returns logits, float32 [N, classes].
    """

    def __init__(self, classes: int, options: TorchMlpSettings) -> None:
        super().__init__()
        near, far, dense = options.hidden
        self.body = nn.Sequential(
            nn.Conv2d(1, near, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(near, far, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(far * (SIDE // 2) ** 2, dense),
            nn.ReLU(),
            nn.Dropout(options.dropout),
            nn.Linear(dense, classes),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        images = (pixels / INK).reshape(-1, 1, SIDE, SIDE)
        logits: Tensor = self.head(self.body(images))
        return logits


@dataclass(frozen=True)
class Images:
    """A split as tensors: pixels float32 [N, 64], labels int64 [N]."""

    pixels: Tensor
    labels: Tensor

    def to(self, device: str) -> Images:
        """These images on `device`."""
        return Images(self.pixels.to(device), self.labels.to(device))


def _train(
    data: TrainingData, _: NoSettings, settings: TrainSettings, reports: Path
) -> TrainedModel:
    """Train the network on the images, and export it."""
    options = settings.torch_mlp
    deterministic(settings.seed, options.threads)
    network = Cnn(data.width, options)
    curve = fit(network, *splits_of(data), options, settings.seed)
    return finished(network, data, curve, reports)


torch_cnn = TrainerSpec(
    name="torch_cnn",
    label="two convolutions and a dense layer",
    settings=NoSettings,
    train=_train,
    tasks=(Task.BINARY, Task.MULTICLASS),
    served="INT8",
)


def splits_of(data: TrainingData) -> tuple[Images, Images]:
    """The train and valid splits as tensors.

    Raises:
        GatehouseError: the contract's model inputs are not 64 pixels.
    """
    encoding = data.encoding
    if len(encoding.numbers) != SIDE**2 or encoding.categories:
        raise GatehouseError(
            f"contract.yaml: has {len(data.contract.inputs)} model inputs, and the network reads "
            f"{SIDE**2} pixels; give the other columns model_input: false"
        )
    train, valid = (
        Images(torch.tensor(encoding.encode(frame)[0]), torch.tensor(data.labels(frame)))
        for frame in (data.train, data.valid)
    )
    return train, valid


def fit(
    network: nn.Module, train: Images, valid: Images, options: TorchMlpSettings, seed: int
) -> list[Epoch]:
    """Train in place, and keep the weights of the epoch with the least loss on the valid split.

    AdamW with one cycle of the learning rate, of the parameters that are not frozen.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device)
    train, valid = train.to(device), valid.to(device)
    steps = -(-len(train.labels) // options.batch)
    optimizer = torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad],
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.epochs * steps
    )
    shuffle = torch.Generator().manual_seed(seed)
    curve: list[Epoch] = []
    best, kept = float("inf"), copy.deepcopy(network.state_dict())
    for _ in tqdm(range(options.epochs), desc="train", unit="epoch", disable=None):
        network.train()
        total = 0.0
        order = torch.randperm(len(train.labels), generator=shuffle)
        for index in torch.split(order, options.batch):
            loss = nn.functional.cross_entropy(network(train.pixels[index]), train.labels[index])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        network.eval()
        with torch.no_grad():
            held_out = nn.functional.cross_entropy(network(valid.pixels), valid.labels).item()
        curve.append(Epoch(total / len(train.labels), held_out))
        if held_out < best:
            best, kept = held_out, copy.deepcopy(network.state_dict())
        elif len(curve) - best_of(curve) > options.patience:
            break
    network.load_state_dict(kept)
    network.eval().cpu()
    return curve


def best_of(curve: list[Epoch]) -> int:
    """The epoch with the least loss on the valid split."""
    return min(range(len(curve)), key=lambda epoch: curve[epoch].valid_loss)


def finished(
    network: nn.Module, data: TrainingData, curve: list[Epoch], reports: Path
) -> TrainedModel:
    """What the stage asks for: raw columns to probabilities as one graph. Writes the curves."""
    best = best_of(curve)
    print(f"train: best of {len(curve)} epochs is {best + 1}")
    report(reports, data.contract.task, curve, best)
    with torch.no_grad():
        probabilities = network(splits_of(data)[1].pixels).softmax(dim=1).numpy()
    core = torch_core(network, (torch.zeros(2, SIDE**2),), [NUMBERS], None)
    graph = assemble(data.encoding, core.graph.node, core.graph.initializer, core)
    return TrainedModel(graph, probabilities.astype(np.float64))
