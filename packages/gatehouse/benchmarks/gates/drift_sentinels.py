"""How often the drift rules alarm, and see a shift, where a few values stand in for missing ones.

    .venv/bin/python packages/gatehouse/benchmarks/gates/drift_sentinels.py

Pairs of samples of one column, in both of which a share of the rows holds a stand-in. Clean pairs
come from one distribution; in the others the values, and not the stand-ins, are moved by 0.1
standard deviations. "Before" is the Wasserstein distance of all values over the standard deviation
of all values of the base, with the same Kolmogorov-Smirnov test, alpha and limit. Other rows say
what is seen of a stand-in that only the new sample has.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from results import share, table, write
from scipy import stats

from gatehouse.evidence import Evidence, Subject
from gatehouse.gates.drift.measure import adjusted, compare_numbers
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Outcome

SEED = 0
ROWS = 10_000
PAIRS = 200
SHIFT = 0.1
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], Floats]

COLUMNS: dict[str, Draw] = {
    "normal": lambda rng: rng.normal(45, 13, ROWS),
    "lognormal (0.5)": lambda rng: rng.lognormal(10, 0.5, ROWS),
    "92 % zeros": lambda rng: np.where(rng.random(ROWS) < 0.92, 0, rng.lognormal(8, 1, ROWS)),
    "whole hours, 47 % at 40": lambda rng: np.where(
        rng.random(ROWS) < 0.47, 40, rng.normal(40, 12, ROWS).round()
    ),
}
STANDINS = (
    (None, 0.0),
    (999_999_999, 0.0005),
    (9_999_999, 0.01),
    (-999_999, 0.05),
    (2**31 - 1, 0.3),
)
CAME = (0.01, 0.03, 0.05)


def planted(values: Floats, standin: float | None, part: float, rng: np.random.Generator) -> Floats:
    if standin is None:
        return values
    return np.where(rng.random(len(values)) < part, standin, values)


def fails(old: Floats, new: Floats, policy: Policy) -> bool:
    """Does one of the policy's drift rules fail?"""
    evidence = Evidence(
        gate="drift", candidate=Subject(), base=Subject(), settings={}, tools={},
        measurements=tuple(adjusted(compare_numbers("x", old, new))),
    )  # fmt: skip
    rules = [policy.rules["drift-numbers"], policy.rules["drift-categories"]]
    return any(
        finding.outcome is Outcome.FAIL for rule in rules for finding in apply_rule(rule, evidence)
    )


def failed_before(old: Floats, new: Floats, policy: Policy) -> bool:
    rule = policy.rules["drift-numbers"]
    effect = stats.wasserstein_distance(old, new) / old.std()
    p_value = stats.ks_2samp(old, new, method="asymp").pvalue
    return bool(effect > rule.limit and p_value < (rule.alpha or 0))


def main() -> None:
    started = time.perf_counter()
    policy = load_policy(Path("policy.yaml"))
    rng = np.random.default_rng(SEED)
    lines = []
    for name, draw in COLUMNS.items():
        shift = SHIFT * draw(rng).std()
        for standin, part in STANDINS:
            hits: Counter[str] = Counter()
            for _ in range(PAIRS):
                old = planted(draw(rng), standin, part, rng)
                for kind, moved in (("clean", 0.0), ("moved", shift)):
                    new = planted(draw(rng) + moved, standin, part, rng)
                    hits[f"{kind} now"] += fails(old, new, policy)
                    hits[f"{kind} before"] += failed_before(old, new, policy)
            shown = "none" if standin is None else f"{standin:,} in {part:.2%}".replace("%", " %")
            kinds = ("clean before", "clean now", "moved before", "moved now")
            lines.append([name, shown, *(share(hits[kind], PAIRS) for kind in kinds)])
    came = []
    for part in CAME:
        hits = Counter()
        for _ in range(PAIRS):
            old, new = (COLUMNS["normal"](rng) for _ in range(2))
            new = planted(new, -999_999, part, rng)
            hits["now"] += fails(old, new, policy)
            hits["before"] += failed_before(old, new, policy)
        came.append(
            [f"{part:.0%}".replace("%", " %"), *(share(hits[k], PAIRS) for k in ("before", "now"))]
        )
    header = [
        "column", "stand-in in both", "clean pairs that alarm, before", "now",
        f"shift of {SHIFT:g} sigma seen, before", "now",
    ]  # fmt: skip
    text = f"""{table(header, lines)}

A stand-in that only the new sample has:

{table(["rows of a normal column that hold it", "seen, before", "now"], came)}

{PAIRS} pairs a line of {ROWS:,} rows, seed {SEED}, 95 % Wilson intervals."""
    write("drift_sentinels", "Drift: stand-ins for missing values", text, started)


if __name__ == "__main__":
    main()
