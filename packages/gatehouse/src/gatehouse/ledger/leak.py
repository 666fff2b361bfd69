"""is a row outside test in the exam, whole or but for one input?

A model that was trained on a row, or on a copy with one value nudged, has seen the answer. Chance
makes such pairs too, where inputs have few values, so the base's own share is counted next to the
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
from numpy.typing import NDArray

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
        # [side, subset, row]; as one array, which the sets then keep.
        found = np.empty((2, 1 + len(self._left_out), int((base.splits == TEST).sum())), np.uint64)
        place = 0
        for batch in _batches(base, self._inputs, test=True):
            rows = slice(place, place := place + batch.num_rows)
            for side, into in zip(self._sides(batch), found, strict=True):
                into[0, rows] = packed(side.sums)
                for subset, name in zip(into[1:], self._left_out, strict=True):
                    subset[rows] = side.without(name)
        self._exact, self._cells = ([Members(subset) for subset in side] for side in found)

    def twins(self, table: Table) -> Twins:
        """The rows outside test that have a twin in the exam.

        Raises:
            GatehouseError: a part cannot be read.
        """
        counts = np.zeros(5, np.int64)
        for batch in _batches(table, self._inputs, test=False):
            exact, cells = self._sides(batch)
            equal = self._exact[0].holds(packed(exact.sums))
            near = self._but_one(exact, self._exact, equal)
            close = self._cells[0].holds(packed(cells.sums))
            # What is near is so by cells too.
            about = self._but_one(cells, self._cells, close | near)
            counts += [batch.num_rows, *(found.sum() for found in (equal, near, close, about))]
        return Twins(*(int(count) for count in counts))

    @property
    def _left_out(self) -> tuple[str, ...]:
        """The inputs that are left out in turn; all rows are equal in all but the only one."""
        return self._inputs if len(self._inputs) > 1 else ()

    def _sides(self, batch: pa.RecordBatch) -> tuple[_Side, _Side]:
        """N rows with the values as they are, and with cells for numbers."""
        terms, rows = self._hasher.terms(batch), batch.num_rows
        cells = self._grid.cells(batch)
        in_cells = self._hasher.terms(cells)
        in_cells = terms | {name: in_cells[name] for name in cells.schema.names}
        exact, by_cells = (
            _Side(each, self._hasher.sums(each, self._inputs, rows)) for each in (terms, in_cells)
        )
        return exact, by_cells

    def _but_one(
        self, side: _Side, members: list[Members], known: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Which of N rows are known, or are there but for one input; shape [N]."""
        found = known.copy()
        left = np.flatnonzero(~found)
        for name, there in zip(self._left_out, members[1:], strict=True):
            hit = there.holds(side.without(name, left))
            found[left[hit]] = True
            left = left[~hit]
        return found


@dataclass(frozen=True)
class _Side:
    """N rows by the terms of their columns and the sums of these, shape [2, N] each."""

    terms: dict[str, Hashes]
    sums: Hashes

    def without(self, name: str, rows: NDArray[np.intp] | slice = slice(None)) -> Hashes:
        """The hashes of some rows by all inputs but one."""
        return packed(self.sums[:, rows] - self.terms[name][:, rows])


def _batches(table: Table, columns: Sequence[str], *, test: bool) -> Iterator[pa.RecordBatch]:
    """Rows of test, or those of the other splits."""
    import pyarrow as pa

    place = 0
    for part in table.parts:
        for batch in batches(part, columns):
            splits = table.splits[place : place + batch.num_rows]
            place += batch.num_rows
            yield batch.filter(pa.array((splits == TEST) == test))
