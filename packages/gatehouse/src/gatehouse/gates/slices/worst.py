"""The slices in which a model loses most: sought on one split, tested on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.slices.cells import cells_of
from gatehouse.gates.slices.grammar import Slice
from gatehouse.gates.slices.masks import Mask, rows_of
from gatehouse.gates.slices.mean import Mean, mean_of
from gatehouse.gates.slices.search import search

if TYPE_CHECKING:
    import pandas as pd

LEAST = 30
"""Minimum rows of a slice where it is sought, and independent units where it is tested."""
TESTED = 5
"""Slices that are tested."""
_ALIKE = 0.5
"""Slices that share more than this part of their rows (Jaccard 1901) are tested once."""


@dataclass(frozen=True)
class Tested:
    """A tested slice.

    Attributes:
        parts: the slice.
        rows: mask of its rows, shape [N].
        mean: its mean loss.
    """

    parts: Slice
    rows: Mask
    mean: Mean


def suspects_of(rows: pd.DataFrame, columns: Sequence[str], losses: Floats) -> list[Slice]:
    """Search slices of `columns` for the largest losses, shape [N]; the largest first."""
    return search([cells_of(rows[name], LEAST) for name in columns], losses, LEAST)


def tested_of(
    suspects: Sequence[Slice],
    tables: Sequence[pd.DataFrame],
    losses: Floats,
    predictions: Predictions,
) -> list[Tested]:
    """Return the first suspects that are large enough and not nearly alike.

    Args:
        suspects: slices, the most suspicious first.
        tables: other N rows than those of the search, as `rows_of` takes them.
        losses: what each of these rows loses, shape [N].
        predictions: predictions of these rows, with their weights and units.
    """
    found: list[Tested] = []
    for parts in suspects:
        rows = rows_of(parts, tables)
        if rows.sum() < LEAST or _known(rows, found):
            continue
        inside = predictions.of_rows(rows)
        mean = mean_of(losses[rows], inside.weights, inside.units)
        if mean.units < LEAST:
            continue
        found.append(Tested(parts, rows, mean))
        if len(found) == TESTED:
            break
    return found


def _known(rows: Mask, found: Sequence[Tested]) -> bool:
    return any((rows & each.rows).sum() > _ALIKE * (rows | each.rows).sum() for each in found)
