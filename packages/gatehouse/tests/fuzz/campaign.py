"""One target, many inputs, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Target:
    """A layer that bad input meets.

    Attributes:
        name: of what is mutated, and where it goes.
        inputs: the mutated files.
        attempt: tries one; says what became of it, and raises where that must not be.
        share: how many of the inputs are tried here; some layers are slow.
    """

    name: str
    inputs: st.SearchStrategy[bytes]
    attempt: Callable[[bytes], str]
    share: float = 1.0


def campaign(target: Target, examples: int, seed: int | None = None) -> Counter[str]:
    """How often each outcome came; the same inputs each time where there is no `seed`."""
    counts: Counter[str] = Counter()

    @settings(
        max_examples=max(1, round(examples * target.share)),
        database=None,
        deadline=None,
        derandomize=seed is None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def attempt(data: bytes) -> None:
        counts[target.attempt(data)] += 1

    (attempt if seed is None else hypothesis.seed(seed)(attempt))()
    return counts


def table(counts: dict[str, Counter[str]]) -> str:
    """The counts as text, a line for each target."""
    outcomes = sorted({outcome for found in counts.values() for outcome in found})
    head = ["mutated", "inputs", *outcomes]
    rows = [
        [name, f"{sum(found.values()):,}", *(f"{found[outcome]:,}" for outcome in outcomes)]
        for name, found in counts.items()
    ]
    whole = sum((found for found in counts.values()), Counter[str]())
    rows.append(["all", f"{sum(whole.values()):,}", *(f"{whole[name]:,}" for name in outcomes)])
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in [head, *rows]
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
