"""How often equal and worse models are blocked by the accuracy gate's comparison with the base.

    .venv/bin/python packages/gatehouse/benchmarks/gates/accuracy_blocking.py

Two gradient-boosted models, trained alike on different simulated rows, score a large pool of fresh
rows. In that pool the candidate is made exactly as good as the base, or worse by a known loss of
AUC, by noise on its logits. Each run draws a test split from the pool, and the gate's own
bootstrap and the policy's rules decide.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from results import share, table, write
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from gatehouse.contract import load_contract
from gatehouse.evidence import Evidence, Measurement, Of, Subject
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.bootstrap import Statistic, bootstrap, percentile_interval
from gatehouse.gates.metrics import BY_NAME
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy, Rule, load_policy
from gatehouse.samples.simulate import simulate
from gatehouse.verdict import Outcome

Floats = NDArray[np.float64]

SEED = 0
POOL, TRAIN = 150_000, 30_000
SIZES = (2_000, 10_000)
LOSSES = (0.0, 0.007, 0.02)
RUNS = 60
RESAMPLES = 400
METRICS = ("roc_auc", "accuracy")


def models() -> tuple[Floats, Floats, Floats]:
    """Labels of the pool, and the logits of two models trained alike on different rows."""
    contract = load_contract(Path("contract.yaml"))

    def features(rows: pd.DataFrame) -> pd.DataFrame:
        columns = {
            name: rows[name].astype(pd.CategoricalDtype(list(column.categories)))
            if column.categories
            else rows[name]
            for name, column in contract.inputs.items()
        }
        return pd.DataFrame(columns)

    def labels(rows: pd.DataFrame) -> Floats:
        return np.asarray((rows[contract.target] == contract.classes[1]).to_numpy(np.float64))

    pool = simulate(POOL, seed=SEED)
    logits = []
    for seed in (1, 2):
        rows = simulate(TRAIN, seed=SEED + seed)
        model = HistGradientBoostingClassifier(
            categorical_features="from_dtype", random_state=0, max_iter=60
        )
        model.fit(features(rows), labels(rows))
        logits.append(np.asarray(model.decision_function(features(pool))))
    return labels(pool), logits[0], logits[1]


def worse_by(loss: float, labels: Floats, logits: Floats, target: float) -> Floats:
    """Logits with noise that takes the pool's AUC to `target` - `loss`."""
    noise = np.random.default_rng(SEED).normal(size=len(logits))
    low, high = 0.0, 4.0
    for _ in range(30):
        middle = (low + high) / 2
        better = roc_auc_score(labels, logits + middle * noise) > target - loss
        low, high = (middle, high) if better else (low, middle)
    return logits + low * noise


def outcomes(
    labels: Floats, logits: tuple[Floats, Floats], seed: int, policy: Policy
) -> tuple[dict[str, Outcome], float]:
    """What the policy's comparisons say of one test split, and the point difference of the AUC."""
    drawn_from: dict[str, Statistic] = {}
    for of, logit in zip((Of.CANDIDATE, Of.BASE), logits, strict=True):
        scores = 1 / (1 + np.exp(-logit))
        decisions = (scores >= 0.5).astype(np.float64)
        sample = Sample(
            Predictions(labels, scores, decisions), AccuracyMeasure(calibration_bins=15)
        )
        drawn_from |= {f"{of}/{name}": BY_NAME[name].weighted(sample) for name in METRICS}
    whole = np.ones((1, len(labels)))
    points = {key: float(metric(whole)[0]) for key, metric in drawn_from.items()}
    drawn = bootstrap(drawn_from, len(labels), RESAMPLES, seed)
    measurements = tuple(
        Measurement(
            name=name, of=Of.COMPARISON, unit="1", n=len(labels), method="as the gate",
            neutral=0.0,
            value=points[f"{Of.CANDIDATE}/{name}"] - points[f"{Of.BASE}/{name}"],
            interval=percentile_interval(
                drawn[f"{Of.CANDIDATE}/{name}"] - drawn[f"{Of.BASE}/{name}"],
                policy.measure.confidence,
            ),
        )
        for name in METRICS
    )  # fmt: skip
    evidence = Evidence(
        gate="accuracy", candidate=Subject(), base=Subject(), settings={}, tools={},
        measurements=measurements,
    )  # fmt: skip
    found = {}
    for rule in comparisons(policy):
        (finding,) = apply_rule(rule, evidence)
        found[rule.measurement] = finding.outcome
    return found, measurements[0].value or 0.0


def comparisons(policy: Policy) -> list[Rule]:
    """The rules that compare metrics with the base's on the exam."""
    return [
        rule
        for rule in policy.rules.values()
        if rule.gate == "accuracy" and rule.of is Of.COMPARISON and rule.slice == "all"
    ]


def _blocks(policy: Policy, measurement: str, outcome: Outcome) -> bool:
    (rule,) = (rule for rule in comparisons(policy) if rule.measurement == measurement)
    fails = outcome is Outcome.FAIL and rule.on_fail == "fail"
    return fails or (outcome is Outcome.INCONCLUSIVE and rule.inconclusive == "fail")


def main() -> None:
    started = time.perf_counter()
    policy = load_policy(Path("policy.yaml"))
    labels, base, retrained = models()
    auc = roc_auc_score(labels, base)
    target = min(auc, float(roc_auc_score(labels, retrained)))
    equal_base = worse_by(0.0, labels, base, target)
    rng = np.random.default_rng(SEED)
    rows = []
    for n in SIZES:
        for loss in LOSSES:
            candidate = worse_by(loss, labels, retrained, target)
            counts: Counter[tuple[str, Outcome]] = Counter()
            naive = blocked = 0
            for run in range(RUNS):
                chosen = rng.choice(len(labels), n, replace=False)
                found, point = outcomes(
                    labels[chosen], (candidate[chosen], equal_base[chosen]), run, policy
                )
                naive += point < 0
                counts.update(found.items())
                blocked += any(_blocks(policy, name, outcome) for name, outcome in found.items())
            line = [f"{n:,}", "equal" if not loss else f"AUC -{loss:g}"]
            for metric in METRICS:
                fails = counts[metric, Outcome.FAIL]
                line += [share(fails, RUNS), share(counts[metric, Outcome.INCONCLUSIVE], RUNS)]
            rows.append([*line, share(blocked, RUNS), share(naive, RUNS)])
    limits = ", ".join(
        f"{rule.measurement} at_least {rule.limit:g}, inconclusive: {rule.inconclusive}"
        for rule in comparisons(policy)
    )
    header = [
        "test rows", "candidate", "AUC rule: fail", "AUC rule: inconclusive",
        "accuracy rule: fail", "accuracy rule: inconclusive", "blocked by the policy",
        "AUC below base's (naive)",
    ]  # fmt: skip
    text = f"""{table(header, rows)}

{RUNS} test splits a line, {RESAMPLES} resamples, seed {SEED}, pool of {POOL:,} rows, AUC of the
base {target:.3f}. 95 % Wilson intervals. Rules of `policy.yaml`: {limits}."""
    write("accuracy_blocking", "Accuracy: equal and worse models", text, started)


if __name__ == "__main__":
    main()
