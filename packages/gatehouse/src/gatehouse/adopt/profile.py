"""The profile of a column, from which the contract's first draft is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from gatehouse.adopt.names import is_row_name

COUNTED_FROM = (0, 1)
"""First numbers of columns that count the rows."""


class Kind(StrEnum):
    """The kind of a column's values."""

    INTEGER = "integer"
    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    MIXED = "numbers and text"
    WRITTEN = "written numbers"
    DATE = "date"
    ID = "id"
    ENTITY = "id that repeats"
    COUNTER = "running number"
    CONSTANT = "constant"
    EMPTY = "empty"
    UNREAD = "not readable"


@dataclass(frozen=True)
class Profile:
    """One column.

    Attributes:
        name: of the column.
        kind: of its values.
        rows: of the table.
        absent: rows of each text that means a missing value; "" for none at all.
        distinct: number of distinct values; None if there are too many to count.
        counts: rows of each value, most frequent first, if they could be counted.
        low: smallest finite number, if the column has only numbers.
        high: largest one.
        unique: whether no value is repeated.
        infinite: number of values that are infinite, or too large for float32.
        strays: values that are not numbers in a column of numbers and text.
        named_id: whether its name suggests an identifier.
        coded: whether its values are single words with digits, as identifiers are.
        counts_up: whether its numbers look as if they count rows, or those of each batch.
        marks: texts in it that mean a missing value, besides those that always do.
        standins: numbers far from the others that may stand for a missing value.
    """

    name: str
    kind: Kind
    rows: int
    absent: dict[str, int] = field(default_factory=dict)
    distinct: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    low: float = np.nan
    high: float = np.nan
    unique: bool = False
    infinite: int = 0
    strays: int = 0
    named_id: bool = False
    coded: bool = False
    counts_up: bool = False
    marks: frozenset[str] = frozenset()
    standins: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Number of rows without a value."""
        return sum(self.absent.values())

    @property
    def known(self) -> int:
        """Number of rows with a value."""
        return self.rows - self.missing

    @property
    def is_numeric(self) -> bool:
        return self.kind in (Kind.INTEGER, Kind.NUMBER)

    @property
    def is_row_number(self) -> bool:
        """Whether it counts the rows, as R and pandas do; it then carries no information."""
        if self.kind is Kind.COUNTER:
            return True
        counting = self.low in COUNTED_FROM and self.high - self.low + 1 == self.rows
        named = is_row_name(self.name) or not self.named_id
        return self.kind is Kind.ID and counting and named
