"""How much 500 adaptive submissions gain on a sealed exam that they can't improve.

From the root of the repository:

    OMP_NUM_THREADS=1 .venv/bin/python packages/gatehouse/benchmarks/ladder/adaptive.py

The rows fall into cells of the input space. A submission turns the decisions of a few cells. In
these cells the label is a coin flip, so that no submission is truly better than another. The author
keeps what the answers call better. Prints the table of README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from gatehouse.gates.accuracy.ladder import climb, rounded

SUBMISSIONS = 500
SEEDS = 40
CELLS = 400
TURNED = 8
BORDERLINE = 0.4
RIGHT = 0.9
"""Share of right decisions where the label is no coin flip."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Exam:
    """N rows: their cells, whether the label is a coin flip, and whether the start is right."""

    cells: NDArray[np.intp]
    open: Mask
    right: Mask

    @classmethod
    def drawn(cls, rows: int, rng: np.random.Generator) -> Exam:
        borderline = rng.random(rows) < BORDERLINE
        chance = np.where(borderline, 0.5, RIGHT)
        return cls(rng.integers(0, CELLS, rows), borderline, rng.random(rows) < chance)

    def of(self, turned: Mask) -> Mask:
        """Return which rows a model decides right that turns these cells."""
        return self.right ^ (self.open & turned[self.cells])


def submit(rng: np.random.Generator, turned: Mask) -> Mask:
    """Return a model that turns a few more cells, or turns them back."""
    chosen = np.zeros(CELLS, bool)
    chosen[rng.choice(CELLS, TURNED, replace=False)] = True
    return turned ^ chosen


def answer_on(
    exam: Exam, model: Mask, answer: float, error: float, how: str, step: float, budget: int
) -> float:
    """Return what the author reads of a submission: the value itself, or an answer."""
    value = float(exam.of(model).mean())
    if how == "exact":
        return value
    if how == "rounded":
        return max(answer, rounded(value, step))
    return climb(answer, value, error, step=step, budget=budget)


def run(
    rows: int,
    seed: int,
    how: str,
    *,
    follow: str,
    step: float = 0.01,
    submissions: int = SUBMISSIONS,
) -> tuple[float, float]:
    """Return the gain that the visible exam shows in the end, and that the sealed answers show.

    Args:
        rows: of either exam.
        seed: of the rows and submissions.
        how: `exact`, `rounded` or `ladder`.
        follow: `sealed`: keep what the sealed answer rewards; `both`: or what the visible exam
            does; `unmerged`: ask about submissions that are never merged, then merge a vote of
            those that the answers called better.
        step: of the answers.
        submissions: how many.
    """
    rng = np.random.default_rng(seed)
    visible, sealed = Exam.drawn(rows, rng), Exam.drawn(rows, rng)
    start = np.zeros(CELLS, bool)
    value = float(sealed.of(start).mean())
    first = value if how == "exact" else rounded(value, step)
    model, answer, variance, votes = start, first, 0.0, []

    def moved(candidate: Mask) -> float:
        """Return the variance of the gain since the model of the answer."""
        return variance + float((sealed.of(candidate) ^ sealed.of(model)).mean()) / rows

    for _ in range(submissions):
        candidate = submit(rng, model)
        error = float(np.sqrt(moved(candidate)))
        found = answer_on(sealed, candidate, answer, error, how, step, submissions)
        if follow == "unmerged":
            votes += [candidate] if found > answer else []
            continue
        better = visible.of(candidate).mean() > visible.of(model).mean()
        if found > answer or (follow == "both" and better):
            variance = 0.0 if found > answer else moved(candidate)
            model, answer = candidate, max(found, answer)
    if follow == "unmerged" and votes:
        voted = np.sum(votes, axis=0) > 0  # each turns a few cells
        error = float(np.sqrt(moved(voted)))
        answer = answer_on(sealed, voted, answer, error, how, step, submissions)
        model = voted
    gain = float(visible.of(model).mean() - visible.of(start).mean())
    return gain, answer - first


def main() -> None:
    print("| rows | answers | the author keeps | gain on the visible exam | gain that the sealed "
          "answers show, mean | worst of 40 |\n| --: | :-- | :-- | --: | --: | --: |")  # fmt: skip
    words = {"sealed": "what the sealed answer rewards", "both": "what either exam rewards",
             "unmerged": "a vote of unmerged submissions"}  # fmt: skip
    for rows in (500, 2000, 10_000):
        for how in ("exact", "rounded", "ladder"):
            for follow, text in words.items():
                found = [run(rows, seed, how, follow=follow) for seed in range(SEEDS)]
                gains, told = zip(*found, strict=True)
                print(f"| {rows:,} | {how} | {text} | {mean(gains):+.3f} | {mean(told):+.3f} | "
                      f"{max(told):+.3f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
