"""Attacks the optimizer that training takes: other steps than torch's own."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import Tensor, nn

from gatehouse.pipeline.fit import AdamW


def trained(optimizer: type[torch.optim.AdamW]) -> list[Tensor]:
    """The weights of a small network after 20 steps."""
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
    numbers = torch.randn(64, 5)
    chosen = optimizer(network.parameters(), lr=0.01, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(chosen, 0.01, total_steps=20)
    for _ in range(20):
        chosen.zero_grad()
        network(numbers).square().mean().backward()
        chosen.step()
        schedule.step()
    return [weights.detach() for weights in network.parameters()]


def test_its_steps_are_torchs() -> None:
    """Attacks methods taken out of their wrappers: the same bits as with them."""
    ours, theirs = trained(AdamW), trained(torch.optim.AdamW)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_training_does_not_import_torchs_compiler() -> None:
    """Attacks a wrapper of another version of torch, which would cost each run seconds."""
    code = (
        "import sys, torch\n"
        "from gatehouse.pipeline.device import deterministic\n"
        "from gatehouse.pipeline.fit import AdamW\n"
        "deterministic(1, 1)\n"
        "weights = torch.ones(2, requires_grad=True)\n"
        "steps = AdamW([weights])\n"
        "steps.zero_grad()\n"
        "weights.sum().backward()\n"
        "steps.step()\n"
        "assert torch.are_deterministic_algorithms_enabled()\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
