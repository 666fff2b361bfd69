"""How far the ratio of a batch's time wanders between equal graphs, quiet and under load.

    .venv/bin/python packages/gatehouse/benchmarks/gates/latency_batches.py

The graphs, the load and the timing are those of `latency_noise.py`; the rows come in batches. The
judge decides by the policy's own rule. The defect takes about ten times as long.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from latency_noise import INPUTS, LAYERS, graph, load
from results import share, table, write

from gatehouse.decide import decide
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.latency.measure import _ratio, time_pair
from gatehouse.judge import finding_blocks
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Finding, Outcome

REPEATS = 40


def repeat(first: Path, second: Path, rows: pd.DataFrame, policy: Policy) -> Measurement:
    settings = policy.measure.latency
    calls = max(1, settings.calls // 10)
    times = time_pair(first, second, rows, settings.batch, calls, settings)
    return _ratio("candidate/base batch", Of.COMPARISON, times, policy, same=False)


def main() -> None:
    started, policy = time.perf_counter(), load_policy(Path("policy.yaml"))
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({f"x{i}": rng.normal(size=4000) for i in range(INPUTS)})
    rule = policy.rules["latency-base"]
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = graph(folder / "base.onnx", LAYERS, "a")
        copy = graph(folder / "copy.onnx", LAYERS, "b")
        slow = graph(folder / "slow.onnx", 12 * LAYERS, "b")
        for what, first, repeats in (
            ("equal, other bytes", copy, REPEATS), ("12 times the layers", slow, 5)
        ):  # fmt: skip
            for busy in (False, True):
                with load(busy):
                    found = [repeat(first, base, rows, policy) for _ in range(repeats)]
                seen: Counter[str] = Counter()
                for each in found:
                    outcome, text = decide(rule, each)
                    finding = Finding(slice="", outcome=outcome, value=each.value, text=text)
                    seen["red"] += finding_blocks(rule, finding)
                    seen["warns"] += outcome is Outcome.INCONCLUSIVE
                values = [each.value or 0 for each in found]
                lines.append([
                    what, "one core busy" if busy else "quiet", f"{np.median(values):.3f}",
                    f"{min(values):.3f} to {max(values):.3f}", share(seen["red"], repeats),
                    share(seen["warns"], repeats),
                ])  # fmt: skip
    header = ["graph", "machine", "ratio: median", "smallest to largest", "red", "warns"]
    text = f"""{table(header, lines)}

{policy.measure.latency.sessions} sessions of {policy.measure.latency.calls // 10} calls of
{policy.measure.latency.batch} rows; rule `latency-base`, at most {rule.limit:g}."""
    write("latency_batches", "Latency: noise of a batch's ratio", text, started)


if __name__ == "__main__":
    main()
