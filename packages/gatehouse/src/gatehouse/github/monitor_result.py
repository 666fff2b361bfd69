"""What a look at production left for the job that tells it: verdict, record and report, or why not.

Another job wrote these files, which can write nothing on GitHub; here they are read as data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.monitor.record import FOLDER, RECORD, REPORT, VERDICT, Record
from gatehouse.policy import Policy
from gatehouse.report.escape import PROSE_LIMIT, plain
from gatehouse.typed import read_text
from gatehouse.verdict import Outcome, RuleResult, Verdict

FAILED = Path("failed.txt")
"""First line of what `gatehouse monitor` said where it ended with an error."""

NOT_MONITORED = "(monitoring)"
"""Stands among the failing rules where nothing could be judged; no rule can have this name."""

_FRESH = timedelta(hours=6)


@dataclass(frozen=True)
class Judged:
    """A look that came to a verdict; `report` is Markdown of our own."""

    verdict: Verdict
    record: Record
    report: str


@dataclass(frozen=True)
class Broken:
    """A look that came to none, and why: one line that nobody vouches for."""

    why: str


MonitorResult = Judged | Broken


def read_monitor_result(folder: Path, now: datetime) -> MonitorResult:
    """What is in `folder`, the copy of reports/monitor; nothing at all is a broken look.

    So is one that was not made in the last hours before `now`: where only the job that tells is
    run again, it finds what the earlier one did, and production may have changed since.
    """
    if (folder / FAILED).is_file():
        text = (folder / FAILED).read_text("utf-8", errors="replace")
        words = text.strip().partition("\n")[0][:PROSE_LIMIT].strip()
        found = words.partition(": ")[2] if words.lower().startswith("error: ") else words
        return Broken(found or "it broke off; the run's log says more")
    try:
        look = Judged(
            verdict=Verdict.read(folder / VERDICT.relative_to(FOLDER)),
            record=Record.read(folder / RECORD.relative_to(FOLDER)),
            report=read_text(folder / REPORT.relative_to(FOLDER)),
        )
    except GatehouseError as error:
        return Broken(f"it left no verdict that can be read ({plain(error)})")
    made = look.record.made
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    if abs(now - made) > _FRESH:
        return Broken(
            f"the look is of {made.astimezone(UTC):%Y-%m-%d %H:%M} (UTC); run the whole workflow "
            "again"
        )
    return look


def failing(look: MonitorResult) -> set[str]:
    """Names of the rules that fail."""
    if isinstance(look, Broken):
        return {NOT_MONITORED}
    return {result.rule for result in look.verdict.rules if result.blocks}


def undecided(look: MonitorResult, before: Iterable[str], policy: Policy) -> set[str]:
    """Rules that failed before and that this look can't decide.

    No labels came, they are too few, or there was no verdict at all: that is no pass, also where
    the policy lets it pass for a rule that did not fail before.
    """
    results = () if isinstance(look, Broken) else look.verdict.rules
    return (set(before) & set(policy.rules)) - {each.rule for each in results if _decided(each)}


def _decided(result: RuleResult) -> bool:
    """Did it fail, even if the policy only warns of it, or pass on every slice?"""
    outcomes = {finding.outcome for finding in result.findings}
    return result.blocks or Outcome.FAIL in outcomes or outcomes == {Outcome.PASS}


def failing_gates(look: Judged) -> list[str]:
    return [gate for gate in look.verdict.gates if look.verdict.gate_blocks(gate)]
