"""The reports' Mermaid charts as pictures and tables: the part of `xychart-beta` that they use."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from gatehouse.site.chart import bar_chart, line_chart

_TEXT = r'"([^"]*)"'
_START = re.compile(r"xychart(?:-beta)?( horizontal)?\s*$")
_TITLE = re.compile(rf"title {_TEXT}")
_NAMES = re.compile(rf"x-axis (?:{_TEXT} )?\[(.*)\]")
_AXIS = re.compile(rf"[xy]-axis(?: {_TEXT})?(?: [-+.\deE]+ --> [-+.\deE]+)?")
_SERIES = re.compile(rf"(bar|line) (?:{_TEXT} )?\[([-+.\deE, ]*)\]")
_MOST = 500


@dataclass(frozen=True)
class _Chart:
    title: str
    axis: str
    names: list[str]
    horizontal: bool
    series: list[tuple[str, str, list[float]]]
    """Kind (bar or line), name, values."""


def draw(source: str) -> Markup | None:
    """A chart's picture with its numbers as a table; None where it is none that we know."""
    chart = _parse(source)
    if chart is None:
        return None
    picture = _picture(chart)
    head = Markup("").join(
        Markup('<th scope="col" class="r">{}</th>').format(name or chart.axis or kind)
        for kind, name, _ in chart.series
    )
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            name,
            Markup("").join(
                Markup('<td class="r">{}</td>').format(f"{values[i]:g}")
                if i < len(values) else Markup("<td></td>")
                for _, _, values in chart.series
            ),
        )
        for i, name in enumerate(chart.names)
    )  # fmt: skip
    return Markup(
        '<figure class="drawn"><figcaption>{title}</figcaption>{picture}'
        "<details><summary>Numbers of this chart</summary>"
        '<div class="scroll" role="group" tabindex="0" aria-label="Numbers: {title}"><table>'
        "<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        "</details></figure>"
    ).format(title=chart.title, picture=picture or "", head=head, rows=rows)


def _picture(chart: _Chart) -> Markup | None:
    kind, _, values = chart.series[0]
    others = [line for _, _, line in chart.series[1:]]
    if chart.horizontal and kind == "bar" and len(chart.names) == len(values):
        return bar_chart(chart.title, chart.names, values, others[0] if others else ())
    return line_chart(chart.title, chart.names, [values, *others])


def _parse(source: str) -> _Chart | None:
    lines = [line.strip() for line in source.splitlines()]
    lines = [line for line in lines if line and not line.startswith("%%")]
    start = _START.match(lines[0]) if lines else None
    if start is None:
        return None
    title, axis = "Chart", ""
    names: list[str] = []
    series: list[tuple[str, str, list[float]]] = []
    for line in lines[1:]:
        if found := _TITLE.fullmatch(line):
            title = found[1]
        elif found := _NAMES.fullmatch(line):
            names = re.findall(_TEXT, found[2]) or [each.strip() for each in found[2].split(",")]
        elif found := _AXIS.fullmatch(line):
            axis = found[1] or ""
        elif found := _SERIES.fullmatch(line):
            values = _numbers(found[3])
            if not values:
                return None
            series.append((found[1], found[2] or ("limit" if series else ""), values))
        else:
            return None
    most = max((len(values) for _, _, values in series), default=0)
    if not most or max(most, len(names)) > _MOST:
        return None
    names = names or [str(i + 1) for i in range(most)]
    return _Chart(title, axis, names, bool(start[1]), series)


def _numbers(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        return []


def raw(source: str) -> Markup:
    """What is no chart that we know, as text."""
    return Markup("<pre><code>{}</code></pre>").format(escape(source))
