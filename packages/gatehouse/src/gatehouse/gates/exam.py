"""The exam: the rows that candidate and base are both asked, so that differences are paired.

They are the base's own test rows, as the base has them. A row that the change altered or took away
is asked all the same, and its label is the base's. What the base's rows lack, the column of a new
contract or one whose values changed between numbers and text, is taken from the row that an exam
row has become in the change; a row that has become none is then left out. Where the change deals
rows by another split, only rows that its own rule puts into test are asked: it may have learned
from the others. Without a base a candidate is asked its own test rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Contract
from gatehouse.digest import SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Exam as Told
from gatehouse.first_run import other_question
from gatehouse.table import TEST_FILE, comparable_columns

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.gates.predictions import Predictions
    from gatehouse.workspace import Workspace


@dataclass(frozen=True)
class Exam:
    """N rows that are asked, and the new ones of a candidate.

    Attributes:
        candidate: whose model sits it.
        base: whose rows they are; None: the candidate's own.
        rows: as the candidate's model is fed them.
        base_rows: as the base's model is fed them, in the same order.
        new: test rows of the candidate that are no exam rows; none without a base.
        told: what the evidence says of it; None without a base.
    """

    candidate: Workspace
    base: Workspace | None
    rows: pd.DataFrame
    base_rows: pd.DataFrame
    new: pd.DataFrame
    told: Told | None = None

    @cached_property
    def ours(self) -> Predictions:
        """What the candidate's model answers.

        Raises:
            GatehouseError: its model is missing, or can't be fed these rows.
        """
        from gatehouse.gates.predictions import labels_of, predict

        found = predict(self.candidate.model, self.rows, self.candidate.contract)
        if self.base is None:
            return found
        # The label too is the base's.
        return replace(found, labels=labels_of(self.base_rows, self.base.contract))

    @cached_property
    def theirs(self) -> Predictions:
        """What the base's model answers.

        Raises:
            GatehouseError: there is no base, its model is missing, or can't be fed these rows.
        """
        from gatehouse.gates.predictions import predict

        if self.base is None:
            raise GatehouseError("there is no base whose model could be asked")
        return predict(self.base.model, self.base_rows, self.base.contract)

    @property
    def note(self) -> str | None:
        """What a reader must know of a number that rests on the exam."""
        told = self.told
        if told is None or (told.asked == told.rows and told.unchanged == told.rows):
            return None
        altered = told.rows - told.unchanged
        text = f"of {told.rows:,} exam rows the change altered or removed {altered:,}"
        out = told.rows - told.asked
        return f"{text}, and {out:,} could not be asked" if out else f"{text}; all were asked"


def exam_of(candidate: Workspace, base: Workspace | None) -> Exam:
    """The exam of a candidate.

    Raises:
        GatehouseError: rows are missing or unreadable, none could be asked, or the candidate asks
            another question than the base.
    """
    own = candidate.split("test")
    if base is None:
        return Exam(candidate, None, own, own, own.iloc[:0])
    if reason := other_question(base.contract, candidate.contract):
        raise GatehouseError(f"{reason}: there is no exam that both could sit")
    from gatehouse.ledger.digest import rows_digest
    from gatehouse.ledger.partners import NOBODY, find_partners
    from gatehouse.ledger.parts import Part

    path = base.prepared / f"{SPLITS[2]}.parquet"
    found = find_partners(path, candidate.prepared / path.name, base.contract)
    rows = base.split("test")
    asked = np.ones(len(rows), bool)
    columns = _own_columns(candidate.contract, base.contract)
    mine = rows
    if columns:
        asked = found.places != NOBODY
        mine = rows.assign(**{
            name: own[name].take(np.maximum(found.places, 0)).array for name in columns
            if name in own
        })  # fmt: skip
    asked &= _in_test(candidate, base, mine, found.places != NOBODY)
    if not asked.any():
        raise GatehouseError(
            "no exam row can be asked: the change leaves none of the base's test rows in its own"
        )
    told = Told(
        digest=rows_digest([Part(path.name, "", path)], comparable_columns(path)),
        rows=len(rows),
        unchanged=int(found.unchanged.sum()),
        asked=int(asked.sum()),
        standing="sha256:" + hashlib.sha256(np.packbits(found.unchanged).tobytes()).hexdigest(),
        new=int(found.new.sum()),
    )
    return Exam(candidate, base, _of(mine, asked), _of(rows, asked), _of(own, found.new), told)


def _of(rows: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    return rows[chosen].reset_index(drop=True)


def _own_columns(new: Contract, old: Contract) -> list[str]:
    """Columns of a changed contract whose values the base's rows can't give.

    The target is never one: the label is the base's.
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
    """Which of N exam rows the candidate's own rule puts into test, shape [N].

    Args:
        candidate: with another split, or none.
        base: whose rows they are.
        rows: of the exam, with the candidate's columns.
        known: shape [N], which of them the candidate has among its test rows.
    """
    import pyarrow as pa

    from gatehouse.split import deal

    official, before = ((each.raw / TEST_FILE).exists() for each in (candidate, base))
    split = candidate.contract.split
    if official != before:
        return known
    if official or split == base.contract.split:
        return np.ones(len(rows), bool)
    table = pa.Table.from_pandas(rows[list(split.identity)], preserve_index=False)
    return np.asarray(deal(table, split) == SPLITS.index("test"))
