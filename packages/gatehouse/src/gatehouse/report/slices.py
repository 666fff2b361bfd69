"""Slices of the rows as a table: those that the policy names, and the worst that were found."""

from __future__ import annotations

from collections.abc import Sequence

from gatehouse.evidence import NEW, PERIOD, RELEASED, Measurement, Of
from gatehouse.gates.metrics import METRICS
from gatehouse.gates.slices import WORST
from gatehouse.report.escape import code, prose
from gatehouse.report.numbers import count, estimate, probability
from gatehouse.report.tables import table
from gatehouse.report.words import name_of

_SHOWN = [metric.name for metric in METRICS if metric.headline]


def sliced(measured: Sequence[Measurement]) -> list[str]:
    """Return the slices of the rows, those that the policy names first."""
    return list(
        dict.fromkeys(
            m.slice
            for m in measured
            if (m.name in _SHOWN or m.name == WORST)
            and m.slice not in ("all", NEW, RELEASED)
            and not m.slice.startswith(PERIOD)
        )
    )


def slices(measured: Sequence[Measurement], ours: str) -> str:
    """Show the headline metrics of every slice, with the test of the worst; empty without any."""
    names = sliced(measured)
    by_key = {(m.slice, m.name, m.of): m for m in measured}
    worst = {m.slice: m for m in measured if m.name == WORST and m.value is not None}
    compared = any(m.of is Of.COMPARISON for m in measured)
    whose = list(Of) if compared else [Of.CANDIDATE]
    rows = []
    for name in names:
        test = _test(worst.get(name))
        for metric in _SHOWN:
            found = [by_key.get((name, metric, of)) for of in whose]
            if any(found):
                n = max(m.n for m in found if m)
                rows.append([code(name), count(n), name_of(metric), *map(_cell, found), test])
                test = ""
    if not rows:
        return ""
    titles = {Of.CANDIDATE: ours, Of.BASE: "Base", Of.COMPARISON: "Difference"}
    header = ["Slice", "Rows", "Metric", *(titles[of] for of in whose), "Loss, adjusted p"]
    shown = table(header, rows, "lrl" + "r" * (len(whose) + 1))
    return "\n\n".join(filter(None, [_line(list(worst.values())), shown]))


def _line(worst: Sequence[Measurement]) -> str:
    """Return one sentence about the worst slice."""
    tested = [m for m in worst if m.slice != "all" and m.value is not None]
    if not tested:
        return ""
    most = max(tested, key=lambda m: m.value or 0.0)
    against = "against the base" if most.of is Of.COMPARISON else "against all rows"
    return (
        f"Worst of {len(tested)} tested slices: {code(most.slice)}, {count(most.n)} rows, loss "
        f"{against} {_test(most)}. 100% is the loss of a guess. The slices with a test were "
        "found on the valid split and tested on the exam."
    )


def _cell(measured: Measurement | None) -> str:
    if measured is None:
        return ""
    signed = measured.of is Of.COMPARISON
    return estimate(measured.value, measured.interval, measured.unit, signed=signed)


def _test(measured: Measurement | None) -> str:
    if measured is None or measured.p_value is None:
        return ""
    shown = estimate(measured.value, measured.interval, measured.unit, signed=True)
    return f"{shown}, p {prose(probability(measured.p_value))}"
