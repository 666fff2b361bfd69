"""How often drift rules alarm on clean data, and how often they see a shift.

    .venv/bin/python packages/gatehouse/benchmarks/gates/drift_false_alarms.py

Pairs of disjoint samples of simulated rows, 15 columns. An alarm is at least one flagged column.
Shifts are planted into one column at a time; seen is when that column is flagged. Evidently's
default is its own choice of test and threshold per column, run by its own functions.
"""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from results import share, table, write

from gatehouse.evidence import Evidence, Subject
from gatehouse.gates.drift.measure import Test, adjusted, compare_tables
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy, load_policy
from gatehouse.samples.simulate import simulate
from gatehouse.verdict import Outcome

os.environ["DO_NOT_TRACK"] = "1"

SEED = 0
PAIRS = {1_000: 200, 2_000: 200, 5_000: 150, 10_000: 120, 100_000: 75}
SHIFTED = ("age", "education_num", "occupation", "sex")
SIGMA, POINTS = 0.1, 0.05
RULES = ("Gatehouse's policy", "Evidently's default", "p < 0.05 per column")


def pairs(n: int, count: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Disjoint samples of `n` rows each."""
    block = max(1, 200_000 // (2 * n))
    for start in range(0, count, block):
        rows = simulate(2 * n * block, seed=SEED + 1000 * start + n)
        for i in range(min(block, count - start)):
            yield tuple(
                rows.iloc[(2 * i + k) * n : (2 * i + k + 1) * n].reset_index(drop=True)
                for k in (0, 1)
            )


def shifted(rows: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.DataFrame:
    """One column moved: integers by 0.1 sigma on average, or 5 of 100 rows to another category."""
    values = rows[column]
    if values.dtype.kind == "i":
        moved = values + np.floor(SIGMA * values.std() + rng.random(len(values))).astype("int64")
    else:
        first, second = values.value_counts().index[:2]
        chosen = (values == first) & (rng.random(len(rows)) < POINTS / (values == first).mean())
        moved = values.mask(chosen, second)
    return rows.assign(**{column: moved})


def ours(tests: list[Test], policy: Policy) -> set[str]:
    """Columns that the policy's own drift rules fail."""
    evidence = Evidence(
        gate="drift", candidate=Subject(), base=Subject(), settings={}, tools={},
        measurements=tuple(adjusted(tests)),
    )  # fmt: skip
    failed = set()
    for rule in policy.rules.values():
        if rule.gate == "drift" and "=" in rule.slice:
            findings = apply_rule(rule, evidence)
            failed |= {f.slice for f in findings if f.outcome is Outcome.FAIL}
    return {_column(where) for where in failed}


def _column(where: str) -> str:
    return where.partition("=")[2].partition(" ")[0]


def evidently(old: pd.Series, new: pd.Series) -> bool:
    """Does Evidently's default flag this column? It leaves missing values out."""
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    kind = ColumnType.Numerical if old.dtype.kind in "if" else ColumnType.Categorical
    old, new = old.dropna(), new.dropna()
    test = get_stattest(old, new, kind, None)
    return bool(test(old, new, kind, None).drifted)


def run(n: int, count: int, policy: Policy) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Alarms by rule on clean pairs, and by rule and kind of shift on planted ones."""
    rng = np.random.default_rng(SEED)
    alarms: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    settings = policy.measure.drift
    for old, new in pairs(n, count):
        names = list(old.columns)
        clean = compare_tables(old, new, names, settings, SEED)
        alarms[RULES[0]] += bool(ours(clean, policy))
        alarms[RULES[1]] += any(evidently(old[name], new[name]) for name in names)
        alarms[RULES[2]] += any(test.p_value < 0.05 for test in clean)
        for name in SHIFTED:
            moved = shifted(new, name, rng)
            planted = compare_tables(old, moved, [name], settings, SEED)
            others = [test for test in clean if _column(test.slice) != name]
            kind = "number" if old[name].dtype.kind == "i" else "category"
            seen[RULES[0], kind] += name in ours(others + planted, policy)
            seen[RULES[1], kind] += evidently(old[name], moved[name])
            seen[RULES[2], kind] += any(test.p_value < 0.05 for test in planted)
    return alarms, seen


def main() -> None:
    started = time.perf_counter()
    warnings.simplefilter("ignore")
    policy = load_policy(Path("policy.yaml"))
    rows = []
    for n, count in PAIRS.items():
        alarms, seen = run(n, count, policy)
        for rule in RULES:
            rows.append(
                [
                    f"{n:,}", rule, share(alarms[rule], count),
                    share(seen[rule, "number"], 2 * count),
                    share(seen[rule, "category"], 2 * count),
                ]
            )  # fmt: skip
    header = ["rows", "rule", "clean pairs that alarm", "0.1 sigma seen", "5 points seen"]
    counts = ", ".join(f"{count} pairs at {n:,} rows" for n, count in PAIRS.items())
    text = f"""{table(header, rows)}

{counts}; seed {SEED}; 95 % Wilson intervals. 15 columns a pair; shifts planted into
{", ".join(SHIFTED)} one at a time. Gatehouse's rules are those of `policy.yaml`: alpha after Holm's
adjustment, and a floor for the effect. Evidently's default takes p-values up to 1,000 rows and
distances above."""
    write("drift_false_alarms", "Drift: false alarms and power", text, started)


if __name__ == "__main__":
    main()
