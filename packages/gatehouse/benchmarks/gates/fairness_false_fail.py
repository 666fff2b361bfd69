"""How often the fairness gate fails groups that are treated alike, and sees one that isn't.

    .venv/bin/python packages/gatehouse/benchmarks/gates/fairness_false_fail.py

Two groups: one of 5,000 rows, and a small one. In both, 30 % of the rows are positive, and the
model selects 25 %, with a TPR of 0.60 and an FPR of 0.10; where a disparity is planted, the small
group's TPR and FPR are lower by it. The gate's own measurements and three-way decision, with one
limit for all rows of the table; "naive" fails where the gap itself exceeds the limit.

Then eight groups, most of them small, whose true positive rates are given: how often the interval
of the largest gap holds the true one, and how often a true gap of 0.20 fails a limit of 0.25. The
percentile bootstrap of the maximum stands beside it.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from results import share, table, write

from gatehouse.decide import decide
from gatehouse.gates.fairness.gaps import Draws, largest_gap
from gatehouse.gates.fairness.means import Rows
from gatehouse.gates.fairness.measure import measure_rows
from gatehouse.gates.predictions import Predictions
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

POSITIVES = np.array([1500, 300, 120, 60, 60, 55, 52, 50])
MANY_RUNS = 500
MANY_LIMIT = 0.25
MANY = {
    "all 0.60": (0.6,) * 8,
    "one small group 0.40, others 0.60": (*(0.6,) * 7, 0.4),
    "0.50 to 0.70": (0.6, 0.55, 0.65, 0.5, 0.7, 0.6, 0.6, 0.6),
    "one small group 0.03, others 0.28": (*(0.28,) * 7, 0.03),
    "one small group 0.10, others 0.60": (*(0.6,) * 7, 0.1),
}


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
    rule = Rule(gate="fairness", measurement=gap, slice="g", at_most=LIMIT, why="benchmark")
    rng = np.random.default_rng(SEED)
    counts: Counter[str] = Counter()
    for _ in range(RUNS):
        groups, predictions = sample(small, gap, disparity, rng)
        found = measure_rows(pd.DataFrame({"g": groups}), ["g"], [predictions], policy)
        (measured,) = (m for m in found if m.name == gap)
        counts[decide(rule, measured)[0]] += 1
        rates = []
        for group in ("large", "small"):
            inside = groups == group
            y, d = predictions.labels[inside], predictions.decisions[inside]
            of_group = [d.mean()] if gap == GAPS[0] else [d[y == 1].mean(), d[y == 0].mean()]
            rates.append(np.array(of_group))
        counts["naive"] += bool(np.abs(rates[0] - rates[1]).max() > LIMIT)
    return counts


def many_groups(rates: tuple[float, ...], policy: Policy) -> list[str]:
    """Coverage and fails of the gate's interval and of the percentile bootstrap's, as cells."""
    rng = np.random.default_rng(SEED)
    true, confidence = np.array(rates), policy.measure.fairness.confidence
    gap = float(np.ptp(true))
    held: Counter[str] = Counter()
    fails: Counter[str] = Counter()
    for run in range(MANY_RUNS):
        hits = rng.binomial(POSITIVES, true)
        groups = np.arange(len(hits))
        rows = np.concatenate([hits, POSITIVES - hits]).astype(np.float64)
        measured = Rows(np.tile(groups, 2), len(hits), rows, rows, rows).means(
            [np.repeat([1.0, 0.0], len(hits))]
        )
        found = largest_gap([measured], Draws(confidence, RESAMPLES, run))
        assert found is not None
        plain = rng.binomial(POSITIVES, hits / POSITIVES, (RESAMPLES, len(POSITIVES))) / POSITIVES
        tail = (1 - confidence) / 2
        percentile = np.quantile(np.ptp(plain, axis=1), [tail, 1 - tail])
        ends = {"gate": (found[1].low, found[1].high), "percentile": tuple(percentile)}
        for name, (low, high) in ends.items():
            held[name] += low <= gap + 1e-9 and gap <= high + 1e-9
            fails[name] += low > MANY_LIMIT
    shares = [share(c[name], MANY_RUNS) for c in (held, fails) for name in ("gate", "percentile")]
    return [f"{gap:.2f}", *shares]


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
    many = [[name, *many_groups(rates, policy)] for name, rates in MANY.items()]
    many_header = [
        "true positive rates", "true largest gap", "gate: interval holds it",
        "percentile: holds it", "gate: fail", "percentile: fail",
    ]  # fmt: skip
    text = f"""{table(header, lines)}

{RUNS} draws a line, {RESAMPLES} resamples, seed {SEED}, limit {LIMIT:g}, 95 % Wilson intervals.
Intervals of the gate are two-sided at {fairness.confidence:.0%}; groups decide from
{fairness.minimum_rows} rows on, and on error rates from {fairness.minimum_class_rows} positives and
{fairness.minimum_class_rows} negatives on.

Eight groups of {", ".join(str(n) for n in POSITIVES)} positives, limit {MANY_LIMIT:g}, {MANY_RUNS}
draws a line:

{table(many_header, many)}"""
    write("fairness_false_fail", "Fairness: false fails and detection", text, started)


if __name__ == "__main__":
    main()
