"""The split rule: which rows train, validate and test.

A row's split depends on the values of its identity columns (`split.identity` of contract.yaml) and
on nothing else: not on other rows or columns, their order, their types or the target.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gatehouse.contract import CONTRACT_FILE, Split
from gatehouse.digest import SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.rows import row_hashes, text_hashes

_HASH_SPAN = 2**64
_TRAIN, _VALID, _TEST = range(len(SPLITS))


def deal(rows: pa.Table, split: Split, *, official_test: bool = False) -> NDArray[np.uint8]:
    """The split of each row as its place in `SPLITS`: 0 train, 1 valid, 2 test; shape [N].

    Args:
        rows: with the identity columns; others don't matter.
        split: the contract's rule.
        official_test: is the test split a file of its own? No row is then dealt into test, and
            valid keeps its proportion to train.

    Raises:
        GatehouseError: an identity column is missing.
    """
    return deal_hashes(identity_hashes(rows, split), split, official_test=official_test)


def deal_hashes(
    hashes: NDArray[np.uint64], split: Split, *, official_test: bool = False
) -> NDArray[np.uint8]:
    """As `deal`, from the rows' identity hashes [N]."""
    test, valid = split.test, split.valid
    if official_test:
        test, valid = 0.0, valid / (1 - test)
    dealt = np.full(len(hashes), _TRAIN, np.uint8)
    dealt[hashes < np.uint64(int((test + valid) * _HASH_SPAN))] = _VALID
    dealt[hashes < np.uint64(int(test * _HASH_SPAN))] = _TEST
    return dealt


def identity_hashes(rows: pa.Table, split: Split) -> NDArray[np.uint64]:
    """A 64-bit hash of each row's identity, shape [N]; equal identities have equal hashes.

    Raises:
        GatehouseError: an identity column is missing, or its values cannot be read.
    """
    check_identity(rows.column_names, split, "rows")
    try:
        # Sorted, so that the order of the list does not matter.
        plain = {name: _plain(rows[name]) for name in sorted(split.identity)}
        # Metadata of pandas is ignored: it could turn a column into the index.
        frame = pa.table(plain).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError) as error:
        raise GatehouseError(f"identity columns cannot be read ({error})") from None
    return row_hashes(frame, read_numbers=True)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Values in place of codes: pandas refuses a dictionary that lists a missing value.

    Texts become hashes, which row_hashes takes as they are: each distinct text is hashed once.
    """
    kind = column.type
    if not pa.types.is_dictionary(kind):
        return column
    if not pa.types.is_string(kind.value_type) and not pa.types.is_large_string(kind.value_type):
        return column.cast(kind.value_type)
    codes = column.combine_chunks()
    if isinstance(codes, pa.ChunkedArray):  # of a table without rows
        return column.cast(kind.value_type)
    # The last place is that of a missing code.
    texts = pa.concat_arrays([codes.dictionary, pa.nulls(1, kind.value_type)])
    hashes = text_hashes(texts.fill_null(""), read_numbers=True)
    places = codes.indices.fill_null(len(hashes) - 1).to_numpy(zero_copy_only=False)
    return pa.array(hashes[places])


def check_identity(columns: Collection[str], split: Split, name: str | Path) -> None:
    """Refuse a table that lacks an identity column, or has it twice.

    Args:
        columns: of the table.
        split: the contract's rule.
        name: the file that errors describe.

    Raises:
        GatehouseError: naming the file, the columns and the fix.
    """
    wrong = [each for each in split.identity if list(columns).count(each) != 1]
    if wrong:
        raise GatehouseError(
            f"{name}: split.identity of {CONTRACT_FILE} needs column {', '.join(wrong)} once, and "
            "the file has not; without it rows would move to other splits. Bring the column back, "
            f"or take it out of split.identity in {CONTRACT_FILE}"
        )
