"""Smaller networks by pruning and by a teacher: writes the table in docs/tuning.md.

    GATEHOUSE_ADULT_DIR=... .venv/bin/python packages/gatehouse/benchmarks/model/compression.py

Trains on UCI Adult, three seeds of each. What is measured is the INT8 graph that would be served;
all graphs of a seed are timed interleaved in one process, and a ratio is to the default's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean
from typing import Any

from common import adult, in_memory, trained, write_between
from quantization import BATCH, medians
from sklearn.metrics import roc_auc_score

from gatehouse.pipeline.quantize import quantize
from gatehouse.pipeline.settings import TrainSettings

SEEDS = (0, 1, 2)
CALLS = 400
TEACHER = {"teacher": "lightgbm"}
VARIANTS: dict[str, dict[str, Any]] = {
    "default: 128, 128": {},
    "pruned by half: 64, 64": {"prune": {"share": 0.5}},
    "pruned to a quarter: 32, 32": {"prune": {"share": 0.75}},
    "trained at 32, 32": {"hidden": [32, 32]},
    "trained at 32, 32 with a teacher": {"hidden": [32, 32], "distill": TEACHER},
    "default with a teacher": {"distill": TEACHER},
}


def variant(settings: TrainSettings, changes: dict[str, Any], seed: int) -> TrainSettings:
    """The settings with changes of `torch_mlp`."""
    values = settings.model_dump(mode="json")
    values["torch_mlp"] |= changes
    return TrainSettings.model_validate(values | {"seed": seed})


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("packages/gatehouse/docs/tuning.md"))
    out: Path = parser.parse_args().out
    settings, data, test = adult()
    labels = data.labels(test)
    found: dict[str, list[tuple[float, int, float, float]]] = {name: [] for name in VARIANTS}
    for seed in SEEDS:
        graphs = {
            name: quantize(
                trained(data, variant(settings.train, changes, seed)),
                settings.quantize.method,
                data.train,
            )
            for name, changes in VARIANTS.items()
        }
        model = in_memory(next(iter(graphs.values())))
        single = medians(graphs, [model.feeds(test.iloc[[i]]) for i in range(64)], CALLS)
        batches = [model.feeds(test.iloc[i * BATCH : (i + 1) * BATCH]) for i in range(8)]
        many = medians(graphs, batches, CALLS // 10)
        first = next(iter(graphs))
        for name, content in graphs.items():
            area = float(roc_auc_score(labels, in_memory(content).scores(test)))
            ratios = single[name] / single[first], many[name] / many[first]
            found[name].append((area, len(content), *ratios))
    lines = [
        "| network | ROC AUC | KiB (INT8) | single row, ratio | batch of 256, ratio |",
        "|---|---|---|---|---|",
    ]
    for name, values in found.items():
        area, size, one, many_rows = (mean(part) for part in zip(*values, strict=True))
        lines.append(f"| {name} | {area:.4f} | {size / 1024:.0f} | {one:.2f} | {many_rows:.2f} |")
    write_between(out, "compression", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
