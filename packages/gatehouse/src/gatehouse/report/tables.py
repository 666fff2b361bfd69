"""Markdown tables. Cells must already be Markdown, escaped by `escape`."""

from __future__ import annotations

from collections.abc import Sequence

from gatehouse.report.numbers import unbroken

ROWS_SHOWN = 60


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "", most: int = ROWS_SHOWN
) -> str:
    """Return a table; `align` has l or r per column. Rows beyond `most` are only counted."""
    marks = [
        {"r": "---:", "l": ":---"}[mark] for mark in align.ljust(len(header), "l")[: len(header)]
    ]
    lines = [header, marks, *rows[:most]]
    text = unbroken("\n".join("| " + " | ".join(cells) + " |" for cells in lines))
    if len(rows) > most:
        text += f"\n\n_{len(rows) - most:,} more rows are not shown; the evidence files hold them._"
    return text
