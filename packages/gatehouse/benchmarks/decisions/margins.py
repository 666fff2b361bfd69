"""How the judge decides on equal and worse models: shares of pass, warning and failure, by rows.

    OMP_NUM_THREADS=1 .venv/bin/python packages/gatehouse/benchmarks/decisions/margins.py

Two models score the same test rows, a fifth of the table. Their logits are the true logit plus
noise. Of another family's, half of the noise is shared; of another training's, 85 %. The candidate
gets more noise until its true ROC AUC is lower by a share of the margin. Paired intervals are
DeLong's, Sun and Xu's fast form of it, so that thousands of test splits cost minutes. The margin is
the one that `gatehouse init` writes: from models of two families on a test split of that size.
Before: it was half of one model's interval, and an interval across the limit was inconclusive.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gatehouse.adopt.policy.accuracy import paired_margin
from gatehouse.evidence import Interval, Measurement, Of
from gatehouse.judge import decide
from gatehouse.policy import Rule

Floats = NDArray[np.float64]

TABLES = (1_000, 3_000, 30_000)
TEST = 0.2
LOSSES = (0.0, 0.5, 1.0, 2.0)
POSITIVES = 0.24
SIGNAL, NOISE = 2.0, 0.8
KINDS = {"another family": 0.5, "another training": 0.85}
POOL = 150_000
Z = NormalDist().inv_cdf(0.975)


def placements(labels: Floats, scores: Floats) -> tuple[float, Floats, Floats]:
    """AUC, and the placements of positives and negatives (Sun and Xu 2014)."""
    positive = labels > 0
    ranks, m, n = rankdata(scores), int(positive.sum()), int((~positive).sum())
    above = (ranks[positive] - rankdata(scores[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / m
    return float(above.mean()), above, below


def difference(labels: Floats, ours: Floats, theirs: Floats) -> Measurement:
    """The paired difference of the AUC with DeLong's 95 % interval."""
    (a, above, below), (b, above_b, below_b) = (placements(labels, s) for s in (ours, theirs))
    x, y = above - above_b, below - below_b
    error = math.sqrt(x.var(ddof=1) / len(x) + y.var(ddof=1) / len(y))
    value = a - b
    return Measurement(
        name="roc_auc", of=Of.COMPARISON, value=value, unit="1", n=len(labels), neutral=0.0,
        interval=Interval(low=value - Z * error, high=value + Z * error, confidence=0.95),
        method="DeLong",
    )  # fmt: skip


class Models:
    """The true logit, the base's and the candidate's noise, of a large pool of rows."""

    def __init__(self, seed: int, shares: float) -> None:
        rng = np.random.default_rng(seed)
        truth = rng.normal(-1.6, SIGNAL, POOL)
        self.labels = (rng.random(POOL) < 1 / (1 + np.exp(-truth))).astype(float)
        self.truth, shared = truth, rng.normal(size=POOL)
        mix = [math.sqrt(shares) * shared, math.sqrt(1 - shares)]
        self.base = truth + NOISE * (mix[0] + mix[1] * rng.normal(size=POOL))
        self.mine = mix[0] + mix[1] * rng.normal(size=POOL)
        self.more = rng.normal(size=POOL)
        self.auc = placements(self.labels, self.base)[0]

    def candidate(self, loss: float) -> Floats:
        """Scores whose AUC in the pool is lower than the base's by `loss`."""
        scores = self.truth + NOISE * self.mine
        low, high = -0.5, 4.0
        for _ in range(25):
            middle = (low + high) / 2
            better = placements(self.labels, self._with(scores, middle))[0] > self.auc - loss
            low, high = (middle, high) if better else (low, middle)
        return self._with(scores, low)

    def _with(self, scores: Floats, amount: float) -> Floats:
        return scores + amount * (self.more if amount > 0 else NOISE * self.mine)


def before(rule: Rule, measured: Measurement) -> str:
    """The outcome by the earlier decision, which looked at the interval and the limit alone."""
    return decide(rule, measured.model_copy(update={"neutral": None}))[0].value


def margin_of(models: Models, rows: int) -> tuple[float, float]:
    """The margins that init wrote and writes: by one model's interval, by the paired one."""
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, POOL, rows)
    labels = models.labels[chosen]
    _, above, below = placements(labels, models.base[chosen])
    alone = Z * math.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    widths, equal = [], models.candidate(0.0)
    for _ in range(20):
        chosen = rng.integers(0, POOL, rows)
        found = difference(models.labels[chosen], equal[chosen], models.base[chosen]).interval
        assert found is not None
        widths.append((found.high - found.low) / 2)
    return max(0.01, math.ceil(alone * 50) / 100), paired_margin(float(np.mean(widths)))


def shares(outcomes: Counter[str], runs: int) -> str:
    names = ("pass", "inconclusive", "fail")
    return " / ".join(f"{100 * outcomes[name] / runs:.1f}" for name in names)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=500)
    runs = options.parse_args().runs
    print("| candidate | table | test rows | margin before, now | true loss "
          "| before: pass / warn / fail, % | now |\n|---|---|---|---|---|---|---|")  # fmt: skip
    margins: dict[int, tuple[float, float]] = {}
    for kind, shared in KINDS.items():
        models = Models(0, shared)
        for table in TABLES:
            rows = int(table * TEST)
            old, new = margins.setdefault(rows, margin_of(models, rows))
            for loss in LOSSES:
                candidate = models.candidate(loss * new)
                seen: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
                rng = np.random.default_rng(2)
                for _ in range(runs):
                    chosen = rng.integers(0, POOL, rows)
                    found = difference(
                        models.labels[chosen], candidate[chosen], models.base[chosen]
                    )
                    seen[0][before(_rule(old), found)] += 1
                    seen[1][decide(_rule(new), found)[0].value] += 1
                what = f"{loss:g} margin" if loss else "none"
                cells = [kind, f"{table:,}", f"{rows:,}", f"{old:g}, {new:g}", what]
                cells += [shares(each, runs) for each in seen]
                print(f"| {' | '.join(cells)} |", flush=True)


def _rule(margin: float) -> Rule:
    return Rule(gate="accuracy", measurement="roc_auc", of=Of.COMPARISON, at_least=-margin, why="w")


if __name__ == "__main__":
    main()
