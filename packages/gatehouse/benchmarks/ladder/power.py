"""How often a sealed exam tells that a candidate is truly better.

From the root of the repository:

    OMP_NUM_THREADS=1 .venv/bin/python packages/gatehouse/benchmarks/ladder/power.py

The base is right on 80 % of the rows; base and candidate disagree on 10 %. Prints the second table
of README.md.
"""

from __future__ import annotations

import numpy as np

from gatehouse.gates.accuracy.ladder import climb, rounded

RUNS = 1000
RIGHT = 0.8
DISAGREE = 0.1


def told(rows: int, gain: float, rng: np.random.Generator, budget: int = 200) -> bool:
    """Return whether the answer on a candidate that is better by `gain` is better, too."""
    chances = [RIGHT - (DISAGREE - gain) / 2, (DISAGREE + gain) / 2, (DISAGREE - gain) / 2]
    kinds = rng.choice(4, rows, p=[*chances, 1 - sum(chances)])
    base, ours = (kinds == 0) | (kinds == 2), (kinds == 0) | (kinds == 1)
    gains = ours.astype(float) - base
    answer = rounded(float(base.mean()), 0.01)
    error = float(gains.std() / np.sqrt(rows))
    found = climb(answer, float(ours.mean()), error, step=0.01, budget=budget)
    return found > answer


def main() -> None:
    print("| rows | +0.00 | +0.01 | +0.02 | +0.03 | +0.05 |\n| --: |" + " --: |" * 5)
    for rows in (500, 2000, 10_000):
        shares = []
        for gain in (0.0, 0.01, 0.02, 0.03, 0.05):
            rng = np.random.default_rng(rows)
            share = np.mean([told(rows, gain, rng) for _ in range(RUNS)])
            shares.append(f"{100 * share:.1f} %")
        print(f"| {rows:,} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
