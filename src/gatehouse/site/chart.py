"""Charts as inline SVG. Colours and fonts come from the page's style, by class.

Each chart is one picture to a screen reader, named by its text; a table beside it has the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from gatehouse.site.trends import Point, Trend
from gatehouse.verdict import Outcome

WIDTH, HEIGHT = 320.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 8.0, 8.0, 20.0
_LABEL = 6.2
"""Width of a letter of a label, about."""


def trend_chart(trend: Trend) -> Markup | None:
    """Values as a line, their intervals as bars, the limit as a dashed line, its far side shaded.

    None where the numbers lie too far apart to be drawn.
    """
    points = trend.points
    ends = [(p.interval.low, p.interval.high) for p in points if p.interval]
    scale = _Scale.of(
        [p.value for p in points] + [p.limit for p in points] + [v for pair in ends for v in pair]
    )
    if scale is None:
        return None
    step = (WIDTH - _LEFT - _RIGHT) / len(points)
    xs = [_LEFT + step * (i + 0.5) for i in range(len(points))]
    at = [(x, scale.y(p.value)) for x, p in zip(xs, points, strict=True)]
    limit = [
        (x + side * step / 2, scale.y(p.limit))
        for x, p in zip(xs, points, strict=True)
        for side in (-1, 1)
    ]
    edge = HEIGHT - _BOTTOM if trend.result.bound == "at_least" else _TOP
    shaded = [*limit, (limit[-1][0], edge), (limit[0][0], edge)]
    parts = [
        _axis(scale, trend.tick),
        f'<polygon class="beyond" points="{_path(shaded)}"/>',
        f'<polyline class="limit" points="{_path(limit)}"/>',
        f'<polyline class="line" points="{_path(at)}"/>',
        *(_point(trend, p, x, scale) for x, p in zip(xs, points, strict=True)),
        _ends([points[0].at, points[-1].at] if len(points) > 1 else [points[0].at]),
    ]
    return _svg(_told(trend), parts, HEIGHT)


def bar_chart(
    title: str, names: Sequence[str], values: Sequence[float], limit: Sequence[float] = ()
) -> Markup | None:
    """Horizontal bars with their names above them; `limit` is marked on each bar.

    None where the numbers lie too far apart to be drawn.
    """
    scale = _Scale.of([0.0, *values, *limit])
    if scale is None:
        return None
    left, right, row = 4.0, 60.0, 32.0

    def x(value: float) -> float:
        return left + scale.share(value) * (WIDTH - left - right)

    parts = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        top = 4 + i * row
        start, end = sorted((x(0.0), x(value)))
        parts += [
            f'<text x="{left:.1f}" y="{top + 10:.1f}">{escape(_cut(name, WIDTH - left))}</text>',
            f'<rect class="bar" x="{start:.1f}" y="{top + 14:.1f}" width="{end - start:.1f}" '
            'height="11"/>',
            f'<text x="{end + 5:.1f}" y="{top + 23:.1f}">{value:.4g}</text>',
        ]
        if limit:
            at = x(limit[min(i, len(limit) - 1)])
            parts.append(
                f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="{top + 11:.1f}" '
                f'y2="{top + 28:.1f}"/>'
            )
    return _svg(f"Bar chart: {title}", parts, 8 + row * len(names))


def line_chart(title: str, names: Sequence[str], lines: Sequence[Sequence[float]]) -> Markup | None:
    """One or more lines over the same places; None where they can't be drawn."""
    scale = _Scale.of([value for line in lines for value in line])
    if scale is None:
        return None
    most = max(len(line) for line in lines)
    step = (WIDTH - _LEFT - _RIGHT) / most
    parts = [_axis(scale, lambda value: f"{value:.4g}")]
    for i, line in enumerate(lines):
        at = [(_LEFT + step * (k + 0.5), scale.y(value)) for k, value in enumerate(line)]
        parts.append(f'<polyline class="{"limit" if i else "line"}" points="{_path(at)}"/>')
        if not i:
            parts += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in at]
    parts.append(_ends([names[0], names[-1]] if len(names) > 1 else list(names)))
    return _svg(f"Line chart: {title}", parts, HEIGHT)


class _Scale:
    """Values to places, with some room at both ends."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale | None:
        if not values:
            return None
        low, high = min(values), max(values)
        room = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
        if not math.isfinite(4 * (high - low + room)) or low - room == high + room:
            return None
        # What cannot be negative has no axis below zero.
        return cls(max(low - room, 0.0) if low >= 0 else low - room, high + room)

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - self.share(value) * (HEIGHT - _TOP - _BOTTOM)

    def ticks(self) -> list[float]:
        """Two to five round numbers."""
        span = (self.high - self.low) / 4
        size = 10.0 ** math.floor(math.log10(span))
        step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= span)
        first = math.ceil(self.low / step)
        return [(first + i) * step for i in range(5) if (first + i) * step <= self.high]


def _axis(scale: _Scale, number: Callable[[float], str]) -> str:
    parts = []
    for tick in scale.ticks():
        y = scale.y(tick)
        shown = _cut(number(round(tick, 12)), _LEFT - 6)
        parts.append(
            f'<line class="grid" x1="{_LEFT:.1f}" x2="{WIDTH - _RIGHT:.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/><text class="end" x="{_LEFT - 5:.1f}" y="{y + 3.5:.1f}">'
            f"{escape(shown)}</text>"
        )
    return "".join(parts)


def _ends(names: list[str]) -> str:
    """The first and the last place below the axis."""
    y = HEIGHT - 6
    room = (WIDTH - _LEFT - _RIGHT) / len(names)
    first = f'<text x="{_LEFT:.1f}" y="{y:.1f}">{escape(_cut(names[0], room))}</text>'
    if len(names) == 1:
        return first
    last = escape(_cut(names[1], room))
    return f'{first}<text class="end" x="{WIDTH - _RIGHT:.1f}" y="{y:.1f}">{last}</text>'


def _point(trend: Trend, point: Point, x: float, scale: _Scale) -> str:
    y = scale.y(point.value)
    parts = [f"<g><title>{escape(f'{point.at}: {trend.shown(point)}')}</title>"]
    if point.interval is not None:
        low, high = scale.y(point.interval.low), scale.y(point.interval.high)
        parts.append(
            f'<line class="interval" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        )
    if point.outcome in (Outcome.FAIL, Outcome.ERROR):
        parts.append(
            f'<path class="fail" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'  # a cross
        )
    else:
        hollow = point.outcome in (Outcome.INCONCLUSIVE, Outcome.WAIVED, Outcome.ACCEPTED)
        kind = "hollow" if hollow else "dot"
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return "".join(parts) + "</g>"


def _told(trend: Trend) -> str:
    """The chart in words."""
    points = trend.points
    last = points[-1]
    outcome = f", {last.outcome.value}" if last.outcome else ""
    now = f"{trend.shown(last)} at {last.at} (must be {trend.asked}){outcome}"
    if len(points) == 1:
        return f"{trend.title}: {now}"
    values = [point.value for point in points]
    return (
        f"{trend.title}: {len(points)} values between {trend.number(min(values))} and "
        f"{trend.number(max(values))}, from {points[0].at} on; now {now}"
    )


def _svg(told: str, parts: Sequence[str], height: float) -> Markup:
    # Every text in `parts` was escaped where it was put in.
    return Markup(  # noqa: S704
        f'<svg class="chart" role="img" aria-label="{escape(told)}" '
        f'viewBox="0 0 {WIDTH:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )


def _path(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _cut(text: str, room: float) -> str:
    most = max(1, int(room / _LABEL))
    return text if len(text) <= most else text[: most - 1] + "…"
