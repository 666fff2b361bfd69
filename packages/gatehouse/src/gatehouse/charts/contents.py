"""The content of a chart, independent of how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["pass", "warning", "fail", "accepted"]


@dataclass(frozen=True)
class Bars:
    """Named values as horizontal bars.

    Attributes:
        title: of the chart.
        axis: meaning of the values, with their unit.
        values: name and value of each bar, in order.
        limit: drawn as a line across the bars; None if they have no common limit.
        first: which bars are drawn if there are too many, such as "the largest".
    """

    title: str
    axis: str
    values: tuple[tuple[str, float], ...]
    limit: float | None = None
    first: str = "the first"


@dataclass(frozen=True)
class Series:
    """One line of a chart; `name` is empty if the chart's title is enough."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """Lines over the same places.

    Attributes:
        title: of the chart.
        axis: meaning of the values, with their unit.
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
        low: lower end of its interval; None without an interval.
        high: upper end.
        base: the base's value on this scale; None without a base.
        state: determines shape and colour.
    """

    used: float
    low: float | None
    high: float | None
    base: float | None
    state: State


@dataclass(frozen=True)
class Limited:
    """The result of one rule.

    Attributes:
        group: the gate.
        name: the rule.
        value: the worst value, as text.
        interval: its interval, such as `0.919 to 0.930`; empty if there is none.
        limit_text: the limit, as text, such as `at least 0.88`.
        marks: one per slice, the worst first.
    """

    group: str
    name: str
    value: str
    interval: str
    limit_text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Limits:
    """Every judged value relative to its limit."""

    rows: tuple[Limited, ...]
