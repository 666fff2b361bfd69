"""Builds the row ledger of a change from the parts of both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.compare import TEST, Hashed, Outcome, Outcomes, Splits, compare
from gatehouse.ledger.keyed import RowHasher
from gatehouse.ledger.parts import Part, batches

if TYPE_CHECKING:
    from gatehouse.contract import Contract

BASE_OUTCOMES = (Outcome.UNCHANGED, Outcome.CHANGED, Outcome.RELABELLED, Outcome.GONE)
NEW_OUTCOMES = (Outcome.ADDED, Outcome.REPEATED)


@dataclass(frozen=True)
class Table:
    """Rows of one side, split by the base's rule.

    Attributes:
        parts: their files, in order.
        splits: shape [N], the split of each row in the parts' order.
    """

    parts: tuple[Part, ...]
    splits: Splits

    def __len__(self) -> int:
        return len(self.splits)


@dataclass(frozen=True)
class Ledger:
    """What happened to the base's N rows in a candidate's M.

    Attributes:
        base: the outcome of each base row, shape [N].
        candidate: the origin of each of the candidate's rows, shape [M].
        base_splits: split of each base row, shape [N].
        candidate_splits: split of each of the candidate's rows, shape [M].
        base_identity: keyed hash of each base row's identity, shape [N].
        candidate_identity: the same for the candidate's rows, shape [M].
        base_unit: keyed hash of the columns that decide each base row's split, shape [N].
        candidate_unit: the same for the candidate's rows, shape [M].
    """

    base: Outcomes
    candidate: Outcomes
    base_splits: Splits
    candidate_splits: Splits
    base_identity: NDArray[np.uint64]
    candidate_identity: NDArray[np.uint64]
    base_unit: NDArray[np.uint64]
    candidate_unit: NDArray[np.uint64]

    def count(self, outcome: Outcome, split: int | None = None) -> int:
        """Count the rows of one outcome, in one split or in all.

        Added and repeated rows are the candidate's; all others are the base's.
        """
        outcomes, splits, _ = self._side(outcome)
        chosen = outcomes == outcome
        return int((chosen if split is None else chosen & (splits == split)).sum())

    def units(self, outcome: Outcome) -> Splits:
        """Return the split of each distinct unit of the deal that has a row of this outcome.

        A unit is an identity or, by group, a group.
        """
        outcomes, splits, unit = self._side(outcome)
        chosen = outcomes == outcome
        unit, splits = unit[chosen], splits[chosen]
        order = np.argsort(unit)
        first = np.ones(len(order), bool)
        first[1:] = unit[order][1:] != unit[order][:-1]
        return np.asarray(splits[order][first])

    @property
    def exam(self) -> NDArray[np.bool_]:
        """Mask of the base's test rows that are unchanged, in the order of the base's parts.

        Shape [number of the base's test rows]. A row is unchanged if it is equal in every column of
        the base's contract and occurs at least as often as in the base.
        """
        return np.asarray(self.base[self.base_splits == TEST] == Outcome.UNCHANGED)

    def _side(self, outcome: Outcome) -> tuple[Outcomes, Splits, NDArray[np.uint64]]:
        if outcome in NEW_OUTCOMES:
            return self.candidate, self.candidate_splits, self.candidate_unit
        return self.base, self.base_splits, self.base_unit


def deal_parts(parts: Sequence[Part], contract: Contract, *, official_test: bool) -> Table:
    """Split the rows of some parts.

    Args:
        parts: files of the rows.
        contract: the base's, with its rule.
        official_test: does the base have an official test file? If so, it is the test split.
            Otherwise the rule splits every row: a change can't add an official test file.

    Raises:
        GatehouseError: a part cannot be read, or lacks an identity column.
    """
    import pyarrow as pa

    from gatehouse.split import Dealer

    found = [np.empty(0, np.uint8)]

    def official(part: Part) -> bool:
        return official_test and part.official_test

    def rows(columns: Sequence[str]) -> Iterator[pa.Table]:
        for part in parts:
            for batch in () if official(part) else batches(part, columns):
                yield pa.Table.from_batches([batch])

    dealer = Dealer(contract, rows, official_test=official_test)
    for part in parts:
        for batch in batches(part, dealer.columns):
            if official(part):
                found.append(np.full(batch.num_rows, TEST, np.uint8))
            else:
                found.append(dealer.deal(pa.Table.from_batches([batch])))
    return Table(tuple(parts), np.concatenate(found))


def keep_ledger(
    base: Table,
    candidate: Table,
    contract: Contract,
    key: bytes | None = None,
    swept: NDArray[np.bool_] | None = None,
) -> Ledger:
    """Compare the rows of a candidate with the base's.

    Every column of the base's contract counts. If a side lacks one, it counts there as missing in
    every row, so a change can't hide a column. A column that the contract doesn't name does not
    count.

    Args:
        base: rows of the base.
        candidate: rows of the candidate, split by the base's rule.
        contract: contract of the base.
        key: key of the hashes; drawn at random if None.
        swept: mask of base rows that are gone whatever the candidate has, shape [N]; None for none.

    Raises:
        GatehouseError: a part cannot be read.
    """
    old, new = hashed([base, candidate], contract, key)
    ours, theirs = compare(old, new, swept)
    return Ledger(
        base=ours,
        candidate=theirs,
        base_splits=base.splits,
        candidate_splits=candidate.splits,
        base_identity=old.identity,
        candidate_identity=new.identity,
        base_unit=old.unit,
        candidate_unit=new.unit,
    )


def hashed(tables: Sequence[Table], contract: Contract, key: bytes | None = None) -> list[Hashed]:
    """Return keyed hashes of the rows of some tables, under one key.

    Args:
        tables: the tables to compare.
        contract: contract of the base.
        key: drawn at random if None.

    Raises:
        GatehouseError: a part cannot be read.
    """
    hasher = RowHasher([*contract.columns, *_others(contract)], key)
    return [_hashed(table, hasher, contract) for table in tables]


def _others(contract: Contract) -> list[str]:
    """Return identity columns that the contract doesn't list as columns."""
    return [name for name in contract.split.identity if name not in contract.columns]


def _hashed(table: Table, hasher: RowHasher, contract: Contract) -> Hashed:
    from gatehouse.split import deciding

    identity = list(contract.split.identity)
    columns = [*contract.columns, *_others(contract)]
    units = list(deciding(contract))
    subsets = [columns, [*identity, contract.target], identity]
    if set(units) != set(identity):
        subsets.append(units)
    found = np.empty((len(subsets), len(table)), np.uint64)
    place = 0
    for part in table.parts:
        for batch in batches(part, columns):
            rows = slice(place, place := place + batch.num_rows)
            terms = hasher.terms(batch)
            for subset, into in zip(subsets, found, strict=True):
                into[rows] = hasher.hashes(terms, subset, batch.num_rows)
    whole, labelled, known = found[:3]
    return Hashed(
        whole=whole, labelled=labelled, identity=known, unit=found[-1], splits=table.splits
    )
