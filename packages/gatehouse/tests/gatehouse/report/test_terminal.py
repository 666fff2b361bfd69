"""The verdict in the terminal: readable at 80 columns, in a log, and with hostile names."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from gatehouse.evidence import Of
from gatehouse.report.numbers import MINUS
from gatehouse.report.summary import plain_reason
from gatehouse.report.terminal import print_verdict
from gatehouse.verdict import Finding, Outcome, RuleResult
from tests.shared import NAMES


def shown(run: Any, width: int = 80, *, colours: bool = False) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colours,
        color_system="standard" if colours else None,
    )
    print_verdict(run.verdict, console)
    return stream.getvalue()


def test_a_red_run_reads_without_colours_at_80_columns(make_run: Any) -> None:
    """In a CI log the outcome must be a word, the number and the limit must stand there."""
    text = shown(make_run(roc_auc=0.868))
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert f"{MINUS}0.043" in text
    assert f"at least {MINUS}0.01" in " ".join(text.split())
    assert "FAIL: accuracy" in text
    assert "reports/report.md" in text


def test_it_names_what_a_green_status_needs(make_run: Any) -> None:
    """At a desk nobody sees the gates' comment; what is told there can't speak to the terminal."""
    stream = io.StringIO()
    run = make_run(roc_auc=0.868)
    command = f"/gatehouse accept {'a-rule ' * 20}DIGEST: <reason>"
    needs = ["a-rule: ask \x1b[2Jolga", command]
    print_verdict(run.verdict, Console(file=stream, width=80), needs=needs)
    text = stream.getvalue()
    assert f"\n{command}\n" in text, "on one line from the left edge, to be copied"
    assert "A green status needs:" in text
    assert "a-rule: ask ␛[2Jolga" in text
    assert "\x1b" not in text
    assert "A green status needs" not in shown(run)


def test_every_gate_has_a_row_and_green_is_said(make_run: Any) -> None:
    """No gate may be left out, and a first commit without a base passes."""
    text = shown(make_run(base=False))
    assert all(f"\n{gate} " in f"\n{text}" for gate in NAMES)
    assert "no base" in text
    assert "\nPASS\n" in text


def test_terminals_get_colours(make_run: Any) -> None:
    """Red is red where colours are shown."""
    assert "\x1b[1;31m" in shown(make_run(roc_auc=0.868), colours=True)


@pytest.mark.parametrize("width", [20, 40, 200])
def test_other_widths_lose_no_gate(make_run: Any, width: int) -> None:
    """A narrow pane may fold words, but not drop the answer."""
    assert "FAIL" in shown(make_run(ratio=1.5), width)


def test_hostile_names_reach_no_terminal(make_run: Any) -> None:
    """Escape codes and rich markup in a value must be shown, not obeyed."""
    text = shown(make_run(evidence={"data": "[red]x[/red] \x1b[2J \u202e"}))
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("rows", "misdealt rows 3 (at most 0)"),
        ("columns", "misdealt rows 3 columns (at most 0 columns)"),
        ("share", "misdealt rows 300.0% (at most 0%)"),
    ],
)
def test_a_verdict_says_what_it_counts(make_run: Any, unit: str, message: str) -> None:
    """Attacks 3.000 rows: a count is a whole number, also where no evidence is at hand."""
    finding = Finding(slice="all", outcome=Outcome.FAIL, value=3, unit=unit, n=9, text="")
    result = RuleResult(
        rule="rows-dealt", gate="rows", measurement="misdealt_rows", of=Of.CANDIDATE, limit=0,
        bound="at_most", outcome=Outcome.FAIL, blocks=True, why="", findings=(finding,),
    )  # fmt: skip
    verdict = make_run().verdict.model_copy(update={"rules": (result,)})
    assert plain_reason(verdict, "rows") == message
