"""Rows as multisets: every row has at most one partner, and none is counted twice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.ledger import compare as compared
from gatehouse.ledger.compare import Hashed, Outcome, compare, pairs

Row = tuple[int, int, int]
"""Identity, target, and another column; small, so that rows meet."""

some_rows = st.lists(st.tuples(*[st.integers(0, 2)] * 3), max_size=12)


def hashed(rows: list[Row]) -> Hashed:
    columns = np.array(rows, np.uint64).reshape(-1, 3)
    identity, target, other = columns.T
    labelled = identity * np.uint64(10) + target
    return Hashed(
        whole=labelled * np.uint64(10) + other,
        labelled=labelled,
        identity=identity,
        unit=identity,
        splits=identity.astype(np.uint8),  # as a hash does, by the identity alone
    )


def outcomes(base: list[Row], candidate: list[Row]) -> tuple[list[Outcome], list[Outcome]]:
    ours, theirs = compare(hashed(base), hashed(candidate))
    return [Outcome(one) for one in ours], [Outcome(one) for one in theirs]


@pytest.mark.parametrize(
    ("base", "candidate", "ours", "theirs"),
    [
        ([(0, 0, 0)], [(0, 0, 0)], ["UNCHANGED"], ["UNCHANGED"]),
        ([(0, 0, 0)], [(0, 0, 1)], ["CHANGED"], ["CHANGED"]),
        ([(0, 0, 0)], [(0, 1, 0)], ["RELABELLED"], ["RELABELLED"]),
        ([(0, 0, 0)], [(0, 1, 1)], ["RELABELLED"], ["RELABELLED"]),
        ([(0, 0, 0)], [(1, 0, 0)], ["GONE"], ["ADDED"]),
        ([(0, 0, 0)], [(0, 0, 0)] * 2, ["UNCHANGED"], ["UNCHANGED", "REPEATED"]),
        ([(0, 0, 0)], [(0, 0, 0), (0, 1, 0)], ["UNCHANGED"], ["UNCHANGED", "REPEATED"]),
        ([(0, 0, 0)] * 2, [(0, 0, 0)], ["UNCHANGED", "GONE"], ["UNCHANGED"]),
        ([], [(0, 0, 0)] * 2, [], ["ADDED", "ADDED"]),
        # One identity with both labels: taking one away relabels nothing.
        ([(0, 0, 0), (0, 1, 0)], [(0, 1, 0)], ["GONE", "UNCHANGED"], ["UNCHANGED"]),
    ],
)
def test_what_became_of_a_row(
    base: list[Row], candidate: list[Row], ours: list[str], theirs: list[str]
) -> None:
    """Attacks the definitions with the smallest tables that tell them apart."""
    found = outcomes(base, candidate)
    assert sorted(one.name for one in found[0]) == sorted(ours)
    assert sorted(one.name for one in found[1]) == sorted(theirs)


@given(some_rows, some_rows)
@settings(max_examples=300, deadline=None)
def test_counts_are_those_of_multisets(base: list[Row], candidate: list[Row]) -> None:
    """Attacks the vectorized pairing with counting by hand, rows repeated and in any order."""
    ours, theirs = outcomes(base, candidate)
    old, new = Counter(base), Counter(candidate)
    assert ours.count(Outcome.UNCHANGED) == (old & new).total()
    left, right = old - new, new - old
    labelled = Counter(r[:2] for r in left.elements()) & Counter(r[:2] for r in right.elements())
    identity = Counter(r[0] for r in left.elements()) & Counter(r[0] for r in right.elements())
    assert ours.count(Outcome.CHANGED) == labelled.total()
    assert ours.count(Outcome.RELABELLED) == identity.total() - labelled.total()
    for outcome in (Outcome.UNCHANGED, Outcome.CHANGED, Outcome.RELABELLED):
        assert ours.count(outcome) == theirs.count(outcome)
    known = {row[0] for row in base}
    alone = Counter(r[0] for r in right.elements()) - identity
    assert theirs.count(Outcome.ADDED) == sum(n for i, n in alone.items() if i not in known)
    assert theirs.count(Outcome.REPEATED) == sum(n for i, n in alone.items() if i in known)


@given(some_rows, some_rows)
@settings(max_examples=100, deadline=None)
def test_chunks_do_not_count(base: list[Row], candidate: list[Row]) -> None:
    """Attacks partners that are looked for in another chunk."""
    whole = outcomes(base, candidate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compared, "_CHUNK", 2)
        cut = outcomes(base, candidate)
    assert [Counter(side) for side in cut] == [Counter(side) for side in whole]


@given(st.lists(st.integers(0, 4), max_size=20), st.lists(st.integers(0, 4), max_size=20))
@settings(deadline=None)
def test_pairs_are_the_smaller_count_of_each_value(a: list[int], b: list[int]) -> None:
    """Attacks rows that pair twice or not at all."""
    left, right = np.array(a, np.uint64), np.array(b, np.uint64)
    in_a, in_b = pairs(left, right)
    both = sorted((Counter(a) & Counter(b)).elements())
    assert sorted(left[in_a].tolist()) == sorted(right[in_b].tolist()) == both
