"""What texts in a table mean: numbers, missing values, categories, sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gatehouse.gates.bootstrap import Floats
from gatehouse.pipeline.file_source import MISSING

MOST_CATEGORIES = 60
"""Maximum number of categories that the contract lists for a column."""
_NAME_WORDS = 4
"""Maximum mean number of words of the listed categories; more make a sentence."""
NO_VALUE = frozenset(MISSING) - {"None"}
"""Texts that mean missing in any column; None is a value among texts: None, Brick, Stone."""


def numbers(texts: pd.Series, decimal: str) -> Floats:
    """Parse numbers from texts as the pipeline does; NaN for other texts."""
    if decimal == ",":
        pointed = texts.str.contains(".", regex=False, na=False)
        texts = texts.mask(pointed).str.replace(",", ".", regex=False)
    found = pd.to_numeric(texts, errors="coerce")
    return np.asarray(found.to_numpy(np.float64, na_value=np.nan))


def without_missing(texts: pd.Series) -> pd.Series:
    """Replace texts that mean a missing value in any column by NaN."""
    return texts.mask(texts.isin(NO_VALUE))


def is_none(text: str) -> bool:
    """Return whether it is the word that means missing in numbers and "none of these" in text."""
    return text.strip().lower() == "none"


def are_sentences(listed: Sequence[str]) -> bool:
    """Return whether these may be sentences that somebody wrote; names have few words."""
    return sum(len(text.split()) for text in listed) > _NAME_WORDS * len(listed)


def frequent(counts: dict[str, int], known: int) -> dict[str, int]:
    """Return the values worth their own category, with row counts, most frequent first."""
    if len(counts) <= MOST_CATEGORIES:
        # A value of a single row says nothing about others, and may identify a person.
        listed = {value: n for value, n in counts.items() if n > 1 or len(counts) <= 2}
        return listed or counts
    least = max(5, known / 500)
    return dict([(value, n) for value, n in counts.items() if n >= least][:MOST_CATEGORIES])
