"""Where training runs: the device, and the rank of this process under torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Place:
    """One training process.

    Attributes:
        device: device of the tensors.
        rank: rank of the process; rank 0 logs and writes.
        processes: number of processes that train together.
        reason: why this device was chosen, for people.
    """

    device: torch.device
    rank: int
    processes: int
    reason: str

    @property
    def half_precision(self) -> bool:
        """Whether the forward pass runs in bfloat16, which needs no loss scaling."""
        return self.device.type == "cuda" and torch.cuda.is_bf16_supported()

    def add_up(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.processes == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, part in zip(
            tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True
        ):
            tensor.copy_(part.view_as(tensor))

    def agree(self, value: float) -> float:
        """Return rank 0's `value` on every process."""
        if self.processes == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, src=0)
        return shared.item()


@contextmanager
def placed() -> Iterator[Place]:
    """Choose the device once; under torchrun, join the other processes until the block ends."""
    rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    local = int(os.environ.get("LOCAL_RANK", 0))
    if torch.cuda.is_available():
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
        reason = f"a CUDA device was found: {torch.cuda.get_device_name(device)}"
    else:
        device = torch.device("cpu")
        built = torch.version.cuda is not None
        reason = "no CUDA device was found" if built else "this torch is built without CUDA"
    if processes > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Place(device, rank, processes, reason)
    finally:
        if processes > 1:
            distributed.destroy_process_group()


def deterministic(seed: int, threads: int) -> None:
    """Make a run reproducible to the byte on one machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS is not repeatable
    # use_deterministic_algorithms(True) does the same, but imports torch's compiler as well.
    torch.set_deterministic_debug_mode("error")
    torch.set_num_threads(threads)  # sums depend on the number of threads
    torch.manual_seed(seed)
