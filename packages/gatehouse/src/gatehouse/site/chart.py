"""Trends as inline SVG; see `gatehouse.charts.svg`."""

from __future__ import annotations

from markupsafe import Markup, escape

from gatehouse.charts.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    axis,
    ends,
    path,
    picture,
)
from gatehouse.site.trends import Point, Trend
from gatehouse.verdict import Outcome


def trend_chart(trend: Trend) -> Markup | None:
    """Draw values as a line, intervals as bars, the limit as a dashed line, its far side shaded.

    Returns:
        The chart, or None if the numbers are too far apart to be drawn.
    """
    points = trend.points
    pairs = [(p.interval.low, p.interval.high) for p in points if p.interval]
    scale = Scale.of(
        [p.value for p in points] + [p.limit for p in points] + [v for pair in pairs for v in pair]
    )
    if scale is None:
        return None
    step = (WIDTH - LEFT - RIGHT) / len(points)
    xs = [LEFT + step * (i + 0.5) for i in range(len(points))]
    at = [(x, scale.y(p.value)) for x, p in zip(xs, points, strict=True)]
    limit = [
        (x + side * step / 2, scale.y(p.limit))
        for x, p in zip(xs, points, strict=True)
        for side in (-1, 1)
    ]
    edge = HEIGHT - BOTTOM if trend.result.bound == "at_least" else TOP
    shaded = [*limit, (limit[-1][0], edge), (limit[0][0], edge)]
    parts = [
        axis(scale, trend.tick),
        f'<polygon class="beyond" points="{path(shaded)}"/>',
        f'<polyline class="limit" points="{path(limit)}"/>',
        f'<polyline class="line" points="{path(at)}"/>',
        *(_point(trend, p, x, scale) for x, p in zip(xs, points, strict=True)),
        ends([points[0].at, points[-1].at] if len(points) > 1 else [points[0].at]),
    ]
    return picture(_description(trend), parts, HEIGHT)


def _point(trend: Trend, point: Point, x: float, scale: Scale) -> str:
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
        hollow = point.outcome not in (Outcome.PASS, Outcome.NONE, None)
        kind = "hollow" if hollow else "dot"
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return "".join(parts) + "</g>"


def _description(trend: Trend) -> str:
    """Return a text description of the chart."""
    points = trend.points
    last = points[-1]
    outcome = f", {last.outcome.value}" if last.outcome else ""
    now = f"{trend.shown(last)} at {last.at} (must be {trend.limit_text}){outcome}"
    if len(points) == 1:
        return f"{trend.title}: {now}"
    values = [point.value for point in points]
    return (
        f"{trend.title}: {len(points)} values between {trend.number(min(values))} and "
        f"{trend.number(max(values))}, from {points[0].at} on; now {now}"
    )
