"""The split rules `hash` and `group`: a hash of the identity or group, in the contract's shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.splits.rule import Deal, NoSettings, SplitRule, identity_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from gatehouse.contract import Contract

_HASH_SPAN = 2**64


def value_hashes(rows: pa.Table, columns: Iterable[str]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's values in some columns, [N]; equal values, equal hashes.

    Raises:
        GatehouseError: the values cannot be read.
    """
    import pyarrow as pa

    from gatehouse.rows import row_hashes

    try:
        # Sorted, so that the order of the list does not matter.
        plain = {name: _plain(rows[name]) for name in sorted(columns)}
        # Ignore pandas metadata: it could turn a column into the index.
        frame = pa.table(plain).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError) as error:
        raise GatehouseError(f"identity columns cannot be read ({error})") from None
    return row_hashes(frame, read_numbers=True)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return values instead of codes, because pandas rejects a dictionary with a missing value.

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
    if isinstance(codes, pa.ChunkedArray):  # in a table without rows
        return column.cast(kind.value_type)
    # The last element is for a missing code.
    texts = pa.concat_arrays([codes.dictionary, pa.nulls(1, kind.value_type)])
    hashes = text_hashes(texts.fill_null(""), read_numbers=True)
    places = codes.indices.fill_null(len(hashes) - 1).to_numpy(zero_copy_only=False)
    return pa.array(hashes[places])


def _by_identity(rows: pa.Table, deal: Deal[NoSettings]) -> NDArray[np.uint8]:
    return _in_shares(value_hashes(rows, identity_of(deal.contract)), deal)


def _by_group(rows: pa.Table, deal: Deal[NoSettings]) -> NDArray[np.uint8]:
    return _in_shares(value_hashes(rows, _group(deal.contract)), deal)


def _group(contract: Contract) -> tuple[str, ...]:
    assert contract.group is not None  # by: group needs it
    return (contract.group,)


def _in_shares(hashes: NDArray[np.uint64], deal: Deal[NoSettings]) -> NDArray[np.uint8]:
    """Split by hash; with an official test, valid keeps its proportion to train."""
    import numpy as np

    valid, test = deal.contract.split.shares
    if deal.official_test:
        test, valid = 0.0, valid / (1 - test)
    dealt = np.zeros(len(hashes), np.uint8)
    dealt[hashes < np.uint64(int((test + valid) * _HASH_SPAN))] = 1
    dealt[hashes < np.uint64(int(test * _HASH_SPAN))] = 2
    return dealt


HASH = SplitRule(
    name="hash",
    label="the hash of the columns",
    settings=NoSettings,
    deal=_by_identity,
    by_chance=True,
)
GROUP = SplitRule(
    name="group",
    label="the hash of the group",
    settings=NoSettings,
    deal=_by_group,
    by_chance=True,
    columns=_group,
)
