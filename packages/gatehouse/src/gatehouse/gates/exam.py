"""The exam: the rows that candidate and base both predict, so that differences are paired.

These are the base's own test rows, as the base has them. A row that the change altered or removed
still counts, with the base's label. A column that the base's rows cannot provide, because the new
contract added it or its values changed between numbers and text, is taken from the candidate's
version of the row. Exam rows without such a version are then left out. If the change uses another
split, only rows that its own rule puts into test count, because it may have trained on the others:
if it moves the dates of a split by time, these are the base's test rows after the new cut.
Without a base, the exam is the candidate's own test rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.base import read_record
from gatehouse.contract import Contract
from gatehouse.costs import costs_of
from gatehouse.digest import SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Exam as ExamRecord
from gatehouse.first_run import other_question
from gatehouse.table import TEST_FILE, comparable_columns

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.gates.predictions import Predictions
    from gatehouse.workspace import Workspace


@dataclass(frozen=True)
class Exam:
    """N exam rows, and the new test rows of a candidate.

    Attributes:
        candidate: the workspace whose model is examined.
        base: the workspace whose rows they are, or None for the candidate's own.
        rows: the rows as input for the candidate's model.
        base_rows: the same rows as input for the base's model, in the same order.
        new: test rows of the candidate that are not exam rows; empty without a base.
        changed: those, and the candidate's versions of exam rows that it changes.
        record: description of the exam for the evidence; None without a base.
    """

    candidate: Workspace
    base: Workspace | None
    rows: pd.DataFrame
    base_rows: pd.DataFrame
    new: pd.DataFrame
    changed: pd.DataFrame
    record: ExamRecord | None = None

    @cached_property
    def ours(self) -> Predictions:
        """Return the predictions of the candidate's model.

        Raises:
            GatehouseError: the model is missing or does not accept these rows.
        """
        from gatehouse.gates.predictions import predict

        contract = self.candidate.contract
        if self.base is None:
            return predict(self.candidate.model, self.rows, contract)
        # Labels, weights, units and costs are the base's.
        truth = self.base_rows, self.base.contract
        found = predict(self.candidate.model, self.rows, contract, truth=truth)
        if contract.cost is None or found.costs is not None:
            return found
        return replace(found, costs=costs_of(self.rows, contract.cost))

    @cached_property
    def theirs(self) -> Predictions:
        """Return the predictions of the base's model.

        Raises:
            GatehouseError: there is no base, or its model is missing or does not accept these rows.
        """
        from gatehouse.gates.predictions import predict

        if self.base is None:
            raise GatehouseError("there is no base whose model could be used")
        found = predict(self.base.model, self.base_rows, self.base.contract)
        return found if found.costs is not None else replace(found, costs=self.ours.costs)

    @property
    def note(self) -> str | None:
        """Return what a reader must know about a number measured on the exam, or None."""
        record = self.record
        if record is None or (record.scored == record.rows and record.unchanged == record.rows):
            return None
        altered = record.rows - record.unchanged
        done = "altered or removed"
        if self.base and self.base.contract.split != self.candidate.contract.split:
            done = "altered, removed or put outside test"
        text = f"of {record.rows:,} exam rows the change {done} {altered:,}"
        out = record.rows - record.scored
        return f"{text}, and {out:,} could not be scored" if out else f"{text}; all were scored"


def exam_of(candidate: Workspace, base: Workspace | None) -> Exam:
    """Return the exam of a candidate.

    Raises:
        GatehouseError: rows are missing or unreadable, no exam row is left, or the candidate has
            another prediction task than the base.
    """
    own = candidate.split("test")
    if base is None:
        return Exam(candidate, None, own, own, own.iloc[:0], own.iloc[:0])
    if reason := other_question(base.contract, candidate.contract):
        raise GatehouseError(f"{reason}: there is no exam that both could sit")
    from gatehouse.ledger.digest import rows_digest
    from gatehouse.ledger.partners import NOBODY, find_partners
    from gatehouse.ledger.parts import Part

    path = base.prepared / f"{SPLITS[2]}.parquet"
    compared = base.contract.without_ignored(candidate.contract)
    found = find_partners(path, candidate.prepared / path.name, compared)
    rows = base.split("test")
    scored = np.ones(len(rows), bool)
    columns = _own_columns(candidate.contract, base.contract)
    mine = rows
    if columns:
        scored = found.places != NOBODY
        mine = rows.assign(**{
            name: own[name].take(np.maximum(found.places, 0)).array for name in columns
            if name in own
        })  # fmt: skip
    scored &= _in_test(candidate, base, mine, found.places != NOBODY)
    if not scored.any():
        raise GatehouseError(
            "no exam row can be scored: the change leaves none of the base's test rows in its own"
        )
    digest = rows_digest([Part(path.name, "", path)], comparable_columns(path))
    judged = read_record(candidate.root).judged
    record = ExamRecord(
        digest=digest,
        rows=len(rows),
        unchanged=int(found.unchanged.sum()),
        scored=int(scored.sum()),
        standing="sha256:" + hashlib.sha256(np.packbits(found.unchanged).tobytes()).hexdigest(),
        new=int(found.new.sum()),
        judged=judged.candidates if judged and judged.exam == digest else 0,
    )
    changed = np.ones(len(own), bool)
    changed[found.places[found.unchanged]] = False
    return Exam(
        candidate,
        base,
        _of(mine, scored),
        _of(rows, scored),
        _of(own, found.new),
        _of(own, changed),
        record,
    )


def _of(rows: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    return rows[chosen].reset_index(drop=True)


def _own_columns(new: Contract, old: Contract) -> list[str]:
    """Return columns of a changed contract whose values the base's rows cannot provide.

    The target is never among them, because labels come from the base.
    """
    return [
        name
        for name, column in new.columns.items()
        if name != new.target
        and (name not in old.columns or old.columns[name].is_numeric != column.is_numeric)
    ]


def _in_test(
    candidate: Workspace, base: Workspace, rows: pd.DataFrame, known: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Mask of the N exam rows that the candidate's own rule puts into test, shape [N].

    Args:
        candidate: workspace with another split rule, or the same.
        base: workspace that the exam rows come from.
        rows: exam rows, with the candidate's columns.
        known: mask of the rows that the candidate has among its test rows, shape [N].
    """
    import pyarrow as pa

    from gatehouse.ledger.parts import batches, raw_parts
    from gatehouse.split import Dealer, split_settings

    official, before = ((each.raw / TEST_FILE).exists() for each in (candidate, base))
    old, new = base.contract, candidate.contract
    if official != before:
        return known
    if official or split_settings(old) == split_settings(new):
        return np.ones(len(rows), bool)
    part = next(raw_parts(candidate.raw))
    dealer = Dealer(
        new, lambda names: (pa.Table.from_batches([batch]) for batch in batches(part, names))
    )
    table = pa.Table.from_pandas(rows[list(dealer.columns)], preserve_index=False)
    return np.asarray(dealer.deal(table) == SPLITS.index("test"))
