"""Measurements as tables and charts, for the report and the model card."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import NormalDist

from gatehouse.charts import mermaid
from gatehouse.charts.contents import Bars, Lines, Series
from gatehouse.charts.mermaid import BARS_SHOWN
from gatehouse.evidence import Curve, Measurement, Of
from gatehouse.gates.metrics import METRICS
from gatehouse.gates.slices import WORST
from gatehouse.report.escape import prose
from gatehouse.report.numbers import bound, count, estimate, probability
from gatehouse.report.periods import is_period, periods
from gatehouse.report.slices import sliced, slices
from gatehouse.report.tables import table
from gatehouse.report.words import is_difference, is_idle, name_of, slice_of
from gatehouse.verdict import RuleResult

GROUP_METRICS = (
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "accuracy",
    "mean_absolute_error",
    "mean_error",
)
GAPS = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "accuracy_score_difference",
    "group_loss_difference",
    "mean_error_difference",
)
CHARTED = {
    "selection_rate": ("Selection rate", "share selected"),
    "mean_absolute_error": ("Mean absolute error", "in the target's units"),
}
_BY_GROUP = [metric.name for metric in METRICS if metric.by_group]
PERCENTILES = ("latency_p50", "latency_p95", "latency_p99")
CHARTS_SHOWN = 3
NOTES_SHOWN = 20


def accuracy(measured: Sequence[Measurement], ours: str = "This change") -> str:
    """Show metrics of candidate and base, their difference, and those of slices."""
    parts = sliced(measured)
    below = [slices([m for m in measured if m.slice in parts], ours), periods(measured, ours)]
    elsewhere = [m for m in measured if m.slice in parts or m.name == WORST or is_period(m)]
    measured = [m for m in measured if m not in elsewhere and not is_idle(m)]
    groups = [m for m in measured if m.name in _BY_GROUP and "=" in m.slice]
    measured = [m for m in measured if m not in groups]
    text = _compared("Metric", measured, ours) + _footnote(measured)
    by_group = _compared("By group", groups, ours) if groups else ""
    return "\n\n".join(filter(None, [text, by_group, *below]))


def _compared(head: str, measured: Sequence[Measurement], ours: str) -> str:
    """Return one row per metric and slice, one column for each model and for their difference."""
    by_key = {(m.name, m.slice, m.of): m for m in measured}
    keys = {(m.name, m.slice): m.described for m in measured}
    whose = [of for of in Of if any(m.of is of for m in measured)]
    titles = {Of.CANDIDATE: ours, Of.BASE: "Base", Of.COMPARISON: "Difference"}
    rows = [
        [
            f"{name_of(name, own)} {slice_of(where)}".strip(),
            *(_cell(by_key.get((name, where, of))) for of in whose),
        ]
        for (name, where), own in keys.items()
    ]
    return table([head, *(titles[of] for of in whose)], rows, "lrrr")


_CURVES = {
    "roc_curve": ("ROC", "true positive rate", "chance"),
    "calibration_curve": ("Calibration", "observed share", "calibrated"),
}


def reuse(judged: int) -> list[str]:
    """Say how many candidates the exam judged before, and what that means for its numbers.

    The expected maximum of k standard normal values is taken from Blom (1958).
    """
    if not judged:
        return []
    many = judged + 1  # with this one
    by_chance = NormalDist().inv_cdf((many - 0.375) / (many + 0.25))
    before = "1 merged candidate was" if judged == 1 else f"{count(judged)} merged candidates were"
    return [
        f"{before} judged on this exam before. By chance alone, the best of {count(many)} equally "
        f"good candidates looks {by_chance:.1f} standard errors better than it is."
    ]


def curves(found: Sequence[Curve]) -> list[str]:
    """Return a chart for each kind of curve: the candidate, the base, and the diagonal."""
    charts = []
    for name, (title, axis, diagonal) in _CURVES.items():
        of = {curve.of: dict(zip(curve.x, curve.y, strict=True)) for curve in found
              if curve.name == name}  # fmt: skip
        if Of.CANDIDATE not in of:
            continue
        places = sorted(set.intersection(*map(set, of.values())))
        series = [
            Series(label, tuple(of[whose][x] for x in places))
            for whose, label in ((Of.CANDIDATE, "this change"), (Of.BASE, "base"))
            if whose in of
        ]
        series.append(Series(diagonal, tuple(places)))
        names = tuple(f"{x:g}" for x in places)
        # Not every version of Mermaid draws a legend.
        colours = ", blue is this change" + ", red the base" * (len(series) > 2)
        charts.append(mermaid.write(Lines(f"{title}{colours}", axis, names, tuple(series))))
    return charts


def fairness(measured: Sequence[Measurement]) -> str:
    """Show metrics by group, the gaps between groups, and charts of the groups' rates or losses."""
    groups = [m for m in measured if m.name in GROUP_METRICS]
    gaps = [m for m in measured if m.name in GAPS]
    parts = [
        _compared("Between groups", gaps, "This change")
        if any(m.of is Of.BASE for m in gaps)
        else _pivot("Between groups of", gaps, GAPS),
        _pivot("Group", groups, GROUP_METRICS, rows=True),
    ]
    parts += _group_charts(groups)
    if any(not m.decides for m in groups):
        parts.append("_Italics: the group is too small to decide; it is shown and not judged._")
    return "\n\n".join(part for part in parts if part) + _footnote(gaps)


def _group_charts(groups: Sequence[Measurement]) -> list[str]:
    """Return a chart for each partition of the rows: by `sex`, by `race`, by `sex & race`."""
    partitions: dict[tuple[str, str], list[Measurement]] = {}
    for measured in groups:
        if measured.name in CHARTED:
            attributes = [part.partition("=")[0] for part in measured.slice.split(" & ")]
            key = measured.name, " and ".join(attributes)
            partitions.setdefault(key, []).append(measured)
    return [
        mermaid.write(
            Bars(f"{CHARTED[metric][0]} by {name}", CHARTED[metric][1],
                 tuple((_values(n), v) for n, v in charted), first="the largest")
        )
        for (metric, name), chosen in list(partitions.items())[:CHARTS_SHOWN]
        if len(charted := _charted(_largest_first(chosen))) > 1
    ]  # fmt: skip


def _largest_first(groups: list[Measurement]) -> list[Measurement]:
    """Sort groups by rows if there are too many to draw; otherwise keep their order."""
    return sorted(groups, key=lambda m: -m.n) if len(groups) > BARS_SHOWN else groups


def _values(group: str) -> str:
    """Shorten `race=Black & sex=Female` to `Black, Female`; the title names the attributes."""
    return ", ".join(part.partition("=")[2] or part for part in group.split(" & "))


def drift(measured: Sequence[Measurement], results: Sequence[RuleResult]) -> str:
    """Show the effect and the test of every column, and a chart of the effects."""
    measured = [m for m in measured if m.name == "drift"]
    if not measured:
        return "There is no base to compare with."
    # Most columns have no far values in either table.
    shown = [m for m in measured if m.value or not m.slice.startswith("tail=")]
    ordered = sorted(shown, key=lambda m: -(m.value or 0.0))
    rows = [
        [
            slice_of(m.slice),
            estimate(m.value, m.interval, m.unit),
            "" if m.p_value is None else prose(probability(m.p_value)),
            count(m.n),
        ]
        for m in ordered
    ]
    charts = [
        _drift_chart(unit, ordered, results) for unit in dict.fromkeys(m.unit for m in ordered)
    ]
    methods = "\n".join(
        f"- {prose(method)}" for method in dict.fromkeys(m.method for m in measured)
    )
    effects = table(["Column", "Effect", "Adjusted p", "Rows"], rows, "lrrr")
    return "\n\n".join([effects, *charts, f"Tests and effects:\n\n{methods}"])


def joint_drift(measured: Sequence[Measurement]) -> str:
    """Show how well a classifier tells new rows from old ones, and the columns that tell."""
    found = next((m for m in measured if m.name == "joint_drift"), None)
    if found is None:
        return ""
    text = f"A classifier tells new rows from old ones with ROC AUC {_cell(found)}"
    return text + (f": {prose(found.note)}." if found.note else ".")


def other_decisions(measured: Sequence[Measurement]) -> str:
    """Show how often, and how far, both models differ on the exam, by protected group."""
    names = [name for name in ("flip_rate", "score_distance") if _named(measured, name)]
    by_key = {(m.name, m.slice): m for m in measured}
    parts = dict.fromkeys(m.slice for m in measured if m.name in names)
    rows = [
        [
            slice_of(where) if where != "all" else "all exam rows",
            *(_cell(by_key.get((name, where))) for name in names),
            count(by_key[names[-1], where].n),
        ]
        for where in parts
    ]
    if not rows:
        return ""
    shown = table(["Rows", *map(name_of, names), "Number"], rows, "l" + "r" * (len(names) + 1))
    return f"Both models on the exam:\n\n{shown}"


def _named(measured: Sequence[Measurement], name: str) -> bool:
    return any(m.name == name for m in measured)


def _drift_chart(unit: str, measured: Sequence[Measurement], results: Sequence[RuleResult]) -> str:
    """Chart the effects of one unit, because standard deviations and shares need separate axes."""
    chosen = [m for m in measured if m.unit == unit]
    slices = {m.slice for m in chosen}
    limits = {
        r.limit
        for r in results
        if r.measurement == "drift" and any(f.slice in slices for f in r.findings)
    }
    limit = limits.pop() if len(limits) == 1 else None  # else no limit fits every bar
    axis = {"sigma": "standard deviations", "share": "share of rows that moved"}.get(unit, unit)
    return mermaid.write(
        Bars("Change against the base", axis + ", the line is the limit" * (limit is not None),
             _charted(chosen), limit)
    )  # fmt: skip


def latency(measured: Sequence[Measurement], results: Sequence[RuleResult]) -> str:
    """Show ratios, percentiles and sizes, and a chart of the medians."""
    times = [m for m in measured if m.name in PERCENTILES]
    others = [m for m in measured if m.name not in PERCENTILES]
    parts = [
        _limits(others, results),
        _pivot("Graph", times, PERCENTILES),
    ]
    medians = [m for m in times if m.name == "latency_p50"]
    for batch in ("single row", "batch"):
        chosen = _charted([m for m in medians if batch in m.slice])
        if chosen:
            parts.append(mermaid.write(Bars(f"Median time, {batch}", "ms", chosen)))
    return "\n\n".join(part for part in parts if part) + _footnote(others)


def measured(found: Sequence[Measurement], results: Sequence[RuleResult]) -> str:
    """Show all measurements of a gate, with the limits of its rules."""
    return _limits(found, results) + _footnote(found)


def _limits(measured: Sequence[Measurement], results: Sequence[RuleResult]) -> str:
    limits = {(r.measurement, r.of): r for r in results}
    rows = []
    for m in measured:
        rule = limits.get((m.name, m.of))
        limit = ""
        if rule and any(finding.slice == m.slice for finding in rule.findings):
            side = "at least" if rule.bound == "at_least" else "at most"
            signed = is_difference(m.name, m.of)
            limit = f"{side} {bound(rule.limit, m.unit, signed=signed)}"
        rows.append([name_of(m.name), slice_of(m.slice), _cell(m), limit])
    return table(["", "Of", "Measured", "Limit"], rows, "llrr")


def _cell(measured: Measurement | None) -> str:
    if measured is None:
        return ""
    signed = is_difference(measured.name, measured.of, measured.described)
    shown = estimate(measured.value, measured.interval, measured.unit, signed=signed)
    return shown if measured.decides else f"_{shown}_"


def _pivot(
    head: str, measured: Sequence[Measurement], columns: Sequence[str], *, rows: bool = False
) -> str:
    """Return one row per slice, one column per measurement; `rows` adds the number of rows."""
    present = [name for name in columns if any(m.name == name for m in measured)]
    by_key = {(m.slice, m.name): m for m in measured}
    most: dict[str, int] = {}
    for m in measured:
        most[m.slice] = max(m.n, most.get(m.slice, 0))
    lines = []
    for where in dict.fromkeys(m.slice for m in measured):
        cells = [slice_of(where) or "all"]
        if rows:
            cells.append(count(most[where]))
        lines.append(cells + [_cell(by_key.get((where, name))) for name in present])
    if not lines:
        return ""
    header = [head, *(["Rows"] if rows else []), *(name_of(name) for name in present)]
    return table(header, lines, "l" + "r" * (len(header) - 1))


def _charted(measured: Sequence[Measurement]) -> tuple[tuple[str, float], ...]:
    return tuple(
        (re.sub("^(number|category)=", "", m.slice), m.value)
        for m in measured
        if m.value is not None
    )


def _footnote(measured: Sequence[Measurement]) -> str:
    """Return the confidence and methods that the numbers share, and the notes of single numbers."""
    confidences = sorted({m.interval.confidence for m in measured if m.interval})
    methods = dict.fromkeys(m.method for m in measured if m.interval)
    notes_of: dict[str, list[str]] = {}
    for m in measured:
        if m.note:
            named = f"{name_of(m.name, m.described)} {slice_of(m.slice)}".strip()
            notes_of.setdefault(m.note, []).append(named)
    notes = [
        f"{', '.join(dict.fromkeys(names))}: {prose(note)}" for note, names in notes_of.items()
    ]
    text = ""
    if confidences:
        shown = " and ".join(f"{confidence:.4g}" for confidence in confidences)
        text = f"\n\nIntervals: confidence {shown}. Methods: {prose('; '.join(methods), 600)}."
    if notes:
        text += "\n\n" + "\n".join(f"- {note}" for note in notes[:NOTES_SHOWN])
    return text
