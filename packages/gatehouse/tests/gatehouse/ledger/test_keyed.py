"""Keyed hashes of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gatehouse.ledger.keyed import RowHasher, packed

BATCH = pa.RecordBatch.from_pydict({"a": [1, 1, 2], "b": ["x", "y", "x"], "c": [0.5, None, 0.5]})
NAMES = ["a", "b", "c"]


def of(hasher: RowHasher, columns: list[str], batch: pa.RecordBatch = BATCH) -> list[int]:
    found = hasher.hashes(hasher.terms(batch), columns, batch.num_rows)
    return [int(one) for one in found]


def test_another_key_is_another_hash() -> None:
    """Attacks collisions that were crafted against a known key."""
    assert of(RowHasher(NAMES, b"1"), NAMES) == of(RowHasher(NAMES, b"1"), NAMES)
    drawn = [of(RowHasher(NAMES), NAMES) for _ in range(5)]
    assert len({one for row in drawn for one in row}) == 15


def test_leaving_a_column_out_is_hashing_the_others() -> None:
    """Attacks the subtraction that the search for near-copies rests on."""
    hasher = RowHasher(NAMES)
    terms = hasher.terms(BATCH)
    sums = hasher.sums(terms, NAMES, 3)
    for name in NAMES:
        others = [other for other in NAMES if other != name]
        assert packed(sums - terms[name]).tolist() == of(hasher, others)


def test_the_order_and_place_of_columns_do_not_count() -> None:
    """Attacks rows that seem new because a file lists its columns in another order."""
    hasher = RowHasher(NAMES)
    turned = BATCH.select(["c", "a", "b"])
    assert of(hasher, NAMES) == of(hasher, NAMES, turned)


def test_swapped_values_hash_apart() -> None:
    """Attacks a sum that forgets which column a value stands in."""
    hasher = RowHasher(["a", "b"])
    one = pa.RecordBatch.from_pydict({"a": [1, 0], "b": [0, 1]})
    assert len(set(of(hasher, ["a", "b"], one))) == 2


def test_a_column_that_is_not_there_counts_as_missing() -> None:
    """Attacks a column that a change takes out of sight."""
    hasher = RowHasher(NAMES)
    nulls = pa.RecordBatch.from_pydict({"a": [1], "b": pa.array([None], "string"), "c": [0.5]})
    lost = pa.RecordBatch.from_pydict({"a": [1], "c": [0.5]})
    full = pa.RecordBatch.from_pydict({"a": [1], "b": ["x"], "c": [0.5]})
    assert of(hasher, NAMES, nulls) == of(hasher, NAMES, lost) != of(hasher, NAMES, full)


def test_a_million_rows_have_a_million_hashes() -> None:
    """Attacks hashes of fewer than 64 good bits."""
    rows = np.arange(1_000_000)
    batch = pa.RecordBatch.from_pydict({"a": rows % 1000, "b": rows // 1000})
    hasher = RowHasher(["a", "b"], b"fixed")
    found = np.sort(hasher.hashes(hasher.terms(batch), ["a", "b"], len(rows)))
    assert (found[1:] != found[:-1]).all()
    shares = [float((found >> np.uint64(bit) & np.uint64(1)).mean()) for bit in range(64)]
    assert all(0.49 < share < 0.51 for share in shares)
