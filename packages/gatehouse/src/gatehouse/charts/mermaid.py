"""Charts as Mermaid, limited to the part of `xychart-beta` that GitHub draws, and back.

Reports are stored as Markdown, so the site reads its charts from there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gatehouse.charts.contents import Bars, Lines, Series
from gatehouse.report.escape import label

BARS_SHOWN = 24
_MOST = 500
"""Maximum number of values in a chart that is read."""

# Height by the number of bars, and colors that are visible on GitHub's light and dark pages.
_LOOK = (
    '%%{{init: {{"xyChart": {{"width": 760, "height": {height}}}, '
    '"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}}}}}%%'
)
_BLUE, _RED, _GREY = "#4c8bc9", "#d1343f", "#8b949e"

_TEXT = r'"([^"]*)"'
_START = re.compile(r"xychart(?:-beta)?( horizontal)?\s*$")
_TITLE = re.compile(rf"title {_TEXT}")
_NAMES = re.compile(rf"x-axis (?:{_TEXT} )?\[(.*)\]")
_AXIS = re.compile(rf"[xy]-axis(?: {_TEXT})?(?: [-+.\deE]+ --> [-+.\deE]+)?")
_SERIES = re.compile(rf"(bar|line) (?:{_TEXT} )?\[([-+.\deE, ]*)\]")


def write(chart: Bars | Lines) -> str:
    """Return a chart as a fenced block of Markdown.

    A chart shows neither intervals nor exact numbers, so a table is placed next to it.
    """
    return _bars(chart) if isinstance(chart, Bars) else _lines(chart)


def _bars(chart: Bars) -> str:
    shown = chart.values[:BARS_SHOWN]
    values = [value for _, value in shown]
    lines = [
        _LOOK.format(height=100 + 30 * len(shown), palette=f"{_BLUE}, {_RED}"),
        "xychart-beta horizontal",
        f"    title {label(chart.title, 80)}",
        f"    x-axis [{_names([name for name, _ in shown])}]",
        _axis(chart.axis, [*values, chart.limit or 0.0]),
        f"    bar [{_numbers(values)}]",
    ]
    if chart.limit is not None:
        lines.append(f"    line [{_numbers([chart.limit] * len(shown))}]")
    text = _fenced(lines)
    if len(shown) < len(chart.values):
        text += f"\n\n_Drawn: {chart.first} {len(shown)} of {len(chart.values):,}._"
    return text


def _lines(chart: Lines) -> str:
    lines = [
        _LOOK.format(height=240, palette=f"{_BLUE}, {_RED}, {_GREY}"),
        "xychart-beta",
        f"    title {label(chart.title, 80)}",
        f"    x-axis [{_names(chart.places)}]",
        _axis(chart.axis, [value for series in chart.series for value in series.values]),
    ]
    for series in chart.series:
        name = f"{label(series.name)} " if series.name else ""
        lines.append(f"    line {name}[{_numbers(series.values)}]")
    return _fenced(lines)


def _fenced(lines: Sequence[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])


def _names(names: Sequence[str]) -> str:
    return ", ".join(label(name, 32) for name in names)


def _axis(title: str, values: Sequence[float]) -> str:
    top, bottom = max([*values, 0.0]), min([*values, 0.0])
    return f"    y-axis {label(title, 60)} {_plain(bottom * 1.1)} --> {_plain(top * 1.1 or 1.0)}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(map(_plain, values))


def _plain(value: float) -> str:
    """Format without an exponent, which Mermaid's grammar does not support."""
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def read(source: str) -> Bars | Lines | None:
    """Parse the chart in a Mermaid block; return None if it is not one of ours."""
    lines = [line.strip() for line in source.splitlines()]
    lines = [line for line in lines if line and not line.startswith("%%")]
    start = _START.match(lines[0]) if lines else None
    if start is None:
        return None
    title, axis = "Chart", ""
    names: list[str] = []
    series: list[tuple[str, Series]] = []
    for line in lines[1:]:
        if found := _TITLE.fullmatch(line):
            title = found[1]
        elif found := _NAMES.fullmatch(line):
            names = re.findall(_TEXT, found[2]) or [each.strip() for each in found[2].split(",")]
        elif found := _AXIS.fullmatch(line):
            axis = found[1] or ""
        elif found := _SERIES.fullmatch(line):
            values = _parsed(found[3])
            if not values:
                return None
            series.append((found[1], Series(found[2] or "", values)))
        else:
            return None
    most = max((len(each.values) for _, each in series), default=0)
    if not most or max(most, len(names)) > _MOST:
        return None
    names = names or [str(i + 1) for i in range(most)]
    kind, first = series[0]
    if start[1] and kind == "bar" and len(names) == len(first.values):
        limit = series[1][1].values[0] if len(series) > 1 else None
        return Bars(title, axis, tuple(zip(names, first.values, strict=True)), limit)
    return Lines(title, axis, tuple(names), tuple(each for _, each in series))


def _parsed(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError:
        return ()
