"""What a chart shows, apart from how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["pass", "warning", "fail", "accepted"]


@dataclass(frozen=True)
class Bars:
    """Named values as horizontal bars.

    Attributes:
        title: of the chart.
        axis: what the values are, with their unit.
        values: name and value of each bar, in order.
        limit: drawn as a line across the bars; None where they have no common one.
        first: which of them are drawn where there are too many, such as "the largest".
    """

    title: str
    axis: str
    values: tuple[tuple[str, float], ...]
    limit: float | None = None
    first: str = "the first"


@dataclass(frozen=True)
class Series:
    """One line of a chart; `name` is empty where the chart's title says it all."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """Lines over the same places.

    Attributes:
        title: of the chart.
        axis: what the values are, with their unit.
        places: names of the places, in order.
        series: the lines, the most important one first; one value per place.
    """

    title: str
    axis: str
    places: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Mark:
    """A value as a multiple of its limit: 0 is the best or unchanged, 1 the limit.

    Attributes:
        used: the value on this scale.
        low: lower end of its interval; None where there is none.
        high: upper end.
        base: the base's value on this scale; None where there is none.
        state: decides sign and colour.
    """

    used: float
    low: float | None
    high: float | None
    base: float | None
    state: State


@dataclass(frozen=True)
class Limited:
    """What one rule decided.

    Attributes:
        group: the gate.
        name: the rule.
        value: the worst value, as text.
        interval: its interval, such as `0.919 to 0.930`; empty where there is none.
        asked: the limit, as text, such as `at least 0.88`.
        marks: one per slice, the worst first.
    """

    group: str
    name: str
    value: str
    interval: str
    asked: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Limits:
    """Every decided value over its limit."""

    rows: tuple[Limited, ...]
