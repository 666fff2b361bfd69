"""The default trainer beside LightGBM on UCI Adult, and what the fairness penalty does there.

    GATEHOUSE_ADULT_DIR=... .venv/bin/python packages/gatehouse/benchmarks/model/adult.py

Writes benchmarks/model/RESULTS.md. Judged on the official test file, with the inputs of
contract.yaml (neither sex nor race) and the settings of params.yaml. LightGBM, which stops
nowhere early, is given the rows of train and valid together.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from common import adult, in_memory, trained
from fairlearn.metrics import equalized_odds_difference
from numpy.typing import NDArray

from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.metrics import BY_NAME
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions
from gatehouse.pipeline.settings import TrainSettings
from gatehouse.pipeline.trainer import TrainingData

SEEDS = (0, 1, 2)
WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0)
BINS = 15
METRICS = ("roc_auc", "accuracy", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Outcome:
    """What one trained model gave on the test rows."""

    metrics: dict[str, float]
    seconds: float
    decisions: NDArray[np.bool_]


def measured(
    data: TrainingData, test: pd.DataFrame, scores: NDArray[np.float64], seconds: float
) -> Outcome:
    labels = data.labels(test).astype(np.float64)
    decisions = scores >= 0.5
    sample = Sample(
        Predictions(labels, scores, decisions.astype(np.float64)),
        AccuracyMeasure(calibration_bins=BINS),
    )
    once = np.ones((1, len(test)))
    return Outcome(
        {m: float(BY_NAME[m].weighted(sample)(once)[0]) for m in METRICS}, seconds, decisions
    )


def ours(data: TrainingData, test: pd.DataFrame, settings: TrainSettings) -> Outcome:
    start = perf_counter()
    content = trained(data, settings)
    seconds = perf_counter() - start
    return measured(data, test, in_memory(content).scores(test), seconds)


def lightgbm(data: TrainingData, test: pd.DataFrame, seed: int) -> Outcome:
    from lightgbm import LGBMClassifier

    def features(frame: pd.DataFrame) -> pd.DataFrame:
        columns = {
            name: pd.Categorical(frame[name], categories=column.categories)
            if column.categories
            else frame[name]
            for name, column in data.contract.inputs.items()
        }
        return pd.DataFrame(columns)

    rows = pd.concat([data.train, data.valid])
    start = perf_counter()
    model = LGBMClassifier(random_state=seed, verbose=-1).fit(features(rows), data.labels(rows))
    seconds = perf_counter() - start
    return measured(data, test, np.asarray(model.predict_proba(features(test)))[:, 1], seconds)


def row(name: str, outcomes: list[Outcome], more: list[str] | None = None) -> str:
    cells = []
    for metric in METRICS:
        values = [outcome.metrics[metric] for outcome in outcomes]
        cells.append(f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})")
    return "| " + " | ".join([name, *cells, *(more or [])]) + " |"


def comparison(data: TrainingData, test: pd.DataFrame, settings: TrainSettings) -> str:
    seeded = [settings.model_copy(update={"seed": seed}) for seed in SEEDS]
    runs = {
        "`pipeline.network:torch_mlp`": [ours(data, test, s) for s in seeded],
        "LightGBM, defaults": [lightgbm(data, test, seed) for seed in SEEDS],
    }
    head = ["| model | ROC AUC | accuracy | log loss | calibration error | seconds |"]
    head.append("|---|---|---|---|---|---|")
    rows = [
        row(name, outcomes, [f"{np.median([o.seconds for o in outcomes]):.1f}"])
        for name, outcomes in runs.items()
    ]
    return "\n".join([*head, *rows])


def penalties(data: TrainingData, test: pd.DataFrame, settings: TrainSettings) -> str:
    labels = data.labels(test)
    lines = [
        "| weight | equalized odds difference by sex | accuracy | ROC AUC |",
        "|---|---|---|---|",
    ]
    for weight in WEIGHTS:
        penalty = settings.torch_mlp.fairness_penalty.model_copy(
            update={"attribute": "sex", "weight": weight}
        )
        options = settings.torch_mlp.model_copy(update={"fairness_penalty": penalty})
        outcomes = [
            ours(data, test, settings.model_copy(update={"torch_mlp": options, "seed": seed}))
            for seed in SEEDS
        ]
        gaps = [
            equalized_odds_difference(labels, o.decisions, sensitive_features=test["sex"])
            for o in outcomes
        ]
        accuracy, auc = (
            np.mean([o.metrics[name] for o in outcomes]) for name in ("accuracy", "roc_auc")
        )
        lines.append(
            f"| {weight:g} | {np.mean(gaps):.3f} ({min(gaps):.3f} to {max(gaps):.3f}) "
            f"| {accuracy:.4f} | {auc:.4f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    out: Path = parser.parse_args().out
    settings, data, test = adult()
    sizes = f"{len(data.train):,} train, {len(data.valid):,} valid and {len(test):,} test rows"
    out.write_text(
        f"""# The default trainer on UCI Adult

    GATEHOUSE_ADULT_DIR=... .venv/bin/python packages/gatehouse/benchmarks/model/adult.py

{sizes}; the test rows are the official ones. Inputs: {", ".join(data.contract.inputs)}.
Means over the seeds {", ".join(map(str, SEEDS))}, in brackets the least and the largest. The
calibration error is the expected one over {BINS} bins of equal mass. Seconds are of this machine
and of training alone, imports and export included for the MLP. LightGBM is given train and valid.

## Beside LightGBM

{comparison(data, test, settings.train)}

## The fairness penalty

`train.torch_mlp.fairness_penalty: {{attribute: sex, weight: ...}}`; the difference is Fairlearn's
`equalized_odds_difference` of the decisions at 0.5. Weight 0 is the default: off.

{penalties(data, test, settings.train)}
""",
        encoding="utf-8",
    )
    print(f"{out}: written")


if __name__ == "__main__":
    main()
