"""How often the fairness gate fails groups that are treated alike, and sees one that isn't.

    PYTHONPATH=src python benchmarks/gates/fairness_false_fail.py

Two groups: one of 5,000 rows, and a small one. In both, 30 % of the rows are positive, and the
model selects 25 %, with a TPR of 0.60 and an FPR of 0.10; where a disparity is planted, the small
group's TPR and FPR are lower by it. The gate's own measurements and three-way decision, with one
limit for all rows of the table; "naive" fails where the gap itself exceeds the limit.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
from results import share, table, write

from gatehouse.evidence import Gate
from gatehouse.gates.bootstrap import Predictions
from gatehouse.gates.fairness import measure_partition
from gatehouse.judge import decide
from gatehouse.policy import Policy, Rule, load_policy
from gatehouse.verdict import Outcome

SEED = 0
RUNS = 100
RESAMPLES = 500
LARGE = 5_000
SMALL = (50, 200, 500, 2_000)
LIMIT = 0.10
DISPARITY = 0.20
POSITIVE, TPR, FPR = 0.3, 0.60, 0.10
GAPS = ("demographic_parity_difference", "equalized_odds_difference")


def sample(
    small: int, gap: str, disparity: float, rng: np.random.Generator
) -> tuple[np.ndarray, Predictions]:
    """Rows of both groups; `disparity` is the true value of `gap`."""
    groups = np.array(["large"] * LARGE + ["small"] * small, object)
    labels = rng.random(len(groups)) < POSITIVE
    inside = groups == "small"
    tpr = np.full(len(groups), TPR)
    fpr = np.full(len(groups), FPR)
    if gap == "equalized_odds_difference":
        tpr[inside] -= disparity
    else:  # both rates move, and with them the share that is selected
        tpr[inside] += disparity
        fpr[inside] += disparity
    chance = np.where(labels, tpr, fpr)
    decisions = (rng.random(len(groups)) < chance).astype(np.float64)
    return groups, Predictions(labels.astype(np.float64), decisions, decisions)


def run(small: int, gap: str, disparity: float, policy: Policy) -> Counter[str]:
    """Outcomes of `RUNS` draws."""
    rule = Rule(gate=Gate.FAIRNESS, measurement=gap, slice="g", at_most=LIMIT, why="benchmark")
    rng = np.random.default_rng(SEED)
    counts: Counter[str] = Counter()
    for _ in range(RUNS):
        groups, predictions = sample(small, gap, disparity, rng)
        (measured,) = (
            m for m in measure_partition("g", groups, predictions, policy) if m.name == gap
        )
        counts[decide(rule, measured)[0]] += 1
        rates = []
        for group in ("large", "small"):
            inside = groups == group
            y, d = predictions.labels[inside], predictions.decisions[inside]
            of_group = [d.mean()] if gap == GAPS[0] else [d[y == 1].mean(), d[y == 0].mean()]
            rates.append(np.array(of_group))
        counts["naive"] += bool(np.abs(rates[0] - rates[1]).max() > LIMIT)
    return counts


def main() -> None:
    started = time.perf_counter()
    policy = load_policy(Path("policy.yaml"))
    measure = policy.measure.model_copy(update={"resamples": RESAMPLES})
    policy = policy.model_copy(update={"measure": measure})
    lines = []
    for gap in GAPS:
        for small in SMALL:
            for disparity in (0.0, DISPARITY):
                counts = run(small, gap, disparity, policy)
                lines.append(
                    [
                        f"`{gap}`", f"{small:,}", f"{disparity:g}", share(counts["naive"], RUNS),
                        share(counts[Outcome.FAIL], RUNS),
                        share(counts[Outcome.INCONCLUSIVE], RUNS),
                        share(counts[Outcome.PASS], RUNS),
                    ]
                )  # fmt: skip
    header = [
        "gap", "rows of the small group", "true gap", "naive: fail", "gate: fail",
        "gate: inconclusive", "gate: pass",
    ]  # fmt: skip
    fairness = measure.fairness
    text = f"""{table(header, lines)}

{RUNS} draws a line, {RESAMPLES} resamples, seed {SEED}, limit {LIMIT:g}, 95 % Wilson intervals.
Intervals of the gate are two-sided at {fairness.confidence:.0%}; groups decide from
{fairness.minimum_rows} rows on, and on error rates from {fairness.minimum_class_rows} positives and
{fairness.minimum_class_rows} negatives on."""
    write("fairness_false_fail", "Fairness: false fails and detection", text, started)


if __name__ == "__main__":
    main()
