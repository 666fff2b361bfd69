"""Is a row outside test also in the exam, with all inputs or all but one?

A model that was trained on a row, or on a copy with one value nudged, has seen the answer. Such
pairs also occur by chance if inputs have few values. The base's own share is therefore counted too:
honest new rows bring pairs at the base's rate.

Rows are compared by all of the graph's inputs, and by all inputs but one in turn: keyed hashes of
k + 1 subsets of k columns, kept only for the exam. This is done twice: with the values as they are,
and with each number replaced by its cell (`gatehouse.ledger.grid`), to find copies in which every
number is nudged.
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
        rows: number of rows outside test.
        equal: rows that equal an exam row in all inputs.
        near: rows that do in all inputs, or in all but one.
        close: rows that do in all inputs, with cells for numbers.
        about: rows that do in all inputs, or in all but one, with cells for numbers.
    """

    rows: int
    equal: int
    near: int
    close: int
    about: int

    def share(self, kind: str = "near") -> float:
        """Return a count (`near`, `close`, `about`) as a share of the rows outside test, or 0."""
        count: int = getattr(self, kind)
        return count / self.rows if self.rows else 0.0


class Exam:
    """The inputs of the exam's rows, with all of them and with each one left out.

    Args:
        base: rows of the base; its test rows are the exam.
        inputs: names of the graph's inputs by the base's contract.
        key: key of the hashes and cells; drawn at random if None.

    Raises:
        GatehouseError: a part cannot be read.
    """

    def __init__(self, base: Table, inputs: Sequence[str], key: bytes | None = None) -> None:
        key = secrets.token_bytes(32) if key is None else key
        self._inputs = tuple(inputs)
        self._hasher = RowHasher(self._inputs, key)
        self._grid = Grid.over(_batches(base, self._inputs, test=True), self._inputs, key)
        # [side, subset, row]; one array, which the sets then keep.
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
        """Count the rows outside test that have a twin in the exam.

        Raises:
            GatehouseError: a part cannot be read.
        """
        counts = np.zeros(5, np.int64)
        for batch in _batches(table, self._inputs, test=False):
            exact, cells = self._sides(batch)
            equal = self._exact[0].holds(packed(exact.sums))
            near = self._but_one(exact, self._exact, equal)
            close = self._cells[0].holds(packed(cells.sums))
            # Rows that are near by value are also near by cell.
            about = self._but_one(cells, self._cells, close | near)
            counts += [batch.num_rows, *(found.sum() for found in (equal, near, close, about))]
        return Twins(*(int(count) for count in counts))

    @property
    def _left_out(self) -> tuple[str, ...]:
        """Inputs to leave out in turn; none for a single one, as all rows are equal without it."""
        return self._inputs if len(self._inputs) > 1 else ()

    def _sides(self, batch: pa.RecordBatch) -> tuple[_Side, _Side]:
        """Return N rows with the values as they are, and with cells for numbers."""
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
        """Mask of N rows that are known, or match a member in all inputs but one; shape [N]."""
        found = known.copy()
        left = np.flatnonzero(~found)
        for name, there in zip(self._left_out, members[1:], strict=True):
            hit = there.holds(side.without(name, left))
            found[left[hit]] = True
            left = left[~hit]
        return found


@dataclass(frozen=True)
class _Side:
    """N rows as the terms of their columns and the sums of the terms, each of shape [2, N]."""

    terms: dict[str, Hashes]
    sums: Hashes

    def without(self, name: str, rows: NDArray[np.intp] | slice = slice(None)) -> Hashes:
        """Return hashes of some rows by all inputs but one."""
        return packed(self.sums[:, rows] - self.terms[name][:, rows])


def _batches(table: Table, columns: Sequence[str], *, test: bool) -> Iterator[pa.RecordBatch]:
    """Yield the rows of test, or those of train and valid."""
    import pyarrow as pa

    place = 0
    for part in table.parts:
        for batch in batches(part, columns):
            splits = table.splits[place : place + batch.num_rows]
            place += batch.num_rows
            yield batch.filter(pa.array(splits == TEST if test else splits < TEST))
