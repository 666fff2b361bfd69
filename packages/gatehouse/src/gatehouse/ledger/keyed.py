"""Keyed 64-bit hashes of rows, for several subsets of their columns at once.

These hashes decide whether two rows are equal, so nobody must be able to craft different rows with
equal hashes. A new key is drawn for each run, and nobody knows it before:

- a text becomes 64 bits by SipHash (Aumasson and Bernstein 2012), the keyed hash of pandas;
- the cells become a row's hash by MULTILINEAR (Lemire and Kaser 2014, "Strongly universal string
  hashing is fast"): for words s of 32 bits and secret m of 64, `(m_0 + sum m_i s_i mod 2**64) >>
  32`. Two different rows collide with probability 2**-32, whatever the rows are; two independent
  hashes together with 2**-64. If ten million rows are compared with ten million, the chance of any
  wrong match is below 1 in 100,000.

The hash is a sum of one term per column, so leaving a column out costs one subtraction.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.cells import Cells, Kind, Numbers, Texts, cells

if TYPE_CHECKING:
    import pyarrow as pa

Hashes = NDArray[np.uint64]

_LOW = np.uint64(2**32 - 1)
_HALF = np.uint64(32)


class RowHasher:
    """Hashes of rows under one key. Hashes of two hashers can't be compared.

    Args:
        columns: names of all columns that count.
        key: secret bytes; drawn at random if None.
    """

    def __init__(self, columns: Sequence[str], key: bytes | None = None) -> None:
        key = secrets.token_bytes(32) if key is None else key
        # pandas takes 16 bytes of text as SipHash's key.
        self._text_key = hashlib.blake2b(key, digest_size=8, person=b"text").hexdigest()
        stream = hashlib.shake_256(b"columns" + key).digest(8 * (2 + 6 * len(columns)))
        drawn = np.frombuffer(stream, np.uint64)
        self._start = drawn[:2]
        # [column, lane, word]: the words are a cell's low half, its high half and its kind.
        keys = drawn[2:].reshape(len(columns), 2, 3)
        self._keys = dict(zip(columns, keys, strict=True))

    def terms(self, batch: pa.RecordBatch) -> dict[str, Hashes]:
        """Return each column's term in the hashes of N rows, each of shape [2, N].

        A column that the batch lacks counts as missing in every row.
        """
        present = set(batch.schema.names)
        return {
            name: self._term(name, cells(batch.column(name)))
            if name in present
            else np.zeros((2, batch.num_rows), np.uint64)
            for name in self._keys
        }

    def hashes(self, terms: dict[str, Hashes], columns: Iterable[str], rows: int) -> Hashes:
        """Return hashes of N rows by some of their columns, shape [N]."""
        return packed(self.sums(terms, columns, rows))

    def sums(self, terms: dict[str, Hashes], columns: Iterable[str], rows: int) -> Hashes:
        """Return sums of the columns' terms, [2, N]; subtract a term to leave its column out."""
        total = np.empty((2, rows), np.uint64)
        total[:] = self._start[:, None]
        for name in columns:
            total += terms[name]
        return total

    def _term(self, name: str, column: Cells) -> Hashes:
        keys = self._keys[name]
        if isinstance(column, Numbers):
            return _multilinear(keys, column.bits, column.kinds)
        return self._of_texts(keys, column)

    def _of_texts(self, keys: Hashes, column: Texts) -> Hashes:
        import pandas as pd

        # The last element is for code -1, a missing text.
        distinct = np.array([*column.distinct, ""], object)
        bits = pd.util.hash_array(distinct, hash_key=self._text_key, categorize=False)
        missing = distinct == ""
        kinds = np.where(missing, Kind.MISSING, Kind.TEXT).astype(np.uint8)
        bits[missing] = 0
        return _multilinear(keys, bits, kinds)[:, column.codes]


def _multilinear(keys: Hashes, bits: Hashes, kinds: NDArray[np.uint8]) -> Hashes:
    low, high, kind = bits & _LOW, bits >> _HALF, kinds.astype(np.uint64)
    result = np.empty((2, len(bits)), np.uint64)
    for lane in range(2):
        result[lane] = keys[lane, 0] * low
        result[lane] += keys[lane, 1] * high
        result[lane] += keys[lane, 2] * kind
    return result


def packed(sums: Hashes) -> Hashes:
    """Return the hashes, shape [N], of sums of shape [2, N]: the upper half of each sum."""
    return np.asarray((sums[0] & ~_LOW) | (sums[1] >> _HALF))
