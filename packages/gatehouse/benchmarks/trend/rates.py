"""How often the trend test alarms on flat series, and on an AUC that falls by 0.03.

    .venv/bin/python packages/gatehouse/benchmarks/trend/rates.py

Scores are normal, with the mean of the positives set by the AUC of the row's time. The gate's own
periods, metric, interval and test run on every series. `naive` compares the last period's AUC with
the first's by their intervals' errors; `Mann-Kendall` ranks the periods and ignores their errors.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from gatehouse.contract import Contract, load_contract
from gatehouse.evidence import FALL, Measurement, Of
from gatehouse.gates.accuracy.periods import PERIODS, on_periods
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy, load_policy

RUNS = 200
ROWS = (4_000, 8_000, 12_000, 16_000)
POSITIVES = 0.24
AUC = 0.91
FALLS = (0.0, 0.03)
ALPHA = 0.02


def contract() -> Contract:
    """The repository's contract with a time column, which the rows are placed by."""
    found = load_contract(Path("contract.yaml"))
    column = {"type": "timestamp", "role": "ignored", "timezone": "UTC", "description": "When"}
    content = found.model_dump(mode="json", exclude_none=True)
    return Contract.model_validate(content | {"columns": content["columns"] | {"time": column}})


def series(rows: int, fall: float, rng: np.random.Generator) -> tuple[pd.DataFrame, Predictions]:
    """Rows spread over a year, and scores whose AUC falls linearly by `fall` over the periods."""
    when = np.sort(rng.random(rows))
    # The middles of the first and the last period lie 1 - 1 / PERIODS apart.
    auc = AUC - fall * (when - 0.5) / (1 - 1 / PERIODS)
    positive = (rng.random(rows) < POSITIVES).astype(float)
    apart = np.sqrt(2) * np.vectorize(NormalDist().inv_cdf)(auc)
    scores = 1 / (1 + np.exp(-(rng.normal(size=rows) + positive * apart - 2)))
    moments = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(when * 365, unit="D")
    table = pd.DataFrame({"time": pd.Series(moments).dt.as_unit("us")})
    return table, Predictions(positive, scores, (scores >= 0.5) * 1.0, classes=("no", "yes"))


def p_values(found: list[Measurement]) -> dict[str, float]:
    """One-sided p-values by each test."""
    (fall,) = (m for m in found if m.name == FALL)
    periods = [m for m in found if m.name != FALL]
    values = np.array([m.value for m in periods])
    errors = np.array([m.interval.high - m.interval.low for m in periods if m.interval]) / 3.92
    last = (values[0] - values[-1]) / np.hypot(errors[0], errors[-1])
    ranks = kendalltau(np.arange(len(values)), values, alternative="less")
    return {
        "weighted regression (the gate's)": fall.p_value if fall.p_value is not None else 1.0,
        "Mann-Kendall": float(ranks.pvalue),
        "naive": NormalDist().cdf(-last),
    }


def main() -> None:
    started = time.process_time()
    described, policy = contract(), load_policy(Path("policy.yaml"))
    quick = policy.measure.model_copy(update={"resamples": 200})
    policy = policy.model_copy(update={"measure": quick})
    print(
        f"| test rows | AUC over {PERIODS} periods | test | alarms at {ALPHA:g} | 95 % interval |"
    )
    print("|---:|---|---|---:|---:|")
    for rows in ROWS:
        for fall in FALLS:
            alarms: dict[str, int] = {}
            for run in range(RUNS):
                table, predicted = series(rows, fall, np.random.default_rng([rows, run]))
                found = on_periods(table, described, {Of.CANDIDATE: predicted}, policy)
                for test, p in p_values(found).items():
                    alarms[test] = alarms.get(test, 0) + (p < ALPHA)
            for test, hits in alarms.items():
                low, high = interval(hits, policy)
                shown = "flat" if not fall else f"falls by {fall:g}"
                print(
                    f"| {rows:,} | {shown} | {test} | {hits / RUNS:.1%} | {low:.0%} to {high:.0%} |"
                )
    print(f"\n{RUNS} series a line, {time.process_time() - started:.0f} CPU s")


def interval(hits: int, policy: Policy) -> tuple[float, float]:
    from gatehouse.gates.bootstrap import wilson_interval

    found = wilson_interval(hits, RUNS, policy.measure.confidence)
    return found.low, found.high


if __name__ == "__main__":
    main()
