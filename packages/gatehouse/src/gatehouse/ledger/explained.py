"""Base rows that are gone for a reason that nobody chose row by row.

- *Retention* (`retention` of contract.yaml): every row past the age is gone, in every split, and
  no younger row. The time of the sweep is unknown, so it is inferred from the rows. All rows that a
  change keeps are younger than a cutoff, and all explained rows are older. The cutoff lies between
  the age before the newest row of the base and the age before now. A swept row has no partner in
  the change: a row there with its identity is a new row.
- *Erasure*: the row is in the list `erased.json`, which has an owner, and no row of its identity is
  left. Nobody who approves the list can see which rows it names, so it may explain at most 1% of
  the exam rows. If it names more, it explains none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.cells import Texts, cells
from gatehouse.ledger.compare import TEST, Outcome
from gatehouse.ledger.ledger import Ledger, Table, keep_ledger
from gatehouse.ledger.members import Members
from gatehouse.ledger.parts import Part, batches
from gatehouse.table import open_table

if TYPE_CHECKING:
    import pyarrow as pa

    from gatehouse.contract import Contract, Retention
    from gatehouse.privacy.erased import Erased

MOST_ERASED = 0.01
"""Maximum share of the exam; even in a tiny exam, one row may be explained."""

Dates = NDArray[np.datetime64]


class Reason(IntEnum):
    """Reason why a base row is gone."""

    NONE = 0
    RETENTION = 1
    ERASURE = 2


@dataclass(frozen=True)
class Kept:
    """A ledger, and why rows of its base are gone.

    Attributes:
        ledger: the outcome of the base's N rows.
        reasons: shape [N], each a `Reason`; `NONE` for a row that is not gone.
    """

    ledger: Ledger
    reasons: NDArray[np.uint8]

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Mask of exam rows that are changed, relabelled or gone unexplained, as `Ledger.exam`."""
        explained = self.reasons[self.ledger.base_splits == TEST] != Reason.NONE
        return np.asarray(~self.ledger.exam & ~explained)

    def count(self, reason: Reason, split: int | None = None) -> int:
        """Count the rows that are gone for a reason, in one split or in all."""
        chosen = self.reasons == reason
        return int((chosen if split is None else chosen & (self.ledger.base_splits == split)).sum())


def keep(
    base: Table,
    candidate: Table,
    contract: Contract,
    erased: Erased | None,
    now: datetime | None = None,
) -> Kept:
    """Return the ledger of a change and the explanations of rows that are gone.

    Args:
        base: rows of the base.
        candidate: rows of the change, split by the base's rule.
        contract: contract of the base.
        erased: the base's list of erased rows, if it has one.
        now: the time at which the age of rows is measured; None for the current time.

    Raises:
        GatehouseError: a part cannot be read.
    """
    swept = np.zeros(len(base), bool)
    if contract.retention is not None:
        column = contract.retention.column
        swept = past(
            _dates(base, column), _dates(candidate, column), contract.retention, now
        )  # fmt: skip
    ledger = keep_ledger(base, candidate, contract, swept=swept)
    reasons = np.where(swept, Reason.RETENTION, Reason.NONE).astype(np.uint8)
    if erased is not None and erased.rows:
        listed = _listed(base, ledger, contract, erased) & ~swept
        if (listed & (base.splits == TEST)).sum() <= most_erased(base):
            reasons[listed] = Reason.ERASURE
    return Kept(ledger, reasons)


def most_erased(base: Table) -> int:
    """Return how many exam rows the list may explain."""
    return max(1, int(MOST_ERASED * (base.splits == TEST).sum()))


def past(
    base: Dates, candidate: Dates, retention: Retention, now: datetime | None = None
) -> NDArray[np.bool_]:
    """Mask of the N base rows that a complete sweep removed, shape [N]; none if it is incomplete.

    Args:
        base: dates of the base's rows, shape [N], in UTC; NaT where a row has no date.
        candidate: dates of the candidate's rows, shape [M].
        retention: the maximum age of rows.
        now: None for the current time.
    """
    moment = np.datetime64((now or datetime.now(UTC)).replace(tzinfo=None), "us")
    age = np.timedelta64(timedelta(days=retention.days), "us")
    none = np.zeros(len(base), bool)
    kept = candidate[~np.isnat(candidate)]
    known = base[base <= moment]  # a future date is an error and makes no row older
    if not len(kept) or not len(known):
        return none
    oldest = kept.min()
    if oldest < known.max() - age:
        return none  # a row past the age is still there
    return np.asarray(base < min(oldest, moment - age))


def _dates(table: Table, column: str) -> Dates:
    """Return the date of each of N rows, shape [N], in UTC; NaT if unknown."""
    found = [np.empty(0, "datetime64[us]")]
    for part in table.parts:
        found += _dates_of(part, column)
    return np.concatenate(found)


def _dates_of(part: Part, column: str) -> Iterator[Dates]:
    import pandas as pd

    nothing = np.datetime64("NaT", "us")
    file = open_table(part.path)
    if column not in file.schema_arrow.names:
        yield np.full(file.metadata.num_rows, nothing)
        return
    for batch in batches(part, [column]):
        values = cells(batch.column(column))
        if not isinstance(values, Texts):
            yield np.full(batch.num_rows, nothing)  # a number is not a date
            continue
        # pandas would parse "now" and "today" as dates.
        texts = [text if text[:1].isdigit() else None for text in values.distinct]
        dates = pd.to_datetime(
            [*texts, None], format="ISO8601", errors="coerce", utc=True
        )  # fmt: skip
        # The last element is for code -1, a missing text.
        yield dates.tz_localize(None).to_numpy("datetime64[us]")[values.codes]


def _listed(base: Table, ledger: Ledger, contract: Contract, erased: Erased) -> NDArray[np.bool_]:
    """Mask of the N base rows whose identity is listed and completely gone, shape [N]."""
    left = Members(ledger.candidate_identity.copy()).holds(ledger.base_identity)
    gone = (ledger.base == Outcome.GONE) & ~left
    listed, known = np.zeros(len(base), bool), set(erased.rows)
    names = sorted({*contract.columns, *contract.split.identity})
    for start, batch in _with_places(base, names):
        places = np.flatnonzero(gone[start : start + batch.num_rows])
        if len(places):
            entries = erased.entries(batch.take(places), contract)
            listed[start + places] = [entry in known for entry in entries]
    return listed


def _with_places(table: Table, names: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield batches of a table, each with the index of its first row."""
    place = 0
    for part in table.parts:
        for batch in batches(part, names):
            yield place, batch
            place += batch.num_rows
