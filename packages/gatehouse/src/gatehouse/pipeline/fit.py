"""The training loop of `pipeline.network:torch_mlp`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import unwrap

import torch
from torch import Tensor, nn
from tqdm import tqdm

from gatehouse.pipeline.compress import distillation_losses
from gatehouse.pipeline.curves import Epoch
from gatehouse.pipeline.device import Place
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.fairness_penalty import equalized_odds_penalty
from gatehouse.pipeline.settings import TorchMlpSettings

_CHUNK = 65_536
"""Rows scored at once, so that memory does not grow with the number of rows."""

_STEPS, _SMALLEST_BATCH = 16, 16
"""A small table gets smaller batches, because an epoch of one step would hardly train anything."""


@dataclass(frozen=True)
class Rows:
    """A split as tensors in memory, N rows.

    Attributes:
        numbers: float32 [N, D]; NaN means missing.
        rows: int64 [N, C], rows of the table of categories.
        labels: int64 [N], the classes; for a regression float32 [N], in standard deviations.
        weights: float32 [N], mean 1.
        groups: int64 [N], groups that the fairness penalty compares; -1 for none.
        soft: float32 [N, K], a teacher's predictions of the rows; [N, 0] without a teacher.
    """

    numbers: Tensor
    rows: Tensor
    labels: Tensor
    weights: Tensor
    groups: Tensor
    soft: Tensor

    def take(self, index: Tensor) -> Rows:
        """Return the rows at `index`."""
        return Rows(*(tensor[index] for tensor in vars(self).values()))

    def to(self, device: torch.device) -> Rows:
        """Return these rows on `device`."""
        return Rows(*(tensor.to(device) for tensor in vars(self).values()))

    def __len__(self) -> int:
        return len(self.labels)


class AdamW(torch.optim.AdamW):
    """torch's AdamW without the wrappers that keep torch's compiler from compiling its methods.

    Nothing is compiled here, and importing the compiler takes a fifth of the stage's time.
    """

    add_param_group = unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = unwrap(torch.optim.AdamW.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))  # no gradients of steps


def fit(
    network: nn.Module,
    train: Rows,
    valid: Rows,
    encoding: Encoding,
    settings: TorchMlpSettings,
    seed: int,
    place: Place,
    log: Callable[[Epoch], None],
) -> int:
    """Train `network` in place, give it the weights of the best epoch and return that epoch.

    Uses AdamW with one cycle of the learning rate (Smith and Topin, "Super-Convergence", 2017). The
    best epoch has the smallest loss on the valid split.
    """
    size = min(settings.batch, max(_SMALLEST_BATCH, len(train) // _STEPS))
    steps = -(-len(train) // size)
    optimizer = AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * steps, pct_start=0.1
    )
    shuffle = torch.Generator().manual_seed(seed)  # all processes draw the same batches
    torch.manual_seed(seed + place.rank)  # each process drops other cells
    unknown = torch.tensor(encoding.unknown_rows, device=place.device)
    best, best_loss, best_weights = 0, float("inf"), copy.deepcopy(network.state_dict())
    quiet = None if place.rank == 0 else True  # None: show a bar only on a terminal
    with tqdm(total=settings.epochs * steps, desc="train", unit="batch", disable=quiet) as bar:
        for epoch in range(settings.epochs):
            network.train()
            order = torch.randperm(len(train), generator=shuffle)
            total = torch.zeros(1, device=place.device)
            for index in torch.split(order, size):
                weight = train.weights[index].sum().clamp_min(1e-9)
                batch = train.take(index[place.rank :: place.processes].to(place.device))
                batch = _hide(batch, unknown, settings.masked)
                optimizer.zero_grad()
                loss, with_penalty = _loss(network, batch, weight, settings, place)
                torch.autograd.backward(with_penalty)
                place.add_up([p.grad for p in network.parameters() if p.grad is not None])
                optimizer.step()
                schedule.step()
                total += loss.detach() * weight
                bar.update()
            place.add_up([total])
            valid_loss = place.agree(_evaluate(network, valid))
            log(Epoch(total.item() / train.weights.sum().item(), valid_loss))
            bar.set_postfix(valid_loss=f"{valid_loss:.4f}", refresh=False)
            if valid_loss < best_loss:
                best, best_loss = epoch, valid_loss
                best_weights = copy.deepcopy(network.state_dict())
            elif epoch - best >= settings.patience:
                break
    network.load_state_dict(best_weights)
    network.eval()
    return best


def outputs(network: nn.Module, rows: Rows) -> Tensor:
    """Return the network's outputs in evaluation mode, float32 [N, K]."""
    network.eval()
    parts = zip(torch.split(rows.numbers, _CHUNK), torch.split(rows.rows, _CHUNK), strict=True)
    with torch.no_grad():
        return torch.cat([network(numbers, codes) for numbers, codes in parts])


def _hide(batch: Rows, unknown: Tensor, share: float) -> Rows:
    """Hide some cells as unknown or missing, so that their rows and indicators are trained too."""
    numbers = batch.numbers.masked_fill(
        torch.rand(batch.numbers.shape, device=batch.numbers.device) < share, float("nan")
    )
    hidden = torch.rand(batch.rows.shape, device=batch.rows.device) < share
    rows = torch.where(hidden, unknown, batch.rows)
    return replace(batch, numbers=numbers, rows=rows)


def _loss(
    network: nn.Module, batch: Rows, weight: Tensor, settings: TorchMlpSettings, place: Place
) -> tuple[Tensor, Tensor]:
    """Return this process's part of the batch's mean loss, without and with the penalty."""
    with torch.autocast(place.device.type, torch.bfloat16, enabled=place.half_precision):
        found = network(batch.numbers, batch.rows)
    found = found.float()
    losses = _losses(found, batch.labels)
    if batch.soft.shape[1]:
        distill = settings.distill
        softened = distillation_losses(found, batch.soft, distill.temperature)
        losses = (1 - distill.weight) * losses + distill.weight * softened
    loss = (losses * batch.weights).sum() / weight
    if not settings.fairness_penalty.weight:
        return loss, loss
    positive = found.softmax(dim=1)[:, 1]
    penalty = equalized_odds_penalty(positive, batch.labels, batch.groups)
    return loss, loss + settings.fairness_penalty.weight * penalty / place.processes


def _evaluate(network: nn.Module, valid: Rows) -> float:
    return (_losses(outputs(network, valid), valid.labels) * valid.weights).mean().item()


def _losses(found: Tensor, labels: Tensor) -> Tensor:
    """Return each row's log loss, or for a regression its squared error; shape [N]."""
    if labels.is_floating_point():
        return (found[:, 0] - labels).square()
    return nn.functional.cross_entropy(found, labels, reduction="none")
