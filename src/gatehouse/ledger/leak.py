"""Does a row outside test stand in the exam, whole or but for one input?

A model that was trained on a row, or on a copy with one value nudged, has seen the answer. Chance
makes such pairs too, where inputs have few values, so the base's own share is counted beside the
candidate's: honest new rows bring pairs at the base's rate.

Rows are compared by the graph's inputs alone, and by all of them but one in turn: keyed hashes of
k + 1 subsets of k columns, kept of the exam only. This is done twice: with the values as they are,
and with each number replaced by its cell (`gatehouse.ledger.grid`), for copies whose numbers are
all nudged.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.ledger.compare import TEST
from gatehouse.ledger.grid import Grid
from gatehouse.ledger.keyed import Hashes, RowHasher, packed
from gatehouse.ledger.ledger import Table
from gatehouse.ledger.members import Members
from gatehouse.ledger.parts import batches

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Twins:
    """Rows outside test that have a twin in the exam.

    Attributes:
        rows: outside test.
        equal: of these, how many equal an exam row in all inputs.
        near: how many do in all inputs, or in all but one.
        close: how many do in all inputs, with cells for numbers.
        about: how many do in all inputs, or in all but one, with cells for numbers.
    """

    rows: int
    equal: int
    near: int
    close: int
    about: int

    def share(self, kind: str = "near") -> float:
        """One of these counts (`near`, `close`, `about`) in the rows outside test; 0 of none."""
        count: int = getattr(self, kind)
        return count / self.rows if self.rows else 0.0


class Exam:
    """The inputs of the exam's rows, whole and but for one.

    Args:
        base: the base's rows; those of test are the exam.
        inputs: names of the graph's inputs by the base's contract.
        key: of the hashes and cells; drawn at random if None.

    Raises:
        GatehouseError: a part cannot be read.
    """

    def __init__(self, base: Table, inputs: Sequence[str], key: bytes | None = None) -> None:
        key = secrets.token_bytes(32) if key is None else key
        self._inputs = tuple(inputs)
        self._hasher = RowHasher(self._inputs, key)
        self._grid = Grid.over(_batches(base, self._inputs, test=True), self._inputs, key)
        self._exact = self._members(base, cells=False)
        self._cells = self._members(base, cells=True)

    def twins(self, table: Table) -> Twins:
        """The rows outside test that have a twin in the exam.

        Raises:
            GatehouseError: a part cannot be read.
        """
        counts = np.zeros(4, np.int64)
        rows = 0
        for batch in _batches(table, self._inputs, test=False):
            rows += batch.num_rows
            counts[:2] += _found(self._hashes(batch), self._exact)
            counts[2:] += _found(self._hashes(self._grid.cells(batch)), self._cells)
        return Twins(rows, *(int(count) for count in counts))

    def _members(self, base: Table, *, cells: bool) -> list[Members]:
        found = [
            self._hashes(self._grid.cells(batch) if cells else batch)
            for batch in _batches(base, self._inputs, test=True)
        ]
        empty = [np.empty(0, np.uint64)] * (len(found[0]) if found else 1)
        return [Members(np.concatenate(subset)) for subset in zip(empty, *found, strict=True)]

    def _hashes(self, batch: pa.RecordBatch) -> list[Hashes]:
        """Hashes of N rows by all inputs, then by all but each in turn; shape [N] each."""
        terms = self._hasher.terms(batch)
        sums = self._hasher.sums(terms, self._inputs, batch.num_rows)
        if len(self._inputs) == 1:  # all rows are equal in all inputs but the only one
            return [packed(sums)]
        return [packed(sums), *(packed(sums - terms[name]) for name in self._inputs)]


def _found(hashes: list[Hashes], members: list[Members]) -> tuple[int, int]:
    """How many rows stand there whole, and how many whole or but for one input."""
    whole, *but_one = hashes
    found = members[0].holds(whole)
    left = np.flatnonzero(~found)
    for each, known in zip(but_one, members[1:], strict=True):
        left = left[~known.holds(each[left])]
    return int(found.sum()), len(whole) - len(left)


def _batches(table: Table, columns: Sequence[str], *, test: bool) -> Iterator[pa.RecordBatch]:
    """Rows of test, or those of the other splits."""
    import pyarrow as pa

    place = 0
    for part in table.parts:
        for batch in batches(part, columns):
            splits = table.splits[place : place + batch.num_rows]
            place += batch.num_rows
            yield batch.filter(pa.array((splits == TEST) == test))
