"""The monitoring result for the job that reports it: verdict, record and report, or the error.

Another job wrote these files, without write access to GitHub. Here they are read as data.
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
"""First line of the output of `gatehouse monitor` if it ended with an error."""

NOT_MONITORED = "(monitoring)"
"""Listed among the failing rules if nothing could be judged; no rule can have this name."""

_FRESH = timedelta(hours=6)


@dataclass(frozen=True)
class Judged:
    """A monitoring result with a verdict; `report` is our own Markdown."""

    verdict: Verdict
    record: Record
    report: str


@dataclass(frozen=True)
class Broken:
    """A monitoring result without a verdict, and the reason: one untrusted line."""

    why: str


MonitorResult = Judged | Broken


def read_monitor_result(folder: Path, now: datetime) -> MonitorResult:
    """Read the result in `folder`, the copy of reports/monitor; an empty folder is a broken result.

    A result older than a few hours before `now` is also broken: if only the reporting job is rerun,
    it finds the earlier job's result, and production may have changed since.
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
    """Return the names of the failing rules."""
    if isinstance(look, Broken):
        return {NOT_MONITORED}
    return {result.rule for result in look.verdict.rules if result.blocks}


def undecided(look: MonitorResult, before: Iterable[str], policy: Policy) -> set[str]:
    """Return rules that failed before and that this result can't decide.

    There were no labels, too few labels, or no verdict at all. That is not a pass, even if the
    policy would let the rule pass had it not failed before.
    """
    results = () if isinstance(look, Broken) else look.verdict.rules
    return (set(before) & set(policy.rules)) - {each.rule for each in results if _decided(each)}


def _decided(result: RuleResult) -> bool:
    """Return whether the rule failed, even if it only warns, or passed on every slice."""
    outcomes = {finding.outcome for finding in result.findings}
    return result.blocks or Outcome.FAIL in outcomes or outcomes == {Outcome.PASS}


def failing_gates(look: Judged) -> list[str]:
    return [gate for gate in look.verdict.gates if look.verdict.gate_blocks(gate)]
