"""The network, and the trainer that `train.trainer` names: edit them, the exporter follows.

`Network.forward` takes numbers, float32 [N, D] with NaN for missing, and table rows, int64 [N, C]
(see `gatehouse.pipeline.encode`). It returns logits, float32 [N, K], in the order of the contract's
classes; for a regression, the target in standard deviations from its mean, [N, 1].
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.settings import TorchMlpSettings, TrainSettings
from gatehouse.pipeline.spaces import Choice, Range
from gatehouse.pipeline.torch_training import train_network
from gatehouse.pipeline.trainer import TrainedModel, TrainingData
from gatehouse.pipeline.trainers.spec import TrainerSpec
from numpy.typing import NDArray
from torch import Tensor, nn

_LARGEST = 1e30
"""Bin edges lie within this, so that differences of float32 numbers stay finite."""


class NumericEncoding(nn.Module):
    """Piecewise-linear encoding: each bin of a column gives how far the value is through it.

    Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning",
    2022, section 3.2; here, values are clipped into the first and last bin, so that any number,
    even an infinite one, stays in [0, 1]. A missing value becomes the column's median, and an
    indicator is 1.
    """

    lower: Tensor
    scale: Tensor
    median: Tensor

    def __init__(self, numbers: NDArray[np.float32], bins: int) -> None:
        super().__init__()
        edges = [bin_edges(values, bins) for values in numbers.T]
        most = max(len(e[1:]) for e in edges)
        # Use the same number of bins for every column, so that one broadcast covers all; padding
        # bins are always 0.
        self.register_buffer("lower", _stack([e[:-1] for e in edges], most, fill=_LARGEST))
        self.register_buffer("scale", _stack([1 / np.diff(e) for e in edges], most, fill=1))
        medians = [np.median(v) if len(v := _finite(c)) else 0.0 for c in numbers.T]
        self.register_buffer("median", torch.tensor(medians, dtype=torch.float32))
        self.width = len(edges) * (most + 1)

    def forward(self, numbers: Tensor) -> Tensor:
        missing = torch.isnan(numbers)
        filled = torch.where(missing, self.median, numbers).clamp(-_LARGEST, _LARGEST)
        through = ((filled.unsqueeze(2) - self.lower) * self.scale).clamp(0, 1)
        return torch.cat([through.flatten(1), missing.float()], dim=1)


class Network(nn.Module):
    """An MLP on encoded numbers and embedded categories."""

    def __init__(
        self,
        encoding: Encoding,
        numbers: NDArray[np.float32],
        settings: TorchMlpSettings,
        outputs: int = 2,
    ) -> None:
        """Create a network with random weights; `numbers` of the train split determine the bins.

        `outputs` is K: the number of classes, or 1 for a regression.
        """
        super().__init__()
        self.numeric = NumericEncoding(numbers, settings.bins) if encoding.numbers else None
        self.table = (
            nn.Embedding(encoding.table_rows, settings.embedding) if encoding.categories else None
        )
        width = len(encoding.categories) * settings.embedding
        if self.numeric is not None:
            width += self.numeric.width
        layers: list[nn.Module] = []
        for hidden in settings.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
            width = hidden
        self.mlp = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, numbers: Tensor, rows: Tensor) -> Tensor:
        parts = []
        if self.numeric is not None:
            parts.append(self.numeric(numbers))
        if self.table is not None:
            parts.append(self.table(rows).flatten(1))
        logits: Tensor = self.mlp(torch.cat(parts, dim=1))
        return logits


def bin_edges(values: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    """Return a column's bin edges at quantiles, for at most `bins` bins; fewer than 2: no bin.

    Each distinct value is weighted by the square root of its number of rows: plain quantiles would
    spend all bins on a value that fills most rows (nine of ten of Adult's capital gains are 0).
    """
    distinct, counts = np.unique(_finite(values), return_counts=True)
    if len(distinct) < 2:
        return distinct
    mass = np.cumsum(np.sqrt(counts))
    wanted = np.linspace(mass[0], mass[-1], bins + 1)
    edges = distinct[np.unique(np.searchsorted(mass, wanted))]
    # float32 has about seven digits: narrower bins would be rounding noise.
    least = max(1e-6 * (edges[-1] - edges[0]), 1 / _LARGEST)
    kept = np.concatenate([[True], np.diff(edges) > least])
    return np.asarray(edges[kept])


def _finite(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return values[np.isfinite(values)].astype(np.float64).clip(-_LARGEST, _LARGEST)


def _stack(rows: list[NDArray[np.float64]], width: int, fill: float) -> Tensor:
    padded = [np.pad(row, (0, width - len(row)), constant_values=fill) for row in rows]
    return torch.tensor(np.stack(padded), dtype=torch.float32)


def _train(
    data: TrainingData, options: TorchMlpSettings, settings: TrainSettings, reports: Path
) -> TrainedModel:
    return train_network(Network, data, options, settings, reports)


torch_mlp = TrainerSpec(
    name="torch_mlp",
    label="an MLP on piecewise-linear numbers and embedded categories",
    settings=TorchMlpSettings,
    train=_train,
    space={
        "hidden": Choice(choices=([64, 64], [128, 128], [256, 128], [256, 256])),
        "bins": Choice(choices=(32, 64, 128)),
        "dropout": Range(low=0.0, high=0.4),
        "learning_rate": Range(low=0.001, high=0.03, log=True),
        "weight_decay": Range(low=0.01, high=0.5, log=True),
    },
    served="INT8",
)
"""The default trainer."""
