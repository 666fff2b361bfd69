"""How far the latency gate's ratio wanders, quiet and under load, and does it see a slower graph.

    .venv/bin/python packages/gatehouse/benchmarks/gates/latency_noise.py

A dense net of the default model's size, its copy with other metadata (so with other bytes), and
one with more layers, about 25 % slower on a quiet machine. Each repeat is the gate's own timing
with the policy's sessions and calls. Load is one process that never rests.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from results import share, table, write

from gatehouse.evidence import Measurement, Of
from gatehouse.gates.latency.measure import _percentiles, _ratio, time_pair
from gatehouse.model import Metadata, write_metadata
from gatehouse.policy import Policy, load_policy

REPEATS = 30
WIDTH, INPUTS, LAYERS = 128, 12, 4
SLOWER = 1.25
RULES = ("latency-int8", "latency-base")


def graph(path: Path, layers: int, commit: str) -> Path:
    """A dense net: `INPUTS` numeric columns in, probabilities out."""

    rng = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        values = rng.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32)
        return numpy_helper.from_array(values, name)

    columns = [f"x{i}" for i in range(INPUTS)]
    weights = [weight("first", INPUTS, WIDTH), weight("last", WIDTH, 2)]
    nodes = [
        helper.make_node("Concat", columns, ["joined"], axis=1),
        helper.make_node("MatMul", ["joined", "first"], ["h0"]),
    ]
    for i in range(layers):
        weights.append(weight(f"w{i}", WIDTH, WIDTH))
        nodes.append(helper.make_node("MatMul", [f"h{i}", f"w{i}"], [f"m{i}"]))
        nodes.append(helper.make_node("Relu", [f"m{i}"], [f"h{i + 1}"]))
    nodes.append(helper.make_node("MatMul", [f"h{layers}", "last"], ["logits"]))
    nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
    inputs = [helper.make_tensor_value_info(c, TensorProto.FLOAT, ["N", 1]) for c in columns]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])
    model = helper.make_model(
        helper.make_graph(nodes, "net", inputs, [output], initializer=weights),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )  # fmt: skip
    metadata = Metadata(
        contract="", data="", commit=commit, classes=("no", "yes"), threshold=0.5, trainer="by hand"
    )
    write_metadata(model, metadata)
    path.write_bytes(model.SerializeToString())
    return path


@dataclass(frozen=True)
class Repeat:
    """One run of the gate's timing."""

    ratio: Measurement
    p95: float
    p99: float


def repeat(first: Path, second: Path, rows: pd.DataFrame, policy: Policy) -> Repeat:
    settings = policy.measure.latency
    times = time_pair(first, second, rows, 1, settings.calls, settings)
    one, two = ([m.value or 0 for m in _percentiles("", times[:, k])] for k in (0, 1))
    ratio = _ratio("first/second", Of.COMPARISON, times, policy, same=False)
    return Repeat(ratio, one[1] / two[1], one[2] / two[2])


def _spin() -> None:
    while True:
        sum(range(100_000))


@contextmanager
def load(busy: bool) -> Iterator[None]:
    """One process that never rests, where `busy`."""
    process = multiprocessing.Process(target=_spin, daemon=True)
    if busy:
        process.start()
    try:
        yield
    finally:
        if busy:
            process.terminate()
            process.join()


def slower_layers(folder: Path, same: Path, rows: pd.DataFrame, policy: Policy) -> int:
    """How many layers make the net about `SLOWER` times as slow, by three timings each."""
    found = {}
    for layers in range(LAYERS + 1, LAYERS + 7):
        slow = graph(folder / "try.onnx", layers, "b")
        ratios = [repeat(slow, same, rows, policy).ratio.value or 0 for _ in range(3)]
        found[layers] = float(np.median(ratios))
        if found[layers] > SLOWER * 1.1:
            break
    return min(found, key=lambda layers: abs(found[layers] - SLOWER))


def main() -> None:
    started = time.perf_counter()
    policy = load_policy(Path("policy.yaml"))
    limits = [policy.rules[name].limit for name in RULES]
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({f"x{i}": rng.normal(size=1000) for i in range(INPUTS)})
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = graph(folder / "base.onnx", LAYERS, "a")
        copy = graph(folder / "copy.onnx", LAYERS, "b")
        layers = slower_layers(folder, base, rows, policy)
        slow = graph(folder / "slow.onnx", layers, "b")
        for what, first in (
            ("equal, other bytes", copy),
            (f"25 % slower ({layers - LAYERS} layers more)", slow),
        ):
            for busy in (False, True):
                with load(busy):
                    found = [repeat(first, base, rows, policy) for _ in range(REPEATS)]
                lines.append([what, "one core busy" if busy else "quiet", *_line(found, limits)])
    header = [
        "graph", "machine", "ratio: median", "smallest to largest", "width of interval",
        *[f"fails {limit:g}" for limit in limits], "p95 ratio", "p99 ratio",
    ]  # fmt: skip
    settings = policy.measure.latency
    text = f"""{table(header, lines)}

{REPEATS} repeats a line of {settings.sessions} sessions by {settings.calls} calls, single rows,
{LAYERS} layers of {WIDTH}. Fails: the interval lies above the limit (95 % Wilson interval of the
share). p95 and p99 are ratios of percentiles over all calls, smallest to largest."""
    write("latency_noise", "Latency: noise of the ratio", text, started)


def _line(found: list[Repeat], limits: list[float]) -> list[str]:
    values = [one.ratio.value or 0 for one in found]
    intervals = [one.ratio.interval for one in found if one.ratio.interval]
    widths = [interval.high - interval.low for interval in intervals]
    fails = [sum(i.low > limit for i in intervals) for limit in limits]
    return [
        f"{np.median(values):.3f}",
        f"{min(values):.3f} to {max(values):.3f}",
        f"{np.median(widths):.3f}",
        *[share(count, len(found)) for count in fails],
        f"{min(one.p95 for one in found):.2f} to {max(one.p95 for one in found):.2f}",
        f"{min(one.p99 for one in found):.2f} to {max(one.p99 for one in found):.2f}",
    ]


if __name__ == "__main__":
    main()
