"""Search for slices with the largest loss: single cells, then pairs, pruned by upper bounds.

The search is SliceLine's (Sagadeeva and Boehm 2021): cells and pairs of cells are scored by sums
over codes, and a pair of columns is left out if no pair of its cells can score high enough. A
slice's score is its summed loss over the square root of its rows. Every part of a slice has at most
the slice's positive losses, so its score is at most their sum over the square root of the least
rows, and (Cauchy and Schwarz) at most the square root of the sum of their squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.slices.cells import Cells
from gatehouse.gates.slices.grammar import Slice

POOL = 50
"""Slices that the search returns."""
PAIRS = 500
"""Pairs of columns that are searched at most; those with the highest bounds come first."""


def search(columns: Sequence[Cells], losses: Floats, least: int) -> list[Slice]:
    """Return the slices with the highest positive scores, the highest first.

    Args:
        columns: cells of each column, codes of shape [N].
        losses: what each row loses, shape [N]; negative where it gains.
        least: minimum rows of a slice.
    """
    columns = [cells for cells in columns if cells.parts]
    gains = np.maximum(losses, 0.0)
    found: list[tuple[float, Slice]] = []
    bounds = []
    for cells in columns:
        size = len(cells.parts)
        scores = _scores(cells.codes, size + 1, losses, least)[:size]
        found += [(float(scores[k]), (cells.parts[k],)) for k in np.flatnonzero(scores > 0)]
        summed = np.bincount(cells.codes, gains, size + 1)[:size]
        squares = np.bincount(cells.codes, gains**2, size + 1)[:size]
        bounds.append(float(np.minimum(summed / np.sqrt(least), np.sqrt(squares)).max()))
    found = _best(found)
    pairs = sorted(
        combinations(range(len(columns)), 2), key=lambda pair: -min(bounds[k] for k in pair)
    )
    for a, b in pairs[:PAIRS]:
        if len(found) == POOL and min(bounds[a], bounds[b]) <= found[-1][0]:
            break
        found = _best(found + _pairs(columns[a], columns[b], losses, least))
    return [parts for _, parts in found]


def _best(found: list[tuple[float, Slice]]) -> list[tuple[float, Slice]]:
    return sorted(found, key=lambda each: -each[0])[:POOL]


def _pairs(a: Cells, b: Cells, losses: Floats, least: int) -> list[tuple[float, Slice]]:
    wide = len(b.parts) + 1
    size = (len(a.parts) + 1) * wide
    scores = _scores(a.codes * wide + b.codes, size, losses, least).reshape(-1, wide)
    inner = scores[:-1, :-1]
    return [(float(inner[i, j]), (a.parts[i], b.parts[j])) for i, j in np.argwhere(inner > 0)]


def _scores(codes: NDArray[np.intp], size: int, losses: Floats, least: int) -> Floats:
    rows = np.bincount(codes, minlength=size)
    summed = np.bincount(codes, losses, size)
    return np.where(rows >= least, summed / np.sqrt(np.maximum(rows, 1)), 0.0)
