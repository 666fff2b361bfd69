"""Numbers that may stand for a missing value: -999, 9999999, 2147483647."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

from gatehouse.gates.drift.far import usual_values

_NAMED = 3
"""Maximum number of values in a note; more of them are a long tail."""
_NINES = re.compile(r"[+-]?9{3,}([.,]0*)?")
_WILD = 1_000.0
"""Distance, in spans of the usual values, beyond which even a single value is reported."""


def standins(texts: Iterable[object], decimal: str = ".") -> tuple[str, ...]:
    """Return values far from the others that are repeated, all nines, or very far; as written.

    Args:
        texts: a numeric column's values as text; anything else is left out.
        decimal: decimal separator.
    """
    numbers: dict[str, float] = {}
    counts = Counter(text for text in texts if isinstance(text, str))
    for text in counts:
        try:
            numbers[text] = float(text.replace(decimal, "."))
        except ValueError:
            continue
    rows = np.repeat(np.array([*numbers.values()], np.float64), [counts[text] for text in numbers])
    rows = rows[np.isfinite(rows)]
    if not len(rows):
        return ()
    usual = usual_values(rows, rows)
    span = usual.high - usual.low
    far = [
        text
        for text, value in numbers.items()
        if np.isfinite(value) and not usual.low <= value <= usual.high
    ]
    if len(far) > _NAMED:
        return ()
    return tuple(
        text
        for text in far
        if counts[text] > 1 or _NINES.fullmatch(text) or abs(numbers[text]) > _WILD * span
    )
