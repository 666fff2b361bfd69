"""A smaller network by pruning, one that learns from a teacher, and live loss curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pipeline
import pytest
import torch
from pipeline.network import Network
from torch import nn

from gatehouse.model import Model
from gatehouse.pipeline.compress import distillation_losses, narrowed
from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.live import FOLDER
from gatehouse.pipeline.settings import Prune, TorchMlpSettings
from gatehouse.pipeline.train import main
from gatehouse.workspace import MODEL_FP32

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop


def test_pruning_takes_the_weakest_units(shop: Shop) -> None:
    """Units with no weights go first, and what stays computes what it did."""
    encoding = Encoding.of(shop.contract)
    numbers, rows = (torch.tensor(part) for part in encoding.encode(shop.train))
    settings = TorchMlpSettings(hidden=(16, 8), bins=8, prune=Prune(share=0.5))
    network = Network(encoding, numbers.numpy(), settings).eval()
    with torch.no_grad():
        for layer in (network.mlp[0], network.mlp[3]):
            assert isinstance(layer, nn.Linear)
            layer.weight[::2], layer.bias[::2] = 0.0, 0.0
        smaller, told = narrowed(Network, network, encoding, numbers.numpy(), settings, 2)
        assert told.hidden == (8, 4)
        torch.testing.assert_close(smaller.eval()(numbers, rows), network(numbers, rows))


def test_a_pruned_network_is_a_smaller_graph(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting alone does it, and what is exported is the pruned network."""
    assert main() == 0
    whole, before = MODEL_FP32.stat().st_size, Model(MODEL_FP32).scores(shop.valid)
    shop.edit("params.yaml", "    threads: 1\n", "    threads: 1\n    prune: {share: 0.5}\n")
    assert main() == 0
    assert "pruned to hidden layers of 8, 4" in capsys.readouterr().out
    assert MODEL_FP32.stat().st_size < whole
    shapes = {tuple(w.dims) for w in onnx.load_model(MODEL_FP32).graph.initializer}
    assert (4, 8) in shapes or (8, 4) in shapes
    after = Model(MODEL_FP32).scores(shop.valid)
    assert np.corrcoef(before, after)[0, 1] > 0.8


def test_a_student_follows_its_teacher(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A teacher that says the contrary of the labels turns a student that hears it alone."""
    shop.edit("params.yaml", "    threads: 1\n", "    threads: 1\n    distill: {weight: 1.0}\n")
    assert main() == 0
    plain = Model(MODEL_FP32).scores(shop.valid)
    places = [*pipeline.__path__, str(Path(__file__).parent)]
    monkeypatch.setattr(pipeline, "__path__", places)  # where contrary.py is a module of it
    teacher = "{teacher: 'pipeline.contrary:always_no', weight: 1.0}"
    shop.edit("params.yaml", "{weight: 1.0}", teacher)
    assert main() == 0
    assert "the teacher, pipeline.contrary:always_no" in capsys.readouterr().out
    taught = Model(MODEL_FP32).scores(shop.valid)
    assert plain.max() > 0.8
    assert taught.max() < 0.3


def test_a_network_is_not_its_own_teacher(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks a training that would never end."""
    line = "    distill: {teacher: 'pipeline.network:torch_mlp'}\n"
    shop.edit("params.yaml", "    threads: 1\n", "    threads: 1\n" + line)
    assert main() == 2
    assert "distill.teacher: is the trainer itself" in capsys.readouterr().err


def test_a_teacher_that_is_not_there_is_told_by_its_key(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks an error that names the trainer, which is right."""
    line = "    distill: {teacher: 'pipeline.nowhere:nobody'}\n"
    shop.edit("params.yaml", "    threads: 1\n", "    threads: 1\n" + line)
    assert main() == 2
    assert "train.torch_mlp.distill.teacher: there is no module" in capsys.readouterr().err


def test_distillation_is_least_where_both_agree() -> None:
    """Attacks the loss: its gradient vanishes at the teacher's own probabilities, at any heat."""
    soft = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])
    for heat in (1.0, 3.0):
        logits = soft.log().requires_grad_()
        distillation_losses(logits, soft, heat).sum().backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        assert logits.grad.abs().max() < 1e-6
    values = distillation_losses(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [0.0]]), 2.0)
    assert values.tolist() == [0.0, 4.0]


def test_tensorboard_has_the_curve(shop: Shop) -> None:
    """The switch writes what TensorBoard itself reads, an entry for each epoch."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shop.edit("params.yaml", "  torch_mlp:\n", "  tensorboard: true\n  torch_mlp:\n")
    assert main() == 0
    (run,) = Path(FOLDER).iterdir()
    events = EventAccumulator(str(run))
    events.Reload()
    for split in ("train", "valid"):
        losses = [event.value for event in events.Scalars(f"{split}/loss")]
        assert len(losses) == 4
        assert losses[-1] < losses[0]
