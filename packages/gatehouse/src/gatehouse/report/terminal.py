"""The verdict in the terminal: one row per gate, then the overall result."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatehouse.acceptance.command import is_command
from gatehouse.report.escape import plain
from gatehouse.report.summary import gate_word, plain_reason
from gatehouse.verdict import Outcome, Verdict

REPORT = "reports/report.md"

_STYLES = {
    "pass": "bold green",
    "as before": "green",
    "waived": "yellow",
    "accepted": "yellow",
    "warning": "yellow",
    "inconclusive": "bold red",
    "fail": "bold red",
    "error": "bold red",
}


def print_verdict(
    verdict: Verdict,
    console: Console | None = None,
    report: str = REPORT,
    gates: Iterable[str] | None = None,
    needs: Iterable[str] = (),
) -> None:
    """Print a row for each gate, the overall result, its needs and the report's location.

    If `gates` is given, only these gates have rows.

    Colours appear only on terminals; outcomes are also words, so that nothing depends on colour.
    """
    console = console or Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("gate", "outcome", "reason"):
        table.add_column(title, overflow="fold", no_wrap=title != "reason")
    for gate in verdict.gates if gates is None else gates:
        word = gate_word(verdict, gate)
        reason = Text(plain(plain_reason(verdict, gate), 240))
        table.add_row(gate, Text(word, style=_STYLES.get(word, "dim")), reason)
    console.print(table)
    for line in _lines(verdict, report, needs):
        console.print(line, soft_wrap=True)


def _lines(verdict: Verdict, report: str, needs: Iterable[str]) -> list[Text]:
    passed = verdict.outcome is Outcome.PASS
    answer = Text("\nPASS", style="bold green") if passed else Text("\nFAIL", style="bold red")
    blocking = [gate for gate in verdict.gates if verdict.gate_blocks(gate)]
    answer.append("" if passed else f": {', '.join(blocking)}", style="default")
    lines = [answer]
    if verdict.loosened:
        lines.append(Text("This change loosens the policy or the contract.", style="yellow"))
    if verdict.proposed is not None and verdict.proposed.outcome is not verdict.outcome:
        sentence = (
            f"Its own policy would have said {verdict.proposed.outcome.value}; it doesn't count."
        )
        lines.append(Text(sentence))
    lines += [
        Text(f"{', '.join(each.rules)}: accepted by {each.by}: {plain(each.reason)}")
        for each in verdict.acceptances
    ]
    # Commands start at the left edge for copying: with a leading space, they would be ignored.
    if needed := [Text(("" if is_command(n) else "  ") + plain(n, 2_000)) for n in needs]:
        lines += [Text("A green status needs:"), *needed]
    lines.append(Text(f"Report: {report}"))
    return lines
