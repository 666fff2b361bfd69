"""What a look at production left for the job that tells it: verdict, record and report, or why not.

Another job wrote these files, which can write nothing on GitHub; here they are read as data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate
from gatehouse.monitor.record import FOLDER, RECORD, REPORT, VERDICT, Record
from gatehouse.report.escape import plain
from gatehouse.typed import read_text
from gatehouse.verdict import Outcome, Verdict

FAILED = Path("failed.txt")
"""What `gatehouse monitor` said where it ended with an error."""

NOT_MONITORED = "(monitoring)"
"""Stands among the failing rules where nothing could be judged; no rule can have this name."""

_SAID = 2000


@dataclass(frozen=True)
class Judged:
    """A look that came to a verdict; `report` is Markdown of our own."""

    verdict: Verdict
    record: Record
    report: str


@dataclass(frozen=True)
class Broken:
    """A look that came to none, and why: text that nobody vouches for."""

    why: str


Look = Judged | Broken


def read_look(folder: Path) -> Look:
    """What lies in `folder`, the copy of reports/monitor; nothing at all is a broken look."""
    if (folder / FAILED).is_file():
        said = (folder / FAILED).read_text("utf-8", errors="replace")
        return Broken(said[:_SAID].strip().removeprefix("error: ") or "it said nothing")
    try:
        return Judged(
            verdict=Verdict.read(folder / VERDICT.relative_to(FOLDER)),
            record=Record.read(folder / RECORD.relative_to(FOLDER)),
            report=read_text(folder / REPORT.relative_to(FOLDER)),
        )
    except GatehouseError as error:
        return Broken(f"it left no verdict that can be read ({plain(error)})")


def passes(look: Look) -> bool:
    return isinstance(look, Judged) and look.verdict.outcome is Outcome.PASS


def failing(look: Look) -> tuple[str, ...]:
    """Names of the rules that fail, sorted."""
    if isinstance(look, Broken):
        return (NOT_MONITORED,)
    return tuple(sorted(result.rule for result in look.verdict.rules if result.blocks))


def failing_gates(look: Judged) -> list[Gate]:
    return [gate for gate in Gate if look.verdict.gate_blocks(gate)]
