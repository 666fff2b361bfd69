"""What a look at production left for the job that tells it: verdict, record and report, or why not.

Another job wrote these files, which can write nothing on GitHub; here they are read as data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate
from gatehouse.monitor.record import FOLDER, RECORD, REPORT, VERDICT, Record
from gatehouse.policy import Policy
from gatehouse.report.escape import plain
from gatehouse.typed import read_text
from gatehouse.verdict import Verdict

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
        words = said[:_SAID].strip()
        found = words.partition(": ")[2] if words.lower().startswith("error: ") else words
        return Broken(found or "it broke off; the run's log says more")
    try:
        return Judged(
            verdict=Verdict.read(folder / VERDICT.relative_to(FOLDER)),
            record=Record.read(folder / RECORD.relative_to(FOLDER)),
            report=read_text(folder / REPORT.relative_to(FOLDER)),
        )
    except GatehouseError as error:
        return Broken(f"it left no verdict that can be read ({plain(error)})")


def failing(look: Look) -> set[str]:
    """Names of the rules that fail."""
    if isinstance(look, Broken):
        return {NOT_MONITORED}
    return {result.rule for result in look.verdict.rules if result.blocks}


def undecided(look: Look, before: Iterable[str], policy: Policy) -> set[str]:
    """Of the rules that failed before, those of which this look measured nothing.

    No labels came, or there was no verdict at all: that is no pass. What was measured and is
    inconclusive means what the policy says of it.
    """
    results = () if isinstance(look, Broken) else look.verdict.rules
    measured = {
        result.rule
        for result in results
        if result.blocks or any(finding.value is not None for finding in result.findings)
    }
    return (set(before) & set(policy.rules)) - measured


def failing_gates(look: Judged) -> list[Gate]:
    return [gate for gate in Gate if look.verdict.gate_blocks(gate)]
