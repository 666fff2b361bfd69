"""Touched exam rows and new test rows, counted over all changes since an owner's last word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import Counted, folder_of, read_record
from gatehouse.evidence import Measurement, Of
from gatehouse.table import RAW

if TYPE_CHECKING:
    from gatehouse.contract import Contract
    from gatehouse.ledger.ledger import Ledger, Table
    from gatehouse.workspace import Workspace

_SINCE = "since an owner's last word"


@dataclass(frozen=True)
class Sides:
    """The rows of base and candidate, dealt by the base's rule, and what became of them."""

    base: Table
    candidate: Table
    ledger: Ledger
    contract: Contract
    official_test: bool

    def against(self, earlier: Path) -> tuple[Table, Ledger]:
        """Earlier rows, by the base's rule, and what became of them in the candidate."""
        from gatehouse.ledger.ledger import deal_parts, keep_ledger
        from gatehouse.ledger.parts import raw_parts

        parts = tuple(raw_parts(earlier))
        before = deal_parts(parts, self.contract.split, official_test=self.official_test)
        return before, keep_ledger(before, self.candidate, self.contract)


@dataclass(frozen=True)
class Earlier:
    """The rows from which a measurement counts.

    Attributes:
        raw: their folder; None: the base's.
        lost: whether they can't be fetched.
    """

    raw: Path | None = None
    lost: bool = False


def earlier_rows(candidate: Workspace, measurement: Counted) -> Earlier:
    """From which rows a measurement counts, by the candidate's record of its base."""
    outputs = read_record(candidate.root).since.get(measurement)
    if outputs is None:
        return Earlier()
    raw = candidate.root / folder_of(outputs) / RAW
    return Earlier(raw, lost=not raw.is_dir())


def touched(sides: Sides, earlier: Earlier) -> Measurement:
    """Exam rows that are changed, relabelled or gone: earlier ones, and those added since."""
    from gatehouse.ledger.compare import TEST, Outcome
    from gatehouse.ledger.ledger import keep_ledger

    now = ~sides.ledger.exam
    here = int(now.sum())
    method = "test rows that are changed, relabelled or gone; matched as multisets"
    if earlier.raw is None:
        return _measured("touched_exam_rows", here, len(now), method)
    if earlier.lost:
        return _lost("touched_exam_rows", "rows")
    before, ledger = sides.against(earlier.raw)
    between = keep_ledger(before, sides.base, sides.contract).candidate[sides.base.splits == TEST]
    added = (between == Outcome.ADDED) | (between == Outcome.REPEATED)
    count = int((~ledger.exam).sum() + (now & added).sum())
    rows = len(ledger.exam) + int(added.sum())
    note = f"{_SINCE}; by this change alone {here:,}"
    return _measured("touched_exam_rows", count, rows, f"{method}; {_SINCE}", note=note)


def growth(sides: Sides, earlier: Earlier) -> Measurement:
    """New test rows for each row of the exam."""
    name, method = "exam_growth", "new test rows / test rows that there were; exact"
    if earlier.lost:
        return _lost(name, "share")
    here, exam = _growth(sides.ledger)
    if earlier.raw is None:
        return _measured(name, here, exam, method, unit="share")
    value, exam = _growth(sides.against(earlier.raw)[1])
    note = _SINCE if here is None else f"{_SINCE}; by this change alone {here:.2%}"
    return _measured(name, value, exam, f"{method}; {_SINCE}", unit="share", note=note)


def _growth(ledger: Ledger) -> tuple[float | None, int]:
    """New test rows for each row of the exam, None where it has none; and its rows."""
    from gatehouse.ledger.compare import TEST, Outcome

    exam = len(ledger.exam)
    new = ledger.count(Outcome.ADDED, TEST) + ledger.count(Outcome.REPEATED, TEST)
    return (new / exam if exam else None), exam


def _measured(
    name: str,
    value: float | None,
    n: int,
    method: str,
    unit: str = "rows",
    note: str | None = None,
) -> Measurement:
    return Measurement(
        name=name, of=Of.COMPARISON, value=value, unit=unit, n=n, method=method, note=note
    )


def _lost(name: str, unit: str) -> Measurement:
    note = (
        "the rows from which it counts are in no cache, remote or archive any more; an owner's "
        "acceptance lets it count from here"
    )
    return _measured(name, None, 0, f"not counted; {_SINCE}", unit, note)
