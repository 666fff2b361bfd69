"""How often 95 % intervals hold the truth: those of the gate, and the bootstrap's it had before.

    .venv/bin/python packages/gatehouse/benchmarks/coverage/coverage.py [--tables 400]

Each setting is drawn many times at 200 to 20,000 rows. Truth is the mean of the metric over 5
tables of 1 million rows. "Before" is the percentile bootstrap over rows that count alike, with 300
resamples, on a quarter of the tables and at most 2,000 rows.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from cases import CASES, Case

from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.bootstrap import bootstrap, percentile_interval
from gatehouse.gates.estimates import difference, estimate, influence_of
from gatehouse.gates.metrics import BY_NAME
from gatehouse.gates.metrics.figures import figures
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions

SIZES = (200, 1_000, 4_000, 20_000)
BEFORE_ROWS = 2_000
MEASURE = AccuracyMeasure(calibration_bins=15)
OUT = Path(__file__).with_name("RESULTS.md")

Key = tuple[str, str]
"""Metric, and `value` or `difference`."""


def values_of(case: Case, pair: tuple[Predictions, Predictions]) -> dict[Key, float]:
    """The metrics of the candidate, and their differences from the base's."""
    metrics = [BY_NAME[name] for name in case.metrics]
    ours, theirs = ({f.metric.name: f.value for f in figures(p, MEASURE, metrics)} for p in pair)
    values = {(name, "value"): ours[name] for name in ours}
    return values | {(name, "difference"): ours[name] - theirs[name] for name in ours}


def truth_of(case: Case) -> dict[Key, float]:
    """The mean over 5 large tables."""
    found = [values_of(case, case.make(1_000_000, np.random.default_rng(k))) for k in range(5)]
    return {
        key: 0.0
        if case.equal and key[1] == "difference"
        else float(np.mean([f[key] for f in found]))
        for key in found[0]
    }


def covered(
    case: Case, pair: tuple[Predictions, Predictions], truth: dict[Key, float]
) -> dict[Key, bool | None]:
    """Whether the gate's intervals hold the truth; None where it gives none."""
    metrics = [BY_NAME[name] for name in case.metrics]
    found: dict[Key, bool | None] = {}
    for ours, theirs in zip(*(figures(p, MEASURE, metrics) for p in pair), strict=True):
        here, there = influence_of(ours), influence_of(theirs)
        for what, each in (
            ("value", estimate(here, 0.95)), ("difference", difference(here, there, 0.95))
        ):  # fmt: skip
            key, interval = (ours.metric.name, what), each.interval
            given = interval is not None and each.doubt is None
            found[key] = interval.low <= truth[key] <= interval.high if given and interval else None
    return found


def covered_before(
    case: Case, pair: tuple[Predictions, Predictions], truth: dict[Key, float], seed: int
) -> dict[Key, bool]:
    """Whether the percentile bootstrap's over rows hold it."""
    over = {
        (name, of): BY_NAME[name].weighted(Sample(p, MEASURE))
        for name in case.metrics
        for of, p in enumerate(pair)
    }
    drawn = bootstrap(over, len(pair[0].labels), 300, seed)
    found = {}
    for name in case.metrics:
        values = {"value": drawn[name, 0], "difference": drawn[name, 0] - drawn[name, 1]}
        for what, each in values.items():
            interval = percentile_interval(each, 0.95)
            key = name, what
            found[key] = interval is not None and interval.low <= truth[key] <= interval.high
    return found


def share(hits: list[bool | None]) -> str:
    """Coverage of the intervals that are given, and the share that is not where there is one."""
    given = [hit for hit in hits if hit is not None]
    if not hits:
        return ""
    if not given:
        return "no interval"
    text = f"{np.mean(given):.0%}"
    missing = 1 - len(given) / len(hits)
    if missing >= 0.005:
        text += f" ({missing:.0%} without, {given.count(False) / len(hits):.0%} miss)"
    return text.replace("%", " %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=400)
    tables, started = parser.parse_args().tables, time.process_time()
    lines = []
    for case in CASES:
        truth = truth_of(case)
        for n in SIZES:
            rng = np.random.default_rng(n)
            after: dict[Key, list[bool | None]] = {key: [] for key in truth}
            before: dict[Key, list[bool | None]] = {key: [] for key in truth}
            for table in range(tables):
                pair = case.make(n, rng)
                for key, hit in covered(case, pair, truth).items():
                    after[key].append(hit)
                if n <= BEFORE_ROWS and table % 4 == 0:
                    for key, old in covered_before(case, pair, truth, table).items():
                        before[key].append(old)
            for name in case.metrics:
                cells = [share(of[name, what]) for what in ("value", "difference")
                         for of in (before, after)]  # fmt: skip
                lines.append(f"| {case.name} | {n:,} | `{name}` | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    header = (
        "| setting | rows | metric | before | after | difference: before | after |\n" + "|---" * 7
    )
    command = (
        f".venv/bin/python packages/gatehouse/benchmarks/coverage/coverage.py --tables {tables}"
    )
    used = time.process_time() - started
    body = "\n".join(lines)
    OUT.write_text(
        f"# Coverage\n\n`{command}` ({used:.0f} CPU s). {tables} tables a line, a quarter of them "
        "for *before*; nominal 95 %. *Without*: tables for which the gate gives no interval, or "
        "doubts it. *Miss*: tables whose interval, given without a doubt, does not hold the truth. "
        f"The settings are in `cases.py`.\n\n{header}|\n{body}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
