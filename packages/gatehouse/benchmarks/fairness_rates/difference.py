"""How often the comparison of gaps with the base errs, and what it sees.

    nice .venv/bin/python packages/gatehouse/benchmarks/fairness_rates/difference.py

Two models decide on the same rows. The share of rows that is "shared" uses the same random number
for both models, so these rows are decided differently only if the rates differ; it is 80 %, or 0
if the models are independent. 30 % of the rows are positive. The gap is the equalized odds
difference. "Held" is the share of draws whose interval holds the truth, and "surely worse" the
share whose interval of the difference lies above 0.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gatehouse.contract import Task
from gatehouse.decide import decide
from gatehouse.evidence import Of
from gatehouse.gates.fairness.measure import measure_partitions
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Outcome

GAP = "equalized_odds_difference"
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
ABSOLUTE, RULE = "fairness-equalized-odds", "fairness-equalized-odds-base"


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


def run(case: Case, policy: Policy) -> list[str]:
    """Return a line of the table."""
    rng = np.random.default_rng(0)
    hits: Counter[str] = Counter()
    width = []
    own_gap = max(float(np.ptp(rates)) for rates in case.ours)
    for _ in range(RUNS):
        rows, models = draw(case, rng)
        found = {(m.name, m.of): m for m in measure_partitions(rows, [("g",)], models, policy, 1)
                 if m.slice == "g"}  # fmt: skip
        change, own = found[GAP, Of.COMPARISON], found[GAP, Of.CANDIDATE]
        assert change.interval
        assert own.interval
        width.append(change.interval.high - change.interval.low)
        hits["own held"] += own.interval.low - 1e-9 <= own_gap <= own.interval.high + 1e-9
        hits["held"] += change.interval.low - 1e-9 <= case.truth <= change.interval.high + 1e-9
        hits["worse"] += change.interval.low > 0
        before = decide(policy.rules[ABSOLUTE], own)[0] is Outcome.FAIL
        hits["before"] += before
        hits["after"] += before or decide(policy.rules[RULE], change)[0] is Outcome.FAIL
    kinds = ("own held", "held", "worse", "before", "after")
    shares = [f"{hits[kind] / RUNS:.1%}" for kind in kinds]
    return [case.name, f"{case.truth:+.3f}", f"{np.mean(width):.3f}", *shares]


def tails(n: int, policy: Policy) -> list[str]:
    """Return how often the gap of mean errors is held, with t3 errors and 3 groups."""
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [4 * n, 2 * n, n])
    held: Counter[str] = Counter()
    for _ in range(RUNS):
        truth = rng.normal(0, 1, len(groups))
        wide = rng.standard_t(3, len(groups)) * np.array([1.0, 1.0, 1.5])[groups]
        guess = truth + wide + np.array([0.0, 0.0, 0.5])[groups]
        models = [Predictions(truth, guess, guess, Task.REGRESSION)]
        measured = measure_partitions(pd.DataFrame({"g": groups}), [("g",)], models, policy, 1)
        found = {m.name: m for m in measured if m.slice == "g"}
        sigma = float(np.subtract(*np.quantile(truth, [0.75, 0.25]))) / 1.349
        loss = LOSS_GAP / sigma
        for name, true in (("group_loss_difference", loss), ("mean_error_difference", 0.5 / sigma)):
            interval = found[name].interval
            assert interval
            held[name] += interval.low <= true <= interval.high
    return [f"{n:,}", *(f"{held[name] / RUNS:.1%}" for name in sorted(held))]


def mean_loss(scale: float, bias: float) -> float:
    """Return the mean of |scale t + bias| for t with 3 degrees of freedom, by quantiles."""
    from scipy.stats import t

    return float(np.abs(scale * t.ppf((np.arange(2_000_000) + 0.5) / 2_000_000, 3) + bias).mean())


LOSS_GAP = mean_loss(1.5, 0.5) - mean_loss(1.0, 0.0)


def main() -> None:
    started = time.process_time()
    policy = load_policy(Path("policy.yaml"))
    measure = policy.measure.model_copy(update={"resamples": 500})
    policy = policy.model_copy(update={"measure": measure})
    header = ["groups", "true difference", "mean width", "candidate's gap held", "difference held",
              "surely worse", "blocked before", "blocked now"]  # fmt: skip
    lines = [run(case, policy) for case in CASES]
    tail = [tails(n, policy) for n in (120, 300, 1000)]
    text = f"""# Fairness against the base

`nice .venv/bin/python packages/gatehouse/benchmarks/fairness_rates/difference.py`
({time.process_time() - started:.0f} CPU s)

{__doc__.split("difference.py")[1].strip()}

{table(header, lines)}

{RUNS} draws a line, 500 resamples, intervals at {measure.fairness.confidence:.0%}.
"Blocked before" is the absolute rule alone (at most {policy.rules[ABSOLUTE].limit:g}), "blocked
now" this rule or the comparison (at most {policy.rules[RULE].limit:g}). Where groups have the same
rate, any pair of them may have the largest gap, and the interval is wider than it needs to be.

## Errors with heavy tails

Three groups of 4 n, 2 n and n rows. Errors are Student's with 3 degrees of freedom; those of the
smallest group are 1.5 times as large and shifted by 0.5. The share of 90 % intervals that hold the
true gap. Resampling rows held 83 to 93 % of them.

{table(["n", "group loss difference", "mean error difference"], tail)}
"""
    Path(__file__).with_name("README.md").write_text(text, "utf-8")
    print(text)


def table(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
