"""Markdown tables and Mermaid charts. Cells are Markdown already: escaped by `escape`."""

from __future__ import annotations

from collections.abc import Sequence

from gatehouse.report.escape import label

ROWS_SHOWN = 60
BARS_SHOWN = 24

# Height by the number of bars, and colours that can be seen on GitHub's light and dark pages.
_LOOK = (
    '%%{{init: {{"xyChart": {{"width": 760, "height": {height}}}, '
    '"themeVariables": {{"xyChart": {{"plotColorPalette": "#4c8bc9, #d1343f"}}}}}}}}%%'
)


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "", most: int = ROWS_SHOWN
) -> str:
    """A table; `align` has one letter a column, l or r. Rows beyond `most` are only counted."""
    marks = [
        {"r": "---:", "l": ":---"}[mark] for mark in align.ljust(len(header), "l")[: len(header)]
    ]
    lines = [header, marks, *rows[:most]]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    if len(rows) > most:
        text += f"\n\n_{len(rows) - most:,} more rows are not shown; the evidence files hold them._"
    return text


def bars(
    title: str,
    axis: str,
    bars_of: Sequence[tuple[str, float]],
    limit: float | None = None,
    *,
    first: str = "the first",
) -> str:
    """A horizontal Mermaid bar chart of (name, value); `limit` is drawn as a line across the bars.

    Where there are more than fit, it says so: `first` says which are drawn.

    Charts have a table beside them: a chart shows neither intervals nor exact numbers.
    """
    shown = bars_of[:BARS_SHOWN]
    values = [value for _, value in shown]
    top = max([*values, limit or 0.0, 0.0])
    bottom = min([*values, 0.0])
    lines = [
        "```mermaid",
        _LOOK.format(height=100 + 30 * len(shown)),
        "xychart-beta horizontal",
        f"    title {label(title, 80)}",
        f"    x-axis [{', '.join(label(name, 32) for name, _ in shown)}]",
        f"    y-axis {label(axis)} {_plain(bottom * 1.1)} --> {_plain(top * 1.1 or 1.0)}",
        f"    bar [{', '.join(map(_plain, values))}]",
    ]
    if limit is not None:
        lines.append(f"    line [{', '.join([_plain(limit)] * len(shown))}]")
    lines.append("```")
    if len(shown) < len(bars_of):
        lines.append(f"\n_Drawn: {first} {len(shown)} of {len(bars_of):,}._")
    return "\n".join(lines)


def lines(title: str, axis: str, points: Sequence[tuple[str, float]], limit: float) -> str:
    """A Mermaid line chart of (name, value) in order; `limit` is a line of its own."""
    values = [value for _, value in points]
    top, bottom = max([*values, limit]), min([*values, limit, 0.0])
    return "\n".join(
        [
            "```mermaid",
            _LOOK.format(height=240),
            "xychart-beta",
            f"    title {label(title, 80)}",
            f"    x-axis [{', '.join(label(name, 32) for name, _ in points)}]",
            f"    y-axis {label(axis)} {_plain(bottom * 1.1)} --> {_plain(top * 1.1 or 1.0)}",
            f"    line [{', '.join(map(_plain, values))}]",
            f"    line [{', '.join([_plain(limit)] * len(points))}]",
            "```",
        ]
    )


def _plain(value: float) -> str:
    """Without an exponent, which Mermaid's grammar does not know."""
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"
