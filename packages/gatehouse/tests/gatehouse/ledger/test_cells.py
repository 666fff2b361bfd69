"""Cells by value: a writer's choice of type, dictionary or batch changes nothing."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.ledger.keyed import RowHasher

HASHER = RowHasher(["x"], b"a key")


def hashes(column: pa.Array) -> list[int]:
    batch = pa.RecordBatch.from_arrays([column], ["x"])
    return [int(h) for h in HASHER.hashes(HASHER.terms(batch), ["x"], batch.num_rows)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([0, 1, -5, 2**53]), pa.array([-0.0, 1, -5, 2.0**53])),
        (pa.array([2**60, 2**63 - 1]), pa.array([2**60, 2**63 - 1], "uint64")),
        (pa.array([1, None]), pa.array([1.0, float("nan")])),
        (pa.array([True, False, None]), pa.array([1, 0, None], "int8")),
        (pa.array([0.5, None]), pa.array([0.5, None], "float32")),
        (pa.array(["a", None, ""]), pa.array(["a", "", None], "large_string")),
        (pa.array(["a", None]), pa.array(["a", None]).dictionary_encode()),
        (
            pa.array(["a", "b", None]),
            pa.DictionaryArray.from_arrays([1, 3, 2], ["b", "a", None, "b"]),
        ),
        (pa.array([1, 2]), pa.array([1, 2]).dictionary_encode()),
        (pa.array([None, None]), pa.array(["", None])),
        (pa.nulls(2), pa.array([None, None], "int64")),
    ],
    ids=str,
)
def test_equal_values_hash_alike(one: pa.Array, other: pa.Array) -> None:
    """Attacks rows that seem changed because another writer stored them."""
    assert hashes(one) == hashes(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (2**63 - 1, 2**63 - 2),  # no float64 tells these apart
        (2**53 + 1, 2**53),
        (0.1, np.float32(0.1)),
        (4602678819172646912, 0.5),  # the float's bits
        (1, "1"),
        (0, None),
        (Decimal("1.50"), 1.5),
        ("a", "a\0"),
        ("\0", None),
        ("a", "a "),
    ],
    ids=repr,
)
def test_unlike_values_hash_apart(one: object, other: object) -> None:
    """Attacks a changed cell that counts as unchanged."""
    assert hashes(pa.array([one])) != hashes(pa.array([other]))


values = st.none() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()


@given(values, values)
@settings(max_examples=300, deadline=None)
def test_hashes_are_equal_where_python_says_so(one: object, other: object) -> None:
    """Attacks the arithmetic at the edges of int64, uint64 and float64."""
    same = one == other or {one, other} <= {None, ""}
    (left,), (right,) = hashes(_array(one)), hashes(_array(other))
    assert (left == right) is same


def _array(value: object) -> pa.Array:
    unsigned = isinstance(value, int) and value >= 2**63
    return pa.array([value], "uint64" if unsigned else None)
