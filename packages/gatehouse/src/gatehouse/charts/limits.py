"""Every judged value relative to its limit: one image for the comment, and text bars.

The image is a separate file. Its colours are visible on light and dark pages alike, because an
image on GitHub cannot know the page's theme, and shapes repeat the information of the colours.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from itertools import groupby

from gatehouse.charts.contents import Limited, Limits, Mark, State

_WIDTH, _ROW = 860.0, 17.0
_NAME, _SHOWN = 148.0, 124.0
"""Widths of the rule's name and of the value next to the plot."""
_GAP = 20.0
_HEAD = 22.0
_LETTER = 5.9
"""Approximate width of a letter of 10.5 pixels."""
_FROM, _TO = -0.4, 2.0
"""The part of the scale that is drawn; an arrow marks values beyond it."""
_ONE_COLUMN = 8
"""Maximum number of rows for a single column."""
MOST_BYTES = 20_000
_SLICES, _RULES, _WORDS = 12, 50, 3_000
"""Slices of a rule and rules that are drawn if there are too many; characters of the words."""
_LEGEND = (
    "Each value as a share of its limit, with its interval. ┃ base, ● pass, ▲ warning, ✕ fail, "
    "◆ accepted, waived or as before, ▸ further out"
)

_TEXT, _FAINT = "#737d88", "#8b949e"
_COLOURS: dict[State, str] = {
    "pass": "#2f9e4f",
    "warning": "#b98309",
    "fail": "#d1343f",
    "accepted": "#4c8bc9",
}
_CELLS = 8
_ATTRIBUTES = (
    "xmlns|viewBox|width|height|role|aria-label|font-family|font-size|font-weight|fill|"
    "fill-opacity|stroke|stroke-width|stroke-opacity|stroke-linecap|text-anchor|x|y|cx|cy|r|d"
)
_PLAIN = re.compile(rf'(?:</?(?:svg|text|path|rect)(?: (?:{_ATTRIBUTES})="[^"<>]*")*/?>|[^<>])*')


def bar(used: float) -> str:
    """Return a value over its limit as text: eight cells are the limit.

    For example `███░░░░░ 40%`; a cross means that the limit is exceeded.
    """
    filled = min(_CELLS, max(0, round(used * _CELLS)))
    if used > 1:
        return "█" * _CELLS + "▶"
    return "█" * filled + "░" * (_CELLS - filled)


def draw(chart: Limits) -> str:
    """Draw the chart as the text of an SVG file of at most `MOST_BYTES`.

    Equal charts give equal bytes. If there is too much to draw, each rule's best slices are dropped
    first, then rules.
    """
    for slices, rules in ((_SLICES, None), (1, None), (1, _RULES)):
        rows = tuple(replace(row, marks=row.marks[:slices]) for row in chart.rows[:rules])
        left_out = len(chart.rows) - len(rows)
        text = _drawn(Limits(rows), f"; {left_out} more rules are not drawn" if left_out else "")
        if len(text.encode()) <= MOST_BYTES:
            return text
    return text


def _drawn(chart: Limits, note: str) -> str:
    groups = [(name, list(rows)) for name, rows in groupby(chart.rows, lambda row: row.group)]
    columns = _columns(groups)
    width = (_WIDTH - _GAP * (len(columns) - 1)) / max(1, len(columns))
    parts: list[str] = []
    height = 0.0
    for i, column in enumerate(columns):
        drawn, used = _column(column, i * (width + _GAP), width)
        parts += drawn
        height = max(height, used)
    alt = words(chart)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height + 18:.0f}" '
        f'width="{_WIDTH:.0f}" height="{height + 18:.0f}" role="img" aria-label="'
        f'{escape(alt if len(alt) <= _WORDS else alt[: _WORDS - 1] + "…")}" '
        'font-family="system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif" '
        f'font-size="10.5" fill="{_TEXT}">'
        + "".join(parts)
        + _text(0, height + 12, f"{_LEGEND}{note}")
        + "</svg>\n"
    )


def words(chart: Limits) -> str:
    """Describe the chart in a sentence, for readers who do not see it."""
    return "; ".join(map(_in_words, chart.rows)) or "nothing was decided"


def _in_words(row: Limited) -> str:
    interval = f" ({row.interval})" if row.interval else ""
    return f"{row.name} {row.value}{interval}, {row.limit_text}: {row.marks[0].state}"


def is_plain(text: str) -> bool:
    """Return whether an SVG file has only shapes and texts, as `draw` makes: no script or link."""
    return _PLAIN.fullmatch(text) is not None


_Group = tuple[str, list[Limited]]
_Plot = tuple[float, float]
"""Left edge and width."""


def _columns(groups: list[_Group]) -> list[list[_Group]]:
    """Arrange groups in one column, or in two of about the same height."""
    heights = [len(rows) + 1 for _, rows in groups]
    if sum(heights) <= _ONE_COLUMN:
        return [groups] if groups else []
    split = min(
        range(1, len(groups) + 1),
        key=lambda at: max(sum(heights[:at]), sum(heights[at:])),
    )
    return [column for column in (groups[:split], groups[split:]) if column]


def _column(groups: list[_Group], left: float, width: float) -> tuple[list[str], float]:
    """Return a column's elements, and its bottom coordinate."""
    plot = left + _NAME, width - _NAME - _SHOWN
    rows = sum(len(of) + 1 for _, of in groups)
    bottom = _HEAD + rows * _ROW
    zero, limit = _x(0.0, plot), _x(1.0, plot)
    red = _COLOURS["fail"]
    parts = [
        f'<rect x="{limit:.0f}" y="{_HEAD - 6:.0f}" width="{_x(_TO, plot) - limit:.0f}" '
        f'height="{bottom - _HEAD + 6:.0f}" fill="{red}" fill-opacity=".09"/>',
        _path([f"M{zero:.1f} {_HEAD - 6:.0f}V{bottom:.0f}"], stroke=_FAINT, opacity=".4"),
        _path([f"M{limit:.1f} {_HEAD - 6:.0f}V{bottom:.0f}"], stroke=red, opacity=".8"),
        _text(zero, 11, "0", anchor="middle"),
        _text(limit, 11, "limit", anchor="middle"),
    ]
    y = _HEAD
    marks: list[tuple[float, tuple[Mark, ...]]] = []
    for name, of in groups:
        parts.append(_text(left, y + 11, name, bold=True))
        y += _ROW
        for row in of:
            bound = row.limit_text.replace("at most", "≤").replace("at least", "≥")
            shown = _cut(f"{row.value} ({bound})", _SHOWN)
            parts.append(_text(left + 8, y + 12, _cut(row.name, _NAME - 12)))
            parts.append(_text(left + width, y + 12, shown, anchor="end"))
            marks.append((y + _ROW / 2, row.marks))
            y += _ROW
    return parts + _marks(marks, plot), bottom


def _marks(rows: list[tuple[float, tuple[Mark, ...]]], plot: _Plot) -> list[str]:
    """Draw the marks of a column's rows; marks that look alike form one path."""
    bases, intervals, others, worst = (dict[State, list[str]]() for _ in range(4))
    for y, marks in rows:
        first = marks[0]
        if first.base is not None:
            bases.setdefault("pass", []).append(f"M{_x(first.base, plot):.1f} {y - 6:.0f}v12")
        if first.low is not None and first.high is not None:
            low, high = _x(first.low, plot), _x(first.high, plot)
            intervals.setdefault(first.state, []).append(f"M{low:.1f} {y:.0f}H{high:.1f}")
        for mark in marks[1:]:
            others.setdefault(mark.state, []).append(f"M{_x(mark.used, plot):.1f} {y:.0f}h0")
        worst.setdefault(first.state, []).append(_sign(first, y, plot))
    return [
        *(_path(of, stroke=_TEXT, width="2") for of in bases.values()),
        *(_path(of, stroke=_COLOURS[s], width="2", opacity=".6") for s, of in intervals.items()),
        *(_path(of, stroke=_COLOURS[s], width="4", opacity=".5") for s, of in others.items()),
        *(_path(of, stroke=_COLOURS[s], width="1.6", filled=True) for s, of in worst.items()),
    ]


def _sign(mark: Mark, y: float, plot: _Plot) -> str:
    """Draw a mark with its state's shape, or an arrow if it is beyond the scale."""
    x = _x(mark.used, plot)
    if mark.used > _TO:
        return f"M{x - 4:.1f} {y - 3:.1f}l6 3l-6 3z"
    if mark.used < _FROM:
        return f"M{x + 4:.1f} {y - 3:.1f}l-6 3l6 3z"
    shapes: dict[State, str] = {
        "pass": f"M{x - 2.5:.1f} {y:.1f}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0z",
        "warning": f"M{x:.1f} {y - 3:.1f}l3 6h-6z",
        "fail": f"M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0 -7l-7 7",
        "accepted": f"M{x:.1f} {y - 3.5:.1f}l3.5 3.5l-3.5 3.5l-3.5 -3.5z",
    }
    return shapes[mark.state]


def _path(
    pieces: list[str], *, stroke: str, width: str = "1", opacity: str = "1", filled: bool = False
) -> str:
    return (
        f'<path d="{"".join(pieces)}" stroke="{stroke}" stroke-width="{width}" '
        f'stroke-opacity="{opacity}" stroke-linecap="{"butt" if width == "1" else "round"}" '
        f'fill="{stroke if filled else "none"}"/>'
    )


def _x(used: float, plot: _Plot) -> float:
    """Return the coordinate of a value, or the scale's end for a value beyond it."""
    left, width = plot
    return left + (min(max(used, _FROM), _TO) - _FROM) / (_TO - _FROM) * width


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    look = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (
        ' font-weight="600"' if bold else ""
    )
    return f'<text x="{x:.1f}" y="{y:.1f}"{look}>{escape(text)}</text>'


def _cut(text: str, room: float) -> str:
    most = max(1, int(room / _LETTER))
    return text if len(text) <= most else text[: most - 1] + "…"
