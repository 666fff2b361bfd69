"""A column's cells: its frequent values, bins of its numbers, and missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract, Role
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.slices.grammar import MISSING, Part
from gatehouse.gates.slices.masks import missing_in, numbers_of

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
"""Bins of a numeric column, with about the same number of rows each."""
LEVELS = 50
"""Most frequent values of a column of text that are searched."""
_SLICED = (Role.FEATURE, Role.PROTECTED, Role.IGNORED)


@dataclass(frozen=True)
class Cells:
    """The cells of one column.

    Attributes:
        codes: shape [N]; each row's cell, or the number of cells for rows in none of them.
        parts: the condition of each cell.
    """

    codes: NDArray[np.intp]
    parts: tuple[Part, ...]


def sliced_columns(contract: Contract) -> list[str]:
    """Return the inputs, protected and ignored columns, without timestamps."""
    return [
        name
        for name, column in contract.columns.items()
        if column.role in _SLICED and not column.kind.moments
    ]


def cells_of(column: pd.Series, least: int) -> Cells:
    """Return the cells of a column that have at least `least` rows."""
    name, missing, numbers = str(column.name), missing_in(column), numbers_of(column)
    if numbers is None:
        codes, parts = _values(column, name, missing, least)
    else:
        codes, parts = _numbers(numbers, name, missing)
    codes[missing] = len(parts)
    parts = [*parts, Part(name, MISSING)]
    return _frequent(codes, parts, least)


def _frequent(codes: NDArray[np.intp], parts: list[Part], least: int) -> Cells:
    rows = np.bincount(codes, minlength=len(parts) + 1)[: len(parts)]
    kept = np.flatnonzero(rows >= least)
    renamed = np.full(len(parts) + 2, len(kept))
    renamed[kept] = np.arange(len(kept))
    return Cells(renamed[codes], tuple(parts[place] for place in kept))


def _values(
    column: pd.Series, name: str, missing: NDArray[np.bool_], least: int
) -> tuple[NDArray[np.intp], list[Part]]:
    import pandas as pd

    codes, values = pd.factorize(column, use_na_sentinel=True)
    rows = np.bincount(codes[~missing], minlength=len(values))
    chosen = [
        place for place in np.argsort(-rows, kind="stable")[:LEVELS]
        if rows[place] >= least and str(values[place]) not in ("", MISSING)
    ]  # fmt: skip
    renamed = np.full(len(values) + 1, len(chosen) + 1)
    renamed[chosen] = np.arange(len(chosen))
    return renamed[codes], [Part(name, str(values[place])) for place in chosen]


def _numbers(
    numbers: Floats, name: str, missing: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], list[Part]]:
    codes = np.zeros(len(numbers), np.intp)
    known = numbers[~missing]
    if not len(known):
        return codes, []
    values = np.unique(known)
    if len(values) <= BINS:
        codes[~missing] = np.searchsorted(values, known)
        return codes, [Part(name, f"{value:.15g}") for value in values]
    shares = np.arange(1, BINS) / BINS
    found = np.quantile(known, shares, method="inverted_cdf")
    edges = np.unique([float(f"{edge:.6g}") for edge in found])  # as the slice is written
    edges = edges[edges > values[0]]
    codes[~missing] = np.searchsorted(edges, known, side="right")
    ends = [-np.inf, *edges.tolist(), np.inf]
    return codes, [Part(name, None, low, high) for low, high in pairwise(ends)]
