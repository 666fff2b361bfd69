"""Charts as inline SVG. Colours and fonts come from the page's style, by class.

Each chart is one image to a screen reader, named by its text; a table next to it has the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from gatehouse.charts.contents import Bars, Lines

WIDTH, HEIGHT = 320.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 8.0, 8.0, 20.0
_LABEL = 6.2
"""Approximate width of a letter of a label."""


def draw(chart: Bars | Lines) -> Markup | None:
    """Draw a chart; return None if the numbers are too far apart to be drawn."""
    return _bars(chart) if isinstance(chart, Bars) else _lines(chart)


def _bars(chart: Bars) -> Markup | None:
    """Draw horizontal bars with their names above them; the limit is marked on each bar."""
    limits = [] if chart.limit is None else [chart.limit]
    scale = Scale.of([0.0, *(value for _, value in chart.values), *limits])
    if scale is None:
        return None
    left, right, row = 4.0, 60.0, 32.0

    def x(value: float) -> float:
        return left + scale.share(value) * (WIDTH - left - right)

    parts = []
    for i, (name, value) in enumerate(chart.values):
        top = 4 + i * row
        start, end = sorted((x(0.0), x(value)))
        parts += [
            f'<text x="{left:.1f}" y="{top + 10:.1f}">{escape(cut(name, WIDTH - left))}</text>',
            f'<rect class="bar" x="{start:.1f}" y="{top + 14:.1f}" width="{end - start:.1f}" '
            'height="11"/>',
            f'<text x="{end + 5:.1f}" y="{top + 23:.1f}">{value:.4g}</text>',
            *(
                f'<line class="limit" x1="{x(limit):.1f}" x2="{x(limit):.1f}" '
                f'y1="{top + 11:.1f}" y2="{top + 28:.1f}"/>'
                for limit in limits
            ),
        ]
    return picture(f"Bar chart: {chart.title}", parts, 8 + row * len(chart.values))


def _lines(chart: Lines) -> Markup | None:
    """Draw one or more lines over the same places; the first has dots, the others are dashed."""
    scale = Scale.of([value for series in chart.series for value in series.values])
    if scale is None:
        return None
    most = max(len(series.values) for series in chart.series)
    step = (WIDTH - LEFT - RIGHT) / most
    parts = [axis(scale, lambda value: f"{value:.4g}")]
    for i, series in enumerate(chart.series):
        at = [(LEFT + step * (k + 0.5), scale.y(v)) for k, v in enumerate(series.values)]
        parts.append(f'<polyline class="{"limit" if i else "line"}" points="{path(at)}"/>')
        if not i:
            parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in at]
    names = chart.places
    parts.append(ends([names[0], names[-1]] if len(names) > 1 else list(names)))
    return picture(f"Line chart: {chart.title}", parts, HEIGHT)


class Scale:
    """Converts values to coordinates, with some room at both ends."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale | None:
        if not values:
            return None
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
        if not math.isfinite(4 * (high - low + room)) or low - room == high + room:
            return None
        # Values that cannot be negative have no axis below zero.
        return cls(max(low - room, 0.0) if low >= 0 else low - room, high + room)

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.share(value) * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> list[float]:
        """Return two to five round numbers."""
        span = (self.high - self.low) / 4
        size = 10.0 ** math.floor(math.log10(span))
        step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= span)
        first = math.ceil(self.low / step)
        return [(first + i) * step for i in range(5) if (first + i) * step <= self.high]


def axis(scale: Scale, number: Callable[[float], str]) -> str:
    """Draw the grid lines of a vertical axis, with their numbers."""
    parts = []
    for tick in scale.ticks():
        y = scale.y(tick)
        shown = cut(number(round(tick, 12)), LEFT - 6)
        parts.append(
            f'<line class="grid" x1="{LEFT:.1f}" x2="{WIDTH - RIGHT:.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/><text class="end" x="{LEFT - 5:.1f}" y="{y + 3.5:.1f}">'
            f"{escape(shown)}</text>"
        )
    return "".join(parts)


def ends(names: list[str]) -> str:
    """Draw the first and the last place below the axis."""
    y = HEIGHT - 6
    room = (WIDTH - LEFT - RIGHT) / len(names)
    first = f'<text x="{LEFT:.1f}" y="{y:.1f}">{escape(cut(names[0], room))}</text>'
    if len(names) == 1:
        return first
    last = escape(cut(names[1], room))
    return f'{first}<text class="end" x="{WIDTH - RIGHT:.1f}" y="{y:.1f}">{last}</text>'


def picture(words: str, parts: Sequence[str], height: float) -> Markup:
    """Return the complete image; `words` is its text for screen readers."""
    # Every text in `parts` was escaped when it was inserted.
    return Markup(  # noqa: S704
        f'<svg class="chart" role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {WIDTH:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )


def path(places: Sequence[tuple[float, float]]) -> str:
    """Return the `points` of a line through these places."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def cut(text: str, room: float) -> str:
    """Cut a text to the available width."""
    most = max(1, int(room / _LABEL))
    return text if len(text) <= most else text[: most - 1] + "…"
