"""Rows told apart by their content."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

_HASH_KEY = "gatehouse-split1"  # 16 bytes, as pandas wants; another key is another split


def row_hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """A hash of each row's content, shape [N]; the same row gives the same hash in any table.

    Numbers count by value, so a column that turns from int64 into float64, because one value of
    another row is missing, keeps its hashes.
    """
    plain = pd.DataFrame({name: _plain(values) for name, values in frame.items()})
    hashes = pd.util.hash_pandas_object(plain, index=False, hash_key=_HASH_KEY)
    return np.asarray(hashes, np.uint64)


def _plain(values: pd.Series) -> NDArray[np.int64] | NDArray[np.uint64]:
    """64-bit integers: hashes of text, whole numbers as themselves, other numbers as their bits."""
    if not pd.api.types.is_numeric_dtype(values.dtype):
        # Arrow, not pandas, finds the distinct texts: pandas' table ends a text at a NUL.
        text = pa.array(values.astype("str").fillna(""), from_pandas=True)
        if isinstance(text, pa.ChunkedArray):  # of a column that was read in parts
            text = text.combine_chunks()
        found = text.dictionary_encode()
        distinct = found.dictionary.to_numpy(zero_copy_only=False).astype(object)
        hashes = pd.util.hash_array(distinct, hash_key=_HASH_KEY, categorize=False)
        hashed: NDArray[np.uint64] = hashes[found.indices.to_numpy()]
        return hashed
    if pd.api.types.is_integer_dtype(values.dtype) and not values.hasnans:
        return np.asarray(values, np.int64)
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    whole = (np.abs(numbers) < 2**63) & (np.floor(numbers) == numbers)
    bits = np.where(np.isnan(numbers), np.nan, numbers).view(np.int64)
    return np.where(whole, np.where(whole, numbers, 0).astype(np.int64), bits)
