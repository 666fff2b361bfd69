"""The values of a column's cells, independent of how the file's writer stored them.

Two cells are equal here if they have the same value: an integer and a float of one value, text
stored with or without a dictionary, 0.0 and -0.0. Null, NaN and the empty text are all missing, as
in the contract. A time or a decimal is compared by the text that Arrow writes for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT = 2**53
"""Up to this magnitude a float64 represents every integer."""


class Kind(IntEnum):
    """Meaning of a cell's 64 bits."""

    MISSING = 0
    NUMBER = 1  # bits of a float64
    NEGATIVE = 2  # an integer that no float64 represents
    POSITIVE = 3
    TEXT = 4


@dataclass(frozen=True)
class Numbers:
    """A column of N numbers.

    Attributes:
        bits: shape [N]; 0 for a missing number.
        kinds: shape [N]; meaning of the bits.
    """

    bits: NDArray[np.uint64]
    kinds: NDArray[np.uint8]


@dataclass(frozen=True)
class Texts:
    """A column of N texts.

    Attributes:
        distinct: the D values. A value can occur twice, and None or the empty text means missing.
        codes: shape [N]; index of each cell's value in `distinct`, -1 for a missing one.
    """

    distinct: tuple[str, ...]
    codes: NDArray[np.int64]


Cells = Numbers | Texts


def cells(column: pa.Array) -> Cells:
    """Return the values of a column of N rows."""
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        if _is_text(kind.value_type):
            return _texts(column)
        column, kind = column.dictionary_decode(), kind.value_type
    if types.is_null(kind):
        rows = len(column)
        return Numbers(np.zeros(rows, np.uint64), np.full(rows, Kind.MISSING, np.uint8))
    if types.is_integer(kind):
        return _integers(column)
    if types.is_boolean(kind):
        return _integers(column.cast("uint8"))
    if types.is_floating(kind):
        return _floats(column)
    text = column if _is_text(kind) else column.cast("string")
    return _texts(text.dictionary_encode())


def _is_text(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _integers(column: pa.Array) -> Numbers:
    missing = _nulls(column)
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    floats = values.astype(np.float64)
    kinds = np.full(len(values), Kind.NUMBER, np.uint8)
    bits = (floats + 0.0).view(np.uint64)
    if len(values) and (values.max() > _EXACT or values.min() < -_EXACT):
        # Compare as Python integers: 2**63 as a float cannot be converted back to int64.
        exact = np.array([int(f) == int(v) for f, v in zip(floats, values, strict=True)])
        signs = np.where(values < 0, Kind.NEGATIVE, Kind.POSITIVE).astype(np.uint8)
        kinds, bits = np.where(exact, kinds, signs), np.where(exact, bits, values.astype(np.uint64))
    return _without(missing, bits, kinds)


def _floats(column: pa.Array) -> Numbers:
    values = column.cast("float64").fill_null(np.nan).to_numpy(zero_copy_only=False)
    kinds = np.full(len(values), Kind.NUMBER, np.uint8)
    # Adding 0.0 turns -0.0 into 0.0, its equal.
    return _without(np.isnan(values), (values + 0.0).view(np.uint64), kinds)


def _without(
    missing: NDArray[np.bool_] | None, bits: NDArray[np.uint64], kinds: NDArray[np.uint8]
) -> Numbers:
    if missing is not None and missing.any():
        bits, kinds = np.where(missing, np.uint64(0), bits), np.where(missing, 0, kinds)
    return Numbers(bits, kinds.astype(np.uint8, copy=False))


def _nulls(column: pa.Array) -> NDArray[np.bool_] | None:
    return column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None


def _texts(column: Any) -> Texts:
    distinct = tuple(text or "" for text in column.dictionary.to_pylist())
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Texts(distinct, codes.astype(np.int64, copy=False))
