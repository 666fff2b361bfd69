"""How a slice is written: `column=value`, `column in [low, high)`, `column=missing`, ` & `.

The policy names slices in this form, and the evidence names the slices that were found in it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MISSING = "missing"
_AND = " & "
_BIN = re.compile(r"(?P<column>.+?) in \[(?P<low>[^,]+), (?P<high>[^,]+)\)")
_FORMS = "column=value, column=missing or column in [low, high), joined by ' & '"


@dataclass(frozen=True)
class Part:
    """One condition on one column.

    Attributes:
        column: name of the column.
        value: the text or number that the column equals; None for a bin.
        low: smallest number of a bin.
        high: end of a bin, which does not belong to it.
    """

    column: str
    value: str | None = None
    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.column}={self.value}"
        return f"{self.column} in [{self.low:.6g}, {self.high:.6g})"


Slice = tuple[Part, ...]
"""Conditions that all hold."""


def slice_text(parts: Slice) -> str:
    """Return the slice as the policy and the evidence write it."""
    return _AND.join(map(str, parts))


def parse_slice(text: str) -> Slice:
    """Parse a slice.

    Raises:
        ValueError: the text is not a slice; the message says what a slice looks like.
    """
    parts = tuple(_parse(each) for each in text.split(_AND))
    if len({part.column for part in parts}) < len(parts):
        raise ValueError(f"'{text}' names a column twice; take one condition out")
    return parts


def check_slice(text: str) -> str:
    """Return a slice's text in its usual form; a validator of settings.

    Raises:
        ValueError: as `parse_slice`.
    """
    return slice_text(parse_slice(text))


def _parse(text: str) -> Part:
    found = _BIN.fullmatch(text.strip())
    if found:
        try:
            low, high = float(found["low"]), float(found["high"])
        except ValueError:
            raise ValueError(f"'{text}': a bin's ends are numbers, -inf or inf") from None
        if not low < high:
            raise ValueError(f"'{text}': the bin is empty; write [low, high) with low < high")
        return Part(found["column"], None, low, high)
    column, equals, value = text.strip().partition("=")
    if not (column and equals and value):
        raise ValueError(f"'{text}' is not a slice; write {_FORMS}")
    return Part(column, value)
