"""Every trainer of one line on UCI Adult: writes the table in benchmarks/trainers/README.md.

    make setup EXTRAS=1
    export GATEHOUSE_ADULT_DIR=FOLDER OMP_NUM_THREADS=1
    export PYTHONPATH=packages/gatehouse/benchmarks/model
    .venv/bin/python packages/gatehouse/benchmarks/trainers/compare.py

Without GATEHOUSE_ADULT_DIR it takes simulated rows, and says so. Without the extras it leaves Keras
out.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from time import perf_counter

import pandas as pd
from common import in_memory, splits, trained, write_between
from fairlearn.metrics import equalized_odds_difference
from quantization import medians
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from gatehouse.errors import GatehouseError
from gatehouse.pipeline.quantize import quantize
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainingData

DEFAULT = "pipeline.network:torch_mlp"
NAMES = ("logistic_regression", "hist_gradient_boosting", "xgboost", "lightgbm", "keras_mlp")
TRAINERS = (DEFAULT, *NAMES)
SEEDS = (0, 1, 2)
ROUNDS, CALLS = 9, 300


@dataclass
class Outcome:
    """What one trainer gave, a value for each seed; `served` is of the first."""

    accuracy: list[float] = field(default_factory=list)
    roc_auc: list[float] = field(default_factory=list)
    odds: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    served: bytes = b""
    native: bool = False


def measured(name: str, data: TrainingData, test: pd.DataFrame) -> Outcome:
    """Train with each seed, and look at the served graphs."""
    outcome = Outcome()
    few = TrainingData(data.contract, data.train.iloc[:1000], data.valid.iloc[:500])
    trained(few, TrainSettings(trainer=name))  # imports the library
    labels = data.labels(test)
    for seed in SEEDS:
        start = perf_counter()
        content = trained(data, TrainSettings(trainer=name, seed=seed))
        outcome.seconds.append(perf_counter() - start)
        served = quantize(content, "static", data.train)
        if not outcome.served:
            outcome.served, outcome.native = served, served == content
        scores = in_memory(served).scores(test)
        decisions = scores >= 0.5
        outcome.accuracy.append(float((decisions == labels).mean()))
        outcome.roc_auc.append(float(roc_auc_score(labels, scores)))
        gap = equalized_odds_difference(labels, decisions, sensitive_features=test["sex"])
        outcome.odds.append(float(gap))
    return outcome


def table(outcomes: dict[str, Outcome], test: pd.DataFrame) -> list[str]:
    """The rows of the table, the default trainer first."""
    graphs = {name: outcome.served for name, outcome in outcomes.items()}
    feeds = [in_memory(graphs[DEFAULT]).feeds(test.iloc[[i]]) for i in range(64)]
    rounds = [medians(graphs, feeds, CALLS) for _ in tqdm(range(ROUNDS), "latency", disable=None)]
    lines = [
        "| trainer | accuracy | ROC AUC | equalized odds difference, sex | served | one row, us "
        "| ratio | KiB | training, s | ratio |",
        "| :--- | ---: | ---: | ---: | :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    usual = median(outcomes[DEFAULT].seconds)
    for name, outcome in outcomes.items():
        cells = [
            f"`{name}`",
            *(spread(v, 4) for v in (outcome.accuracy, outcome.roc_auc)),
            spread(outcome.odds, 3),
            "native" if outcome.native else "INT8",
            f"{median(r[name] for r in rounds) / 1000:.0f}",
            f"{median(r[name] / r[DEFAULT] for r in rounds):.2f}",
            f"{len(outcome.served) / 1024:.0f}",
            f"{median(outcome.seconds):.1f}",
            f"{median(outcome.seconds) / usual:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def spread(values: list[float], digits: int) -> str:
    """Mean, least and largest."""
    low, high = min(values), max(values)
    return f"{mean(values):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("README.md"))
    out: Path = parser.parse_args().out
    source = "adult" if "GATEHOUSE_ADULT_DIR" in os.environ else "simulated"
    if source == "simulated":
        print("GATEHOUSE_ADULT_DIR names no folder with UCI Adult: simulated rows take its place")
    _, data, test = splits(source)
    outcomes: dict[str, Outcome] = {}
    for name in tqdm(TRAINERS, "trainers", disable=None):
        try:
            outcomes[name] = measured(name, data, test)
        except GatehouseError as error:
            print(f"{name}: left out: {error}")
    rows = "UCI Adult" if source == "adult" else "**Simulated rows, not UCI Adult**"
    sizes = f"{len(data.train):,} train, {len(data.valid):,} valid, {len(test):,} test rows"
    lines = ["", f"{rows}: {sizes}.", "", *table(outcomes, test), ""]
    write_between(out, "trainers", "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
