"""Matches each exam row with its row in the candidate, and finds the candidate's new test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.compare import TEST, Hashed, pairs
from gatehouse.ledger.ledger import Table, hashed
from gatehouse.ledger.parts import Part
from gatehouse.table import open_table

if TYPE_CHECKING:
    from gatehouse.contract import Contract

NOBODY = -1


@dataclass(frozen=True)
class Partners:
    """N exam rows matched with the M test rows of a candidate.

    Attributes:
        places: shape [N], index of each exam row's partner among the candidate's rows, or -1.
        unchanged: shape [N], does the partner equal it in all columns of the base's contract?
        new: shape [M], mask of the candidate's rows that are not the partner of an exam row.
    """

    places: NDArray[np.intp]
    unchanged: NDArray[np.bool_]
    new: NDArray[np.bool_]


def find_partners(exam: Path, test: Path, contract: Contract, key: bytes | None = None) -> Partners:
    """Pair the rows of two Parquet files as the ledger does, each with at most one partner.

    Args:
        exam: test rows of the base.
        test: test rows of the candidate.
        contract: contract of the base.
        key: key of the hashes; drawn at random if None.

    Raises:
        GatehouseError: a file cannot be read.
    """
    old, new = hashed([_table(exam), _table(test)], contract, key)
    places = np.full(len(old), NOBODY, np.intp)
    left, right = np.arange(len(old)), np.arange(len(new))
    unchanged = np.zeros(len(old), bool)
    for ours, theirs in _rounds(old, new):
        in_old, in_new = pairs(ours[left], theirs[right])
        a, b = left[in_old], right[in_new]
        # Both sides have equally many paired rows of each value, so they line up when sorted.
        places[a[np.argsort(ours[a], kind="stable")]] = b[np.argsort(theirs[b], kind="stable")]
        if ours is old.whole:
            unchanged[a] = True
        left, right = left[~in_old], right[~in_new]
    fresh = np.zeros(len(new), bool)
    fresh[right] = True
    return Partners(places, unchanged, fresh)


def _rounds(old: Hashed, new: Hashed) -> Sequence[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
    return (
        (old.whole, new.whole),
        (old.labelled, new.labelled),
        (old.identity, new.identity),
    )


def _table(path: Path) -> Table:
    part = Part(path.name, "", path, official_test=True)
    return Table((part,), np.full(open_table(path).metadata.num_rows, TEST, np.uint8))
