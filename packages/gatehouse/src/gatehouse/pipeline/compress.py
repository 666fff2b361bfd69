"""Makes a network smaller: prunes hidden units, or trains a network on a better teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gatehouse.errors import GatehouseError
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.settings import Distill, Mitigation, TorchMlpSettings, TrainSettings
from gatehouse.pipeline.trainer import Scale, TrainingData, as_model, find_trainer

_PRUNED = "mlp"


class MakeNetwork(Protocol):
    """A class of networks, or a function that creates a network with random weights."""

    def __call__(
        self,
        encoding: Encoding,
        numbers: NDArray[np.float32],
        settings: TorchMlpSettings,
        outputs: int,
    ) -> nn.Module:
        """Return a module from numbers, float32 [N, D], and table rows, int64 [N, C], to [N, K].

        Args:
            encoding: names the D and C columns.
            numbers: numbers of the train split, shape [N, D]; NaN where missing.
            settings: the settings `train.torch_mlp`.
            outputs: K, the number of classes, or 1 for a regression.
        """
        ...


def narrowed(
    make: MakeNetwork,
    network: nn.Module,
    encoding: Encoding,
    numbers: NDArray[np.float32],
    settings: TorchMlpSettings,
    outputs: int,
) -> tuple[nn.Module, TorchMlpSettings]:
    """Return the network without its weakest hidden units, and settings with its new size.

    Structured pruning removes the units of each layer whose incoming weights have the smallest L1
    norms (Li et al., "Pruning Filters for Efficient ConvNets", 2017). The graph itself gets smaller
    and faster, which zeros in it would not achieve.

    Args:
        make: creates a network of a given size; the function that made the trained one.
        network: the trained network. Layers in `mlp` are pruned; all others stay unchanged.
        encoding: the columns that the network reads.
        numbers: numbers of the train split, which determine the bins, shape [N, D].
        settings: settings of the trained network.
        outputs: K.

    Raises:
        GatehouseError: the network has no layers named `mlp`, which can happen with your own one.
    """
    linears = _linears(network)
    kept = [_strongest(layer.weight, settings.prune.share) for layer in linears[:-1]]
    smaller = settings.model_copy(update={"hidden": tuple(len(units) for units in kept)})
    found = make(encoding, numbers, smaller, outputs)
    for name, part in network.named_children():
        if name != _PRUNED:
            setattr(found, name, part)
    targets = _linears(found)
    inputs: Tensor | None = None
    with torch.no_grad():
        for source, target, units in zip(linears, targets, [*kept, None], strict=True):
            rows = slice(None) if units is None else units
            columns = slice(None) if inputs is None else inputs
            target.weight.copy_(source.weight[rows][:, columns])
            target.bias.copy_(source.bias[rows])
            inputs = units
    return found, smaller


def _linears(network: nn.Module) -> list[nn.Linear]:
    layers = getattr(network, _PRUNED, None)
    if not isinstance(layers, nn.Sequential):
        raise GatehouseError(
            "params.yaml: train.torch_mlp.prune.share: the network has no layers named "
            f"`{_PRUNED}` (an nn.Sequential) to prune; name them so, or set it to 0"
        )
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def _strongest(weight: Tensor, share: float) -> Tensor:
    """Return the sorted indices of the units to keep: all but `share` of them, at least one."""
    stay = max(1, round(len(weight) * (1 - share)))
    return weight.abs().sum(dim=1).topk(stay).indices.sort().values


def after_pruning(settings: TorchMlpSettings) -> TorchMlpSettings:
    """Return the settings for training a pruned network further, at 1/4 of the learning rate."""
    update = {"epochs": settings.prune.epochs, "learning_rate": settings.learning_rate / 4}
    return settings.model_copy(update=update)


def taught(
    data: TrainingData,
    distill: Distill,
    settings: TrainSettings,
    reports: Path,
    scale: Scale | None,
) -> NDArray[np.float32]:
    """Return the teacher's predictions of the train split: [N, K], or [N, 0] without a teacher.

    These are class probabilities, or for a regression the value in standard deviations.

    Raises:
        GatehouseError: the teacher is the student, or can't be trained.
    """
    if distill.teacher is None:
        return np.empty((len(data.train), 0), np.float32)
    if distill.teacher == settings.trainer:
        raise GatehouseError(
            "params.yaml: train.torch_mlp.distill.teacher: is the trainer itself; name another "
            "one, such as lightgbm"
        )
    print(f"train: the teacher, {distill.teacher}")
    trainer = find_trainer(distill.teacher, "train.torch_mlp.distill.teacher")
    # The student is mitigated, and a teacher that is too would only train more models.
    update = {"trainer": distill.teacher, "mitigation": Mitigation()}
    taught_by = settings.model_copy(update=update)
    trained = trainer(data, taught_by, reports / "teacher")
    outputs = as_model(trained, data.contract, taught_by).outputs(data.train)
    return outputs.astype(np.float32) if scale is None else scale.shrink(outputs)


def distillation_losses(found: Tensor, soft: Tensor, temperature: float) -> Tensor:
    """Return the loss between the student and its teacher for each row; shape [N].

    This is the cross-entropy between both at a temperature, times the temperature squared so that
    gradients keep their size (Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural
    Network", 2015). For a regression it is the squared difference.

    Args:
        found: the student's logits [N, K], or values [N, 1].
        soft: the teacher's probabilities [N, K], or values [N, 1].
        temperature: 1 uses the teacher's probabilities unchanged.
    """
    if soft.shape[1] == 1:
        return (found[:, 0] - soft[:, 0]).square()
    teacher = (soft.clamp_min(1e-7).log() / temperature).softmax(dim=1)
    student = (found / temperature).log_softmax(dim=1)
    return -(teacher * student).sum(dim=1) * temperature**2
