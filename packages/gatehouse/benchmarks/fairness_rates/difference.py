"""How often the comparison of gaps with the base errs, and what it sees.

    nice .venv/bin/python packages/gatehouse/benchmarks/fairness_rates/difference.py

Two models decide on the same rows. The share of rows given as "shared" uses the same random number
for both models, so these rows are decided differently only if the rates differ. 30 % of the rows
are positive. "held" is the share of draws whose 90 % interval holds the true difference of the
equalized odds differences, "worse" the share whose interval lies above 0, and "blocks" the share
in which the default rule fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gatehouse.evidence import Of
from gatehouse.gates.fairness.measure import measure_partitions
from gatehouse.gates.predictions import Predictions
from gatehouse.judge import decide
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Outcome

GAP = "equalized_odds_difference"
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 400
RULE = "fairness-base"


@dataclass(frozen=True)
class Case:
    """Groups, and each model's true positive rates and false positive rates by group."""

    name: str
    sizes: Sequence[int]
    base: tuple[Sequence[float], Sequence[float]]
    ours: tuple[Sequence[float], Sequence[float]]
    shared: float = 0.8
    weights: bool = False
    cluster: int = 1

    @property
    def truth(self) -> float:
        now, then = (
            max(float(np.ptp(rates)) for rates in model) for model in (self.ours, self.base)
        )
        return now - then


def even(count: int, tpr: float = 0.6, fpr: float = 0.1) -> tuple[list[float], list[float]]:
    return [tpr] * count, [fpr] * count


def pair(first: float, second: float) -> tuple[list[float], list[float]]:
    return [first, second], [0.1, 0.1]


SAME, WORSE = pair(0.6, 0.535), pair(0.6, 0.411)
SIX = (3000, 1500, 600, 400, 300, 200)
LARGE = (2000, 1500, 800, 800, 800, 800)
LAST, FIFTH = ([0.6] * 5 + [0.5], [0.1] * 6), ([0.6] * 4 + [0.5, 0.6], [0.1] * 6)
CASES = [
    Case("2 groups, gaps of 0", (5000, 2000), even(2), even(2)),
    Case("2 groups, gaps of 0.065", (5000, 2000), SAME, SAME),
    Case("2 groups, gaps of 0.065, models independent", (5000, 2000), SAME, SAME, 0.0),
    Case("2 groups, 0.065 to 0.189", (5000, 2000), SAME, WORSE),
    Case("2 groups, 0.065 to 0.189, 1,000 rows", (700, 300), SAME, WORSE),
    Case("2 groups, 0.189 to 0.065", (5000, 2000), WORSE, SAME),
    Case("2 small groups, gaps of 0", (400, 170), even(2), even(2)),
    Case(
        "2 small groups, rates near 0 and 1", (400, 170), even(2, 0.97, 0.01), even(2, 0.97, 0.01)
    ),
    Case("6 groups, gaps of 0", SIX, even(6), even(6)),
    Case("6 groups, gaps of 0, models independent", SIX, even(6), even(6), 0.0),
    Case("6 groups, 0 to 0.20 in the smallest", SIX, even(6), ([0.6] * 5 + [0.4], [0.1] * 6)),
    Case("6 groups, 0.10 in one, then in another", LARGE, LAST, FIFTH),
    Case(
        "6 groups, 0.10 in one, then in half of the pairs", LARGE, LAST, ([0.6, 0.5] * 3, [0.1] * 6)
    ),
    Case("40 groups, gaps of 0", (400,) * 40, even(40), even(40)),
    Case("80 groups, gaps of 0", (300,) * 80, even(80), even(80)),
    Case("2 groups, weights of 1 and 20", (5000, 2000), SAME, SAME, weights=True),
    Case("2 groups, units of 20 rows", (12000, 6000), SAME, SAME, cluster=20),
    Case("2 groups, units of 20 rows, 0.065 to 0.189", (12000, 6000), SAME, WORSE, cluster=20),
]


def draw(
    case: Case, rng: np.random.Generator
) -> tuple[pd.DataFrame, tuple[Predictions, Predictions]]:
    groups = np.repeat(np.arange(len(case.sizes)), case.sizes)
    n = len(groups)
    units = np.arange(n) // case.cluster
    labels = rng.random(n) < 0.3
    if case.cluster > 1:  # a unit's rows are alike: half of them use the unit's random number
        common, own = rng.random(units.max() + 1)[units], rng.random(n)
        chance = np.where(rng.random(n) < 0.5, common, own)
        labels = rng.random(units.max() + 1)[units] < 0.3
    else:
        chance = rng.random(n)
    fresh = np.where(rng.random(n) < case.shared, chance, rng.random(n))
    weights = np.where(rng.random(n) < 0.1, 20.0, 1.0) if case.weights else None
    said = []
    for rates, number in ((case.ours, fresh), (case.base, chance)):
        level = np.where(labels, np.asarray(rates[0])[groups], np.asarray(rates[1])[groups])
        decisions = (number < level).astype(np.float64)
        said.append(
            Predictions(
                labels.astype(np.float64), decisions, decisions, weights=weights,
                units=units if case.cluster > 1 else None,
            )
        )  # fmt: skip
    return pd.DataFrame({"g": groups}), (said[0], said[1])


def run(case: Case, policy: Policy, limit: float = 0.05) -> dict[str, float]:
    rng = np.random.default_rng(0)
    counts = {"held": 0, "worse": 0, "blocks": 0, "absolute blocks": 0, "absolute held": 0}
    absolute = policy.rules["fairness-equalized-odds"]
    width = []
    for _ in range(RUNS):
        rows, models = draw(case, rng)
        found = {(m.name, m.of): m for m in measure_partitions(rows, [("g",)], models, policy, 1)
                 if m.slice == "g"}  # fmt: skip
        m = found[GAP, Of.COMPARISON]
        assert m.interval
        counts["held"] += m.interval.low - 1e-9 <= case.truth <= m.interval.high + 1e-9
        counts["worse"] += m.interval.low > 0
        width.append(m.interval.high - m.interval.low)
        if RULE in policy.rules:
            counts["blocks"] += decide(policy.rules[RULE], m)[0] is Outcome.FAIL
        own = found[GAP, Of.CANDIDATE]
        assert own.interval
        counts["absolute blocks"] += decide(absolute, own)[0] is Outcome.FAIL
        true = max(float(np.ptp(rates)) for rates in case.ours)
        counts["absolute held"] += own.interval.low - 1e-9 <= true <= own.interval.high + 1e-9
    return {k: v / RUNS for k, v in counts.items()} | {"width": float(np.mean(width))}


def main() -> None:
    policy = load_policy(Path("policy.yaml"))
    measure = policy.measure.model_copy(update={"resamples": 500})
    policy = policy.model_copy(update={"measure": measure})
    for case in CASES:
        t = time.process_time()
        print(
            f"{case.name:45} {case.truth:+.3f}",
            {k: round(v, 3) for k, v in run(case, policy).items()},
            round(time.process_time() - t, 1),
            flush=True,
        )


if __name__ == "__main__":
    main()
