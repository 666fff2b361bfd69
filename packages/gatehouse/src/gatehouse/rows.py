"""Rows identified by their content."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_HASH_KEY = "gatehouse-split1"  # 16 bytes, as pandas requires; another key is another split

_NUMBER = r"^(-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?)?$"
_INTEGER = re.compile("0|-?[1-9][0-9]*")


def row_hashes(frame: pd.DataFrame, *, read_numbers: bool = False) -> NDArray[np.uint64]:
    """Return a hash of each row's content, shape [N]; equal rows have equal hashes in any table.

    Numbers are hashed by value: if a column turns from int64 into float64 because a value of
    another row is missing, it keeps its hashes.

    Args:
        frame: the rows. The order of the columns matters, their names don't.
        read_numbers: hash text that is a number as that number, so that a column also keeps its
            hashes when its type changes between number and text.
    """
    plain = pd.DataFrame({name: _plain(values, read_numbers) for name, values in frame.items()})
    hashes = pd.util.hash_pandas_object(plain, index=False, hash_key=_HASH_KEY)
    return np.asarray(hashes, np.uint64)


def _plain(values: pd.Series, read_numbers: bool) -> NDArray[np.int64] | NDArray[np.uint64]:
    """Return 64-bit integers: hashes of text, integer values, or the bits of other numbers."""
    if not pd.api.types.is_numeric_dtype(values.dtype):
        # Use Arrow to find the distinct texts: pandas' hash table ends a text at a NUL.
        text = pa.array(values.astype("str").fillna(""), from_pandas=True)
        if isinstance(text, pa.ChunkedArray):  # if the column was read in parts
            text = text.combine_chunks()
        found = text.dictionary_encode()
        hashes = text_hashes(found.dictionary, read_numbers=read_numbers)
        return np.asarray(hashes[found.indices.to_numpy()])
    if pd.api.types.is_integer_dtype(values.dtype) and not values.hasnans:
        return np.asarray(values, np.int64)
    return _of_floats(values.to_numpy(np.float64, na_value=np.nan))


def text_hashes(texts: pa.Array, *, read_numbers: bool) -> NDArray[np.uint64]:
    """Return the hashes of texts that `row_hashes` uses, shape [N]; missing ones hash as ""."""
    distinct = texts.to_numpy(zero_copy_only=False).astype(object)
    hashes: NDArray[np.uint64] = pd.util.hash_array(distinct, hash_key=_HASH_KEY, categorize=False)
    if read_numbers:
        _read_numbers(texts, hashes)
    return hashes


def _read_numbers(texts: pa.Array, hashes: NDArray[np.uint64]) -> None:
    """Replace, in `hashes`, the hash of each numeric or missing text by the number's hash.

    A text is a number if Python formats the number that way: "7" and "7.0" are 7, "07" is text.
    """
    for place in np.flatnonzero(pc.match_substring_regex(texts, _NUMBER).to_numpy(False)):
        text = texts[place].as_py()
        if _INTEGER.fullmatch(text):
            number = int(text)
            if -(2**63) <= number < 2**63:
                hashes[place] = np.int64(number).view(np.uint64)
        elif text == "" or repr(float(text)) == text:
            hashes[place] = _of_floats(np.array([float(text or "nan")])).view(np.uint64)[0]


def _of_floats(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers as they are, others as their bits, missing ones all equal; [N]."""
    whole = (np.abs(numbers) < 2**63) & (np.floor(numbers) == numbers)
    bits: NDArray[np.int64] = np.where(np.isnan(numbers), np.nan, numbers).view(np.int64)
    return np.where(whole, np.where(whole, numbers, 0).astype(np.int64), bits)
