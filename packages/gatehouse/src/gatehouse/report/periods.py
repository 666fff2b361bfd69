"""The headline metric by period of the test split: a sentence and a chart."""

from __future__ import annotations

from collections.abc import Sequence

from gatehouse.charts import mermaid
from gatehouse.charts.contents import Lines, Series
from gatehouse.evidence import FALL, PERIOD, Measurement, Of
from gatehouse.report.escape import prose
from gatehouse.report.numbers import estimate, probability
from gatehouse.report.words import name_of, plain_name


def is_period(measured: Measurement) -> bool:
    """Return whether a measurement is about periods or their trend."""
    return measured.name == FALL or measured.slice.startswith(PERIOD)


def periods(measured: Sequence[Measurement], ours: str) -> str:
    """Show the trend and a chart; empty without periods."""
    fall = next((m for m in measured if m.name == FALL), None)
    by_key = {(m.slice, m.of): m.value for m in measured if m.slice.startswith(PERIOD)}
    places = [
        where for where in dict.fromkeys(where for where, _ in by_key)
        if by_key[where, Of.CANDIDATE] is not None
    ]  # fmt: skip
    if fall is None or not places:
        return ""
    series = [
        Series(label, tuple(value for value in values if value is not None))
        for of, label in ((Of.CANDIDATE, ours.lower()), (Of.BASE, "base"))
        if None not in (values := [by_key.get((where, of)) for where in places])
    ]
    names = tuple(where.removeprefix(PERIOD).partition(" ")[0] for where in places)
    title = f"{plain_name(fall.slice)} by period of the test split"
    colours = ", blue is this change" + ", red the base" * (len(series) > 1)
    chart = mermaid.write(Lines(title + colours, plain_name(fall.slice), names, tuple(series)))
    text = f"Fall of {name_of(fall.slice)} over {len(places)} periods of the test split: "
    text += estimate(fall.value, fall.interval, fall.unit, signed=True)
    if fall.p_value is not None:
        text += f", p {prose(probability(fall.p_value))} ({prose(fall.method)})"
    return f"{text}.\n\n{chart}"
