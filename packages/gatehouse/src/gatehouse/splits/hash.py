"""The split rule `hash`: splits rows by a hash of their identity, in the contract's shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.splits.rule import NoSettings, SplitRule

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from gatehouse.contract import Split

_HASH_SPAN = 2**64


def identity_hashes(rows: pa.Table, split: Split) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's identity, shape [N]; equal identities have equal hashes.

    Raises:
        GatehouseError: the values cannot be read.
    """
    import pyarrow as pa

    from gatehouse.rows import row_hashes

    try:
        # Sorted, so that the order of the list does not matter.
        plain = {name: _plain(rows[name]) for name in sorted(split.identity)}
        # Ignore pandas metadata: it could turn a column into the index.
        frame = pa.table(plain).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError) as error:
        raise GatehouseError(f"identity columns cannot be read ({error})") from None
    return row_hashes(frame, read_numbers=True)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Decode dictionary columns: pandas refuses a dictionary that lists a missing value.

    Texts become hashes, which row_hashes accepts unchanged, so each distinct text is hashed once.
    """
    import pyarrow as pa

    from gatehouse.rows import text_hashes

    kind = column.type
    if not pa.types.is_dictionary(kind):
        return column
    if not pa.types.is_string(kind.value_type) and not pa.types.is_large_string(kind.value_type):
        return column.cast(kind.value_type)
    codes = column.combine_chunks()
    if isinstance(codes, pa.ChunkedArray):  # if the table has no rows
        return column.cast(kind.value_type)
    # The last entry is for missing codes.
    texts = pa.concat_arrays([codes.dictionary, pa.nulls(1, kind.value_type)])
    hashes = text_hashes(texts.fill_null(""), read_numbers=True)
    places = codes.indices.fill_null(len(hashes) - 1).to_numpy(zero_copy_only=False)
    return pa.array(hashes[places])


def _deal(rows: pa.Table, split: Split, _: NoSettings, official_test: bool) -> NDArray[np.uint8]:
    """Split rows by hash; with an official test file, valid keeps its proportion to train."""
    import numpy as np

    hashes = identity_hashes(rows, split)
    test, valid = split.test, split.valid
    if official_test:
        test, valid = 0.0, valid / (1 - test)
    dealt = np.zeros(len(hashes), np.uint8)
    dealt[hashes < np.uint64(int((test + valid) * _HASH_SPAN))] = 1
    dealt[hashes < np.uint64(int(test * _HASH_SPAN))] = 2
    return dealt


HASH = SplitRule(
    name="hash",
    label="the hash of the columns",
    settings=NoSettings,
    deal=_deal,
    by_chance=True,
)
