"""INT8 by each method against FP32: writes the table in docs/model.md.

    GATEHOUSE_ADULT_DIR=... .venv/bin/python packages/gatehouse/benchmarks/model/quantization.py

Trains the default model on UCI Adult. All graphs are timed interleaved in one process, in several
rounds of fresh sessions, one thread each; a ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np
from common import adult, in_memory, trained, write_between
from sklearn.metrics import roc_auc_score

from gatehouse.pipeline.quantize import Method, quantize

METHODS: tuple[Method, ...] = ("static", "dynamic")
ROUNDS, CALLS = 15, 600
SINGLE, BATCH = 1, 256


def medians(graphs: dict[str, bytes], feeds: list[dict[str, Any]], calls: int) -> dict[str, float]:
    """Median nanoseconds of a call to each graph, the graphs taking turns."""
    models = {name: in_memory(content) for name, content in graphs.items()}
    times: dict[str, list[int]] = {name: [] for name in graphs}
    for call in range(calls):
        for name, model in models.items():
            model.run(feeds[call % len(feeds)])  # warms the caches that the graph before cooled
            start = perf_counter_ns()
            model.run(feeds[call % len(feeds)])
            times[name].append(perf_counter_ns() - start)
    return {name: median(values) for name, values in times.items()}


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("packages/gatehouse/docs/model.md"))
    out: Path = parser.parse_args().out
    settings, data, test = adult()
    fp32 = trained(data, settings.train)
    graphs = {"FP32": fp32} | {m: quantize(fp32, m, data.train) for m in METHODS}

    model = in_memory(fp32)
    single = [model.feeds(test.iloc[[i]]) for i in range(64)]
    batches = [model.feeds(test.iloc[i * BATCH : (i + 1) * BATCH]) for i in range(8)]
    rounds = [
        (medians(graphs, single, CALLS), medians(graphs, batches, CALLS // 10))
        for _ in range(ROUNDS)
    ]
    labels = data.labels(test)
    reference, decided = model.scores(test), model.decisions(model.outputs(test))
    lines = [
        "| graph | single row, us | ratio | batch of 256, us | ratio | KiB | decisions as FP32 "
        "| ROC AUC against FP32 | one row alone and in a batch differ by |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, content in graphs.items():
        other = in_memory(content)
        scores = other.scores(test)
        agreement = (other.decisions(other.outputs(test)) == decided).mean()
        loss = roc_auc_score(labels, scores) - roc_auc_score(labels, reference)
        alone = np.concatenate([other.run(feeds)[:, 1] for feeds in single])
        cells = [name]
        for size in (0, 1):
            cells.append(f"{median(r[size][name] for r in rounds) / 1000:.1f}")
            cells.append(f"{median(r[size][name] / r[size]['FP32'] for r in rounds):.2f}")
        cells += [f"{len(content) / 1024:.0f}", f"{agreement:.2%}", f"{loss:+.5f}"]
        cells.append(f"{np.abs(alone - scores[: len(alone)]).max():.1e}")
        lines.append("| " + " | ".join(cells) + " |")
    write_between(out, "quantization", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
