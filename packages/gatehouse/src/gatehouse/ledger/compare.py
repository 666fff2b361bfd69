"""What became of each row: base and candidate compared as multisets.

A row is known by its *identity*: the columns that decide its split. Several rows of one identity
are legal, because without a key the model's inputs identify a row. So rows are paired, each with at
most one, in three rounds:

1. equal in every column: *unchanged*;
2. of what is left, equal in identity and target: *changed*;
3. of what is left, equal in identity: *relabelled*, whatever else changed.

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
"""The number of the split test, as `gatehouse.split.deal` gives it."""

_CHUNK = 2**20
"""Rows compared at a time; memory next to the hashes is for these alone."""


class Outcome(IntEnum):
    """What became of a row; `GONE` is of base rows, the last two of the candidate's."""

    UNCHANGED = 0
    CHANGED = 1
    RELABELLED = 2
    GONE = 3
    ADDED = 4
    REPEATED = 5


@dataclass(frozen=True)
class Hashed:
    """The N rows of one side, by keyed hashes of one key.

    Attributes:
        whole: shape [N], of every column that counts.
        labelled: shape [N], of identity and target.
        identity: shape [N].
        splits: shape [N], each row's split by the base's rule: 0 train, 1 valid, 2 test.
    """

    whole: Hashes
    labelled: Hashes
    identity: Hashes
    splits: Splits

    def __len__(self) -> int:
        return len(self.splits)


def compare(
    base: Hashed, candidate: Hashed, swept: NDArray[np.bool_] | None = None
) -> tuple[Outcomes, Outcomes]:
    """The outcome of each base row, shape [N], and the origin of each candidate row, shape [M].

    Rows of test pair with rows of test alone: an official test row that moves into the other file
    is gone from the exam.

    Args:
        base: its rows.
        candidate: its rows.
        swept: shape [N], base rows that have no partner, whatever the candidate has; None: all may
            have one.
    """
    ours = np.full(len(base), Outcome.GONE, np.uint8)
    theirs = np.full(len(candidate), Outcome.ADDED, np.uint8)
    # Partners share an identity, so rows of one range of its hash are compared by themselves.
    chunks = max(1, -(-max(len(base), len(candidate)) // _CHUNK))
    for chunk in range(chunks):
        for test in (False, True):
            a = _chosen(base, chunk, chunks, test=test)
            a = a if swept is None else a[~swept[a]]
            b = _chosen(candidate, chunk, chunks, test=test)
            ours[a], theirs[b] = _pair(base, candidate, a, b)
    return ours, theirs


def _chosen(side: Hashed, chunk: int, chunks: int, *, test: bool) -> NDArray[np.intp]:
    """Places of the rows of one range of identities, of test or of the other splits."""
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
    """Which of `a`, shape [N], and of `b`, shape [M], have a partner of equal value in the other.

    Each has at most one: of a value that stands three times in `a` and twice in `b`, any two of `a`
    have one.
    """
    order_a, order_b = np.argsort(a), np.argsort(b)
    sorted_a, sorted_b = a[order_a], b[order_b]
    in_a, in_b = np.empty(len(a), bool), np.empty(len(b), bool)
    in_a[order_a] = _ranks(sorted_a) < _counts(sorted_a, sorted_b)
    in_b[order_b] = _ranks(sorted_b) < _counts(sorted_b, sorted_a)
    return in_a, in_b


def _ranks(values: Hashes) -> NDArray[np.intp]:
    """How many equal values stand before each, in sorted values."""
    places = np.arange(len(values))
    starts = np.ones(len(values), bool)
    starts[1:] = values[1:] != values[:-1]
    return places - np.maximum.accumulate(np.where(starts, places, 0))


def _counts(values: Hashes, among: Hashes) -> NDArray[np.intp]:
    """How often each value is in `among`; both sorted."""
    last = np.searchsorted(among, values, "right")
    return np.asarray(last - np.searchsorted(among, values, "left"))
