"""Outcome of each row: base and candidate compared as multisets.

A row is identified by its *identity*: the columns that decide its split. Several rows may have the
same identity, because without a key the model's inputs identify a row. So rows are paired, each
with at most one partner, in three rounds:

1. equal in every column: *unchanged*;
2. of the remaining rows, equal in identity and target: *changed*;
3. of the remaining rows, equal in identity: *relabelled*, whatever else changed.

A base row without a partner is *gone*. A candidate's row without a partner is *repeated* if the
base has its identity, and *added* otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.keyed import Hashes
from gatehouse.ledger.members import Members

Outcomes = NDArray[np.uint8]
Splits = NDArray[np.uint8]

TEST = 2
"""The number of the test split, as in the result of `gatehouse.split.deal`."""

_CHUNK = 2**20
"""Rows compared at a time. Apart from the hashes, memory is only needed for these rows."""


class Outcome(IntEnum):
    """Outcome of a row. `GONE` applies to base rows, the last two to the candidate's rows."""

    UNCHANGED = 0
    CHANGED = 1
    RELABELLED = 2
    GONE = 3
    ADDED = 4
    REPEATED = 5


@dataclass(frozen=True)
class Hashed:
    """The N rows of one side, as hashes under one key.

    Attributes:
        whole: shape [N], hash of every column that counts.
        labelled: shape [N], hash of identity and target.
        identity: shape [N], hash of the identity.
        unit: shape [N], hash of the columns that decide the split.
        splits: shape [N], each row's split by the base's rule: 0 train, 1 valid, 2 test.
    """

    whole: Hashes
    labelled: Hashes
    identity: Hashes
    unit: Hashes
    splits: Splits

    def __len__(self) -> int:
        return len(self.splits)


def compare(
    base: Hashed, candidate: Hashed, swept: NDArray[np.bool_] | None = None
) -> tuple[Outcomes, Outcomes]:
    """Return the outcome of each base row, shape [N], and the origin of each candidate row, [M].

    Test rows pair only with test rows: an official test row that moves into the other file is gone
    from the exam.

    Args:
        base: rows of the base.
        candidate: rows of the candidate.
        swept: mask of base rows that get no partner even if the candidate has one, shape [N]; by
            default, none.
    """
    ours = np.full(len(base), Outcome.GONE, np.uint8)
    theirs = np.full(len(candidate), Outcome.ADDED, np.uint8)
    # Partners have the same identity, so each range of identity hashes can be compared separately.
    chunks = max(1, -(-max(len(base), len(candidate)) // _CHUNK))
    for chunk in range(chunks):
        for test in (False, True):
            a = _chosen(base, chunk, chunks, test=test)
            a = a if swept is None else a[~swept[a]]
            b = _chosen(candidate, chunk, chunks, test=test)
            ours[a], theirs[b] = _pair(base, candidate, a, b)
    return ours, theirs


def _chosen(side: Hashed, chunk: int, chunks: int, *, test: bool) -> NDArray[np.intp]:
    """Return the indices of the rows in one range of identities, of test or of the other splits."""
    chosen = (side.splits == TEST) == test
    if chunks > 1:
        chosen &= side.identity % np.uint64(chunks) == chunk
    return np.flatnonzero(chosen)


def _pair(
    base: Hashed, candidate: Hashed, a: NDArray[np.intp], b: NDArray[np.intp]
) -> tuple[Outcomes, Outcomes]:
    ours = np.full(len(a), Outcome.GONE, np.uint8)
    theirs = np.full(len(b), Outcome.ADDED, np.uint8)
    left, right = np.arange(len(a)), np.arange(len(b))
    rounds = (
        (base.whole, candidate.whole, Outcome.UNCHANGED),
        (base.labelled, candidate.labelled, Outcome.CHANGED),
        (base.identity, candidate.identity, Outcome.RELABELLED),
    )
    for old, new, outcome in rounds:
        in_old, in_new = pairs(old[a[left]], new[b[right]])
        ours[left[in_old]], theirs[right[in_new]] = outcome, outcome
        left, right = left[~in_old], right[~in_new]
    known = Members(base.identity[a]).holds(candidate.identity[b[right]])
    theirs[right[known]] = Outcome.REPEATED
    return ours, theirs


def pairs(a: Hashes, b: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return masks of `a`, shape [N], and `b`, shape [M]: which values have a partner in the other.

    Each value has at most one partner. If a value occurs three times in `a` and twice in `b`, any
    two of the three in `a` have one.
    """
    order_a, order_b = np.argsort(a), np.argsort(b)
    sorted_a, sorted_b = a[order_a], b[order_b]
    in_a, in_b = np.empty(len(a), bool), np.empty(len(b), bool)
    in_a[order_a] = _ranks(sorted_a) < _counts(sorted_a, sorted_b)
    in_b[order_b] = _ranks(sorted_b) < _counts(sorted_b, sorted_a)
    return in_a, in_b


def _ranks(values: Hashes) -> NDArray[np.intp]:
    """Return how many equal values precede each value, in sorted values."""
    places = np.arange(len(values))
    starts = np.ones(len(values), bool)
    starts[1:] = values[1:] != values[:-1]
    return places - np.maximum.accumulate(np.where(starts, places, 0))


def _counts(values: Hashes, among: Hashes) -> NDArray[np.intp]:
    """Return how often each value occurs in `among`; both are sorted."""
    last = np.searchsorted(among, values, "right")
    return np.asarray(last - np.searchsorted(among, values, "left"))
