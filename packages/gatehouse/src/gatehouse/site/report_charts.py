"""The charts of a report's Markdown as images and tables."""

from __future__ import annotations

from markupsafe import Markup, escape

from gatehouse.charts import mermaid, svg
from gatehouse.charts.contents import Bars, Lines, Series


def draw(source: str) -> Markup | None:
    """Return a chart as an image with a table of its numbers, or None for unknown charts."""
    chart = mermaid.read(source)
    if chart is None:
        return None
    names, series = _columns(chart)
    head = Markup("").join(
        Markup('<th scope="col" class="r">{}</th>').format(each.name) for each in series
    )
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            name,
            Markup("").join(
                Markup('<td class="r">{}</td>').format(f"{each.values[i]:g}")
                if i < len(each.values) else Markup("<td></td>")
                for each in series
            ),
        )
        for i, name in enumerate(names)
    )  # fmt: skip
    return Markup(
        '<figure class="drawn"><figcaption>{title}</figcaption>{picture}'
        "<details><summary>Numbers of this chart</summary>"
        '<div class="scroll" role="group" tabindex="0" aria-label="Numbers: {title}"><table>'
        "<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        "</details></figure>"
    ).format(title=chart.title, picture=svg.draw(chart) or "", head=head, rows=rows)


def _columns(chart: Bars | Lines) -> tuple[tuple[str, ...], list[Series]]:
    """Return the names of a table's rows, and its columns."""
    if isinstance(chart, Lines):
        named = [
            Series(each.name or (chart.axis if not i else "limit"), each.values)
            for i, each in enumerate(chart.series)
        ]
        return chart.places, named
    columns = [Series(chart.axis, tuple(value for _, value in chart.values))]
    if chart.limit is not None:
        columns.append(Series("limit", (chart.limit,) * len(chart.values)))
    return tuple(name for name, _ in chart.values), columns


def raw(source: str) -> Markup:
    """Return an unknown chart as text."""
    return Markup("<pre><code>{}</code></pre>").format(escape(source))
