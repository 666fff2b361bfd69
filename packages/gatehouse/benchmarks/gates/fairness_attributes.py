"""What many protected attributes cost, and how often one of many gaps is claimed falsely.

    .venv/bin/python packages/gatehouse/benchmarks/gates/fairness_attributes.py

Attributes of four equally frequent groups each, independent of each other; 30 % of the rows are
positive, and the model selects at a TPR of 0.60 and an FPR of 0.10. A false claim is a lower end
above the true gap, in any of the gaps that are looked at. "Alone" takes each gap's interval by
itself, "together" is the gate's. Then the first attribute's first group gets a TPR that is lower by
0.25, against a limit of 0.10: how often its gap fails.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from results import share, table, write

from gatehouse.gates.fairness.measure import measure_partitions, measure_rows, partitions
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy, load_policy

SEED = 0
RUNS = 80
RESAMPLES = 300
ROWS = 10_000
GAP = "equalized_odds_difference"
ATTRIBUTES = (1, 3, 5, 7)
POSITIVE, TPR, FPR = 0.3, 0.60, 0.10
LIMIT, DISPARITY = 0.10, 0.25
COST_ROWS = 20_000


def sample(
    attributes: int, rows: int, disparity: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, Predictions]:
    groups = pd.DataFrame({f"a{i}": rng.choice(list("wxyz"), rows) for i in range(attributes)})
    labels = rng.random(rows) < POSITIVE
    tpr = np.where(groups["a0"] == "w", TPR - disparity, TPR)
    decisions = (rng.random(rows) < np.where(labels, tpr, FPR)).astype(np.float64)
    return groups, Predictions(labels.astype(np.float64), decisions, decisions)


def lower_ends(
    groups: pd.DataFrame,
    said: Predictions,
    chosen: list[tuple[str, ...]],
    family: int,
    policy: Policy,
) -> dict[str, list[float]]:
    """Of the equalized odds difference of each partition, alone and among `family` gaps."""
    found: dict[str, list[float]] = {"alone": [], "together": []}
    for name, size in (("alone", 1), ("together", family)):
        measured = measure_partitions(groups, chosen, [said], policy, size)
        found[name] = [m.interval.low for m in measured if m.name == GAP and m.interval]
    return found


def main() -> None:
    started = time.perf_counter()
    policy = load_policy(Path("policy.yaml"))
    depth = policy.measure.fairness.depth
    measure = policy.measure.model_copy(update={"resamples": RESAMPLES})
    quick = policy.model_copy(update={"measure": measure})
    lines = []
    for attributes in ATTRIBUTES:
        chosen = partitions([f"a{i}" for i in range(attributes)], depth)
        rng = np.random.default_rng(SEED)
        hits: Counter[str] = Counter()
        for _ in range(RUNS):
            even = lower_ends(*sample(attributes, ROWS, 0.0, rng), chosen, len(chosen), quick)
            uneven = sample(attributes, ROWS, DISPARITY, rng)
            first = lower_ends(*uneven, [("a0",)], len(chosen), quick)
            for name in ("alone", "together"):
                hits[f"false {name}"] += max(even[name]) > 0
                hits[f"seen {name}"] += first[name][0] > LIMIT
        groups, said = sample(attributes, COST_ROWS, 0.0, rng)
        begun = time.process_time()
        measurements = len(measure_rows(groups, list(groups), [said], policy))
        cost = time.process_time() - begun
        kinds = ("false alone", "false together", "seen alone", "seen together")
        lines.append(
            [
                str(attributes), str(2**attributes - 1), str(len(chosen)),
                *(share(hits[kind], RUNS) for kind in kinds), str(measurements), f"{cost:.1f}",
            ]
        )  # fmt: skip
    header = [
        "attributes", "all intersections", "gaps looked at", "false claim in any, alone",
        "together", f"gap of {DISPARITY:g} fails {LIMIT:g}, alone", "together", "measurements",
        "CPU s",
    ]  # fmt: skip
    text = f"""{table(header, lines)}

{RUNS} draws a line of {ROWS:,} rows, {RESAMPLES} resamples, seed {SEED}, intervals at
{policy.measure.fairness.confidence:.0%}, depth {depth}, 95 % Wilson intervals of the shares.
Measurements and CPU seconds are of {COST_ROWS:,} rows and the policy's {policy.measure.resamples:,}
resamples."""
    write("fairness_attributes", "Fairness: many attributes", text, started)


if __name__ == "__main__":
    main()
