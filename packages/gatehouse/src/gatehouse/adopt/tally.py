"""The running profile of one column, block by block."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from gatehouse.adopt.cells import (
    MOST_CATEGORIES,
    NO_VALUE,
    are_sentences,
    frequent,
    is_none,
    numbers,
)
from gatehouse.adopt.names import is_cycle_name, is_entity_name, is_id_name, is_identifier_name
from gatehouse.adopt.profile import COUNTED_FROM, Kind, Profile
from gatehouse.columns.numbers import FLOAT32_MAX
from gatehouse.gates.bootstrap import Floats
from gatehouse.rows import row_hashes

_FEW_CATEGORIES = 20
_COUNTED = 10_000
"""Maximum number of distinct values to count; a column with more is not a category."""
_NAME_LENGTH = 80
"""Maximum length of a category if there are many: names are short."""
_COVERED = 0.3
"""Share of the rows that the frequent values must cover if there are too many to list all."""
_STRAY = 0.05
"""Maximum share of texts in a column that still counts as numeric."""
_DATE = (
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4})"
    r"([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?(Z|UTC| ?[+-]\d{2}:?\d{2})?)?"
    r"|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?"
)
_STEPS = 0.8
"""Minimum share of rows one above the previous row for a column to be counting up."""
_FEWEST_PAIRS = 30
"""Minimum number of pairs of neighbouring rows to show that a column counts up."""
_UNIQUE = 0.9
"""Minimum ratio of distinct values, or of the range, to rows for a column that numbers the rows."""
_MARKS = frozenset({
    "", "?", "??", "-", "--", "---", ".", "..", "...", "*", "#", "na", "n/a", "#n/a", "#na", "n.a.",
    "n.a", "<na>", "nan", "-nan", "null", "nil", "none", "unknown", "unk", "undefined", "missing",
    "(missing)", "not available", "not known", "no data", "#value!", "#div/0!", "#ref!", "#null!",
    "#num!",
})  # fmt: skip
"""Texts, in lower case and stripped, that mean missing among numbers."""
_ALWAYS_MARKS = frozenset({"", "?"})
"""Those that also mean missing among categories."""
_WRITTEN = r"[€$£¥]?\s*[+-]?\d[\d.,'\s]*[%€$£¥]?"
"""Numbers formatted for people: with a thousands separator, a currency, a percent sign."""
_CODE = re.compile(r"(?=.*\d)[\w.:/#-]{4,64}")
_NUMBERING = (Kind.ID, Kind.ENTITY, Kind.COUNTER)


class Tally:
    """The running profile of one column."""

    def __init__(self, decimal: str) -> None:
        self.decimal = decimal
        self.longest = self.values = 0
        self.infinite = self.strays = self.padded = self.written = 0
        self.pairs = self.steps = 0
        self.last = np.nan
        self.low, self.high = np.inf, -np.inf
        self.whole = self.dates = self.coded = True
        self.absent: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        self.counts: Counter[str] | None = Counter()
        self.hashes: list[NDArray[np.uint64]] | None = []

    def add(self, values: pa.ChunkedArray) -> None:
        encoded = values.combine_chunks().dictionary_encode(null_encoding="encode")
        texts = encoded.dictionary.to_pandas().astype("str")
        order = encoded.indices.to_numpy()
        n = np.bincount(order, minlength=len(texts))
        empty = (texts.isna() | texts.isin(NO_VALUE)).to_numpy()
        for text, rows in zip(texts[empty].fillna(""), n[empty].tolist(), strict=True):
            self.absent[text] += rows  # null and an empty text are the same
        mark = texts.str.strip().str.lower().isin(_MARKS).to_numpy(bool) & ~empty
        self.marks.update(dict(zip(texts[mark], n[mark].tolist(), strict=True)))
        self._add(texts[~empty & ~mark], n[~empty & ~mark])
        if self.whole and not self.strays and 2 * self.steps >= self.pairs:  # otherwise no counter
            self._add_steps(numbers(texts, self.decimal)[order])

    def _add(self, texts: pd.Series, n: NDArray[np.int64]) -> None:
        if len(texts):
            texts = texts.reset_index(drop=True)
            self.values += int(n.sum())
            self._add_numbers(texts, n)
            self._add_texts(texts, n)
            self._add_hashes(texts, n)

    def means_missing(self) -> set[str]:
        """Return the marks that mean missing, judging by the column's other values."""
        numeric = np.isfinite(self.low) and not self.strays and not self.padded
        return {
            mark
            for mark in self.marks
            if numeric or mark.strip() in _ALWAYS_MARKS or (is_none(mark) and self._is_unique())
        }

    def _is_unique(self) -> bool:
        """Return whether there are many values and no two are equal: it is not a category."""
        many = self.values > _FEW_CATEGORIES
        return many and self.hashes is not None and share_of_copies(self.hashes) == 0

    def settle(self, marks: set[str]) -> None:
        """Count `marks` as missing, and other candidates as values."""
        dates = self.dates and self.strays
        if self.strays - self.written > _STRAY * self.values and not self._is_unique():
            marks = {mark for mark in marks if not is_none(mark)}
        else:
            marks = marks | {"None"}
        others = {m: n for m, n in self.marks.items() if m not in marks and not dates}
        self._add(pd.Series(list(others), dtype="str"), np.array(list(others.values()), np.int64))
        for mark in others:
            del self.marks[mark]
        self.absent += self.marks

    def _add_numbers(self, texts: pd.Series, n: NDArray[np.int64]) -> None:
        found = numbers(texts, self.decimal)
        strays = np.isnan(found)
        beyond = np.abs(found) > FLOAT32_MAX
        finite = found[~strays & ~beyond]
        self.strays += int(n[strays].sum())
        self.written += int(n[strays & texts.str.fullmatch(_WRITTEN).to_numpy(bool)].sum())
        self.infinite += int(n[beyond].sum())
        if len(finite):
            self.low = min(self.low, float(finite.min()))
            self.high = max(self.high, float(finite.max()))
            self.whole &= bool((finite % 1 == 0).all())

    def _add_steps(self, found: Floats) -> None:
        """Count the rows whose whole number is one more than that of the previous row."""
        risen = np.diff(found, prepend=self.last)
        self.pairs += int(np.isfinite(risen).sum())
        self.steps += int((risen == 1).sum())
        self.last = float(found[-1]) if len(found) else self.last

    def _add_texts(self, texts: pd.Series, n: NDArray[np.int64]) -> None:
        # 007 and 01067 are codes; as numbers they would lose their zeros.
        self.padded += int(n[texts.str.match(r"[+-]?0\d").to_numpy(bool)].sum())
        self.longest = max(self.longest, int(texts.str.len().max()))
        self.dates &= bool(self.strays and texts.str.strip().str.fullmatch(_DATE).all())
        self.coded &= bool(texts.str.fullmatch(_CODE).all())
        if self.counts is not None:
            self.counts.update(dict(zip(texts, n.tolist(), strict=True)))
            if len(self.counts) > _COUNTED:
                self.counts = None

    def _add_hashes(self, texts: pd.Series, n: NDArray[np.int64]) -> None:
        if self.hashes is None:
            return
        fractions = not self.strays and not self.whole
        if (n > 1).any() or fractions:
            self.hashes = None
        else:
            self.hashes.append(row_hashes(texts.to_frame("value")))

    def profile(self, name: str, rows: int, *, time: bool) -> Profile:
        known = rows - self.absent.total()
        counts = dict((self.counts or Counter()).most_common())
        unique = self.hashes is not None and known > 1 and share_of_copies(self.hashes) == 0
        distinct = len(counts) if self.counts is not None else known if unique else None
        named_id = is_id_name(name)
        kind = self._kind(
            name, known, distinct, counts, unique=unique, named_id=named_id, time=time
        )
        numeric = kind in (Kind.INTEGER, Kind.NUMBER)
        counted = numeric or (kind in _NUMBERING and not self.strays)
        counts_up = kind is Kind.INTEGER and self._counts_up(known) and (
            self._counts_all(known, distinct)
            or (named_id and not is_cycle_name(name))
        )  # fmt: skip
        return Profile(
            name=name,
            kind=kind,
            rows=rows,
            absent=dict(self.absent.most_common()),
            distinct=distinct,
            counts=counts,
            low=self.low if counted else np.nan,
            high=self.high if counted else np.nan,
            unique=unique,
            infinite=self.infinite if numeric else 0,
            strays=self.strays if kind is Kind.MIXED else 0,
            named_id=named_id,
            coded=self.coded,
            counts_up=counts_up,
            marks=frozenset(self.marks),
        )

    def _kind(
        self,
        name: str,
        known: int,
        distinct: int | None,
        counts: dict[str, int],
        *,
        unique: bool,
        named_id: bool,
        time: bool,
    ) -> Kind:
        if not known:
            return Kind.EMPTY
        if distinct == 1:
            return Kind.CONSTANT
        if time or self.dates:
            return Kind.DATE
        many = distinct is None or distinct > _FEW_CATEGORIES
        entity = named_id and not unique and (distinct is None or distinct > MOST_CATEGORIES)
        if not self.strays and not self.padded and self.infinite < known:
            cycle = is_cycle_name(name)
            counting = self.high - self.low + 1 == known and not cycle
            if self.whole and unique and many and (named_id or counting):
                return Kind.ID
            # Wavelengths and laps are also in a file's order, but do not start at 0 or 1, or
            # repeat.
            named = named_id or self.low in COUNTED_FROM
            counting = self._counts_up(known) and self._counts_all(known, distinct)
            if many and counting and named and not cycle:
                return Kind.COUNTER
            if entity and self.whole and (
                is_entity_name(name)
                or (is_identifier_name(name) and not self._is_category(known, distinct, counts))
            ):  # fmt: skip
                return Kind.ENTITY
            return Kind.INTEGER if self.whole and not self.infinite else Kind.NUMBER
        if many and not self.padded and self.strays <= _STRAY * known:
            return Kind.MIXED
        if many and self.strays and self.written >= (1 - _STRAY) * self.strays:
            return Kind.WRITTEN
        if unique and many:
            return Kind.ID if self.coded or named_id else Kind.TEXT
        if entity and is_entity_name(name):
            return Kind.ENTITY
        return Kind.CATEGORY if self._is_category(known, distinct, counts) else Kind.TEXT

    def _counts_up(self, known: int) -> bool:
        """Return whether most whole numbers are one more than in the previous row."""
        enough = self.pairs >= max(_FEWEST_PAIRS, known / 2)
        return self.whole and enough and self.steps >= _STEPS * self.pairs

    def _counts_all(self, known: int, distinct: int | None) -> bool:
        """Return whether nearly every row has its own number."""
        values = self.high - self.low if distinct is None else distinct
        return values >= _UNIQUE * known

    def _is_category(self, known: int, distinct: int | None, counts: dict[str, int]) -> bool:
        if distinct is None:
            return False
        # A few values that all rows share are the answers of a form, however long.
        if distinct > _FEW_CATEGORIES and (
            self.longest > _NAME_LENGTH or are_sentences(list(frequent(counts, known)))
        ):
            return False
        if distinct <= MOST_CATEGORIES:
            return distinct <= 2 or known >= 2 * distinct
        return sum(frequent(counts, known).values()) >= _COVERED * known


def share_of_copies(hashes: list[NDArray[np.uint64]]) -> float:
    """Return the share of hashes that occur more than once."""
    joined = np.sort(np.concatenate([np.empty(0, np.uint64), *hashes]))
    if not len(joined):
        return 0.0
    same = joined[1:] == joined[:-1]
    copied = np.concatenate([[False], same]) | np.concatenate([same, [False]])
    return float(copied.mean())
