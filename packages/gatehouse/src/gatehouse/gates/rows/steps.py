"""Touched exam rows and new test rows, over all changes since an owner's last acceptance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import Counted, folder_of, read_record
from gatehouse.evidence import SINCE, Measurement, Of
from gatehouse.table import RAW

if TYPE_CHECKING:
    from gatehouse.contract import Contract
    from gatehouse.ledger.explained import Kept
    from gatehouse.ledger.ledger import Table
    from gatehouse.privacy.erased import Erased
    from gatehouse.workspace import Workspace


@dataclass(frozen=True)
class Sides:
    """The rows of base and candidate, split by the base's rule.

    Attributes:
        base: rows of the base.
        candidate: rows of the candidate.
        contract: contract of the base.
        erased: the base's list of erased rows, if it has one.
        official_test: is the base's test an official file?
    """

    base: Table
    candidate: Table
    contract: Contract
    erased: Erased | None
    official_test: bool

    @cached_property
    def kept(self) -> Kept:
        """Return what happened to the base's rows in the candidate, and what explains it."""
        return self.keep(self.base, self.candidate)

    def keep(self, before: Table, after: Table) -> Kept:
        """Return what happened to the rows of `before` in `after`, and what explains it."""
        from gatehouse.ledger.explained import keep

        return keep(before, after, self.contract, self.erased)

    def against(self, earlier: Path) -> tuple[Table, Kept]:
        """Return earlier rows, split by the base's rule, and their outcome in the candidate."""
        from gatehouse.ledger.ledger import deal_parts
        from gatehouse.ledger.parts import raw_parts

        parts = tuple(raw_parts(earlier))
        before = deal_parts(parts, self.contract, official_test=self.official_test)
        return before, self.keep(before, self.candidate)


@dataclass(frozen=True)
class Earlier:
    """The rows from which a measurement counts.

    Attributes:
        raw: their folder; None for the base's rows.
        lost: whether they can no longer be fetched.
    """

    raw: Path | None = None
    lost: bool = False


def earlier_rows(candidate: Workspace, measurement: Counted) -> Earlier:
    """Return the rows from which a measurement counts, by the candidate's record of its base."""
    outputs = read_record(candidate.root).since.get(measurement)
    if outputs is None:
        return Earlier()
    raw = candidate.root / folder_of(outputs) / RAW
    return Earlier(raw, lost=not raw.is_dir())


def touched(sides: Sides, earlier: Earlier) -> Measurement:
    """Count changed, relabelled or gone exam rows: earlier ones, and those added since."""
    from gatehouse.ledger.compare import TEST, Outcome

    now = sides.kept.touched
    here = int(now.sum())
    method = "test rows that are changed, relabelled or gone; matched as multisets"
    if earlier.raw is None:
        return _measured("touched_exam_rows", here, len(now), method)
    if earlier.lost:
        return _lost("touched_exam_rows", "rows")
    before, kept = sides.against(earlier.raw)
    between = sides.keep(before, sides.base).ledger.candidate[sides.base.splits == TEST]
    added = (between == Outcome.ADDED) | (between == Outcome.REPEATED)
    count = int(kept.touched.sum() + (now & added).sum())
    rows = len(kept.touched) + int(added.sum())
    note = f"{SINCE}; by this change alone {here:,}"
    return _measured("touched_exam_rows", count, rows, f"{method}; {SINCE}", note=note)


def growth(sides: Sides, earlier: Earlier) -> Measurement:
    """Measure the new test rows per exam row, without rows that were swept or erased."""
    name = "exam_growth"
    method = "new test rows / test rows that there were, but for explained ones; exact"
    if earlier.lost:
        return _lost(name, "share")
    here, exam = _growth(sides.kept)
    if earlier.raw is None:
        return _measured(name, here, exam, method, unit="share")
    value, exam = _growth(sides.against(earlier.raw)[1])
    note = SINCE if here is None else f"{SINCE}; by this change alone {here:.2%}"
    return _measured(name, value, exam, f"{method}; {SINCE}", unit="share", note=note)


def _growth(kept: Kept) -> tuple[float | None, int]:
    """Return the unexplained new test rows, per exam row (None without any) and as a count."""
    from gatehouse.ledger.compare import TEST, Outcome
    from gatehouse.ledger.explained import Reason

    ledger = kept.ledger
    exam = len(ledger.exam) - sum(kept.count(reason, TEST) for reason in Reason if reason)
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
    return _measured(name, None, 0, f"not counted; {SINCE}", unit, note)
