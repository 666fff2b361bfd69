"""What happened to the base's rows: one line at the top of the report, and a table."""

from __future__ import annotations

from gatehouse.digest import SPLITS
from gatehouse.evidence import COLUMN_AUC, Measurement, Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.rows import ROWS
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import code, prose
from gatehouse.report.numbers import count, estimate
from gatehouse.report.tables import table

_OUTCOMES = ("added", "gone", "changed", "relabelled", "repeated", "unchanged")
_ALWAYS = ("added", "gone", "relabelled")
TOO_GOOD = 0.9
GAP = 0.05
"""Larger differences between exam, train and new test rows are named."""


def rows_line(context: ReportContext) -> str:
    """Return the rows of both sides and their outcomes as Markdown; empty without a base.

    For example `Rows: 48,842 → 50,210: 1,402 new, 34 gone, 0 relabelled; exam untouched`.
    """
    found = _found(context)
    before, after = (
        next(iter(context.measurements(ROWS.name, "rows", of=of)), None)
        for of in (Of.BASE, Of.CANDIDATE)
    )
    if not found or before is None or after is None:
        return ""
    parts = [
        f"{_value(found, outcome)} {'new' if outcome == 'added' else outcome}"
        f"{_reasons(found) if outcome == 'gone' else ''}"
        for outcome in _OUTCOMES[:-1]
        if outcome in _ALWAYS or _number(found, outcome)
    ]
    touched = context.measurements(ROWS.name, "touched_exam_rows")
    rows = int(touched[0].value or 0) if touched else 0
    exam = f"**{count(rows)} exam rows touched**" if rows else "exam untouched"
    if rows and touched[0].note:
        exam += f" ({prose(touched[0].note)})"
    sizes = f"{count(int(before.value or 0))} → {count(int(after.value or 0))}"
    return f"Rows: {sizes}: {', '.join(parts)}; {exam}"


def _reasons(found: dict[tuple[str, str], Measurement]) -> str:
    """Return why rows are gone, such as ` (30 by retention, 2 by erasure)`; empty if unknown."""
    parts = [
        f"{_value(found, 'explained', f'reason={reason}')} by {reason}"
        for reason in ("retention", "erasure")
        if _number(found, "explained", f"reason={reason}")
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _explained(found: dict[tuple[str, str], Measurement]) -> list[str]:
    """Return how many gone rows are explained, and how many of them were exam rows."""
    parts = [
        f"{_value(found, 'explained', f'reason={reason}')} by {reason} "
        f"({_value(found, 'explained', f'reason={reason} & split=test')} of the exam)"
        for reason in ("retention", "erasure")
        if ("explained_rows", f"reason={reason}") in found
    ]
    return [f"Gone rows that are explained: {', '.join(parts)}."] if parts else []


def rows(context: ReportContext) -> str:
    """Show rows by outcome in each split, and the numbers that the rules judge."""
    found = _found(context)
    if not found:
        return "There is no base to compare with."
    lines = [
        [outcome, *(_value(found, outcome, f"split={split}") for split in SPLITS),
         _value(found, outcome)]
        for outcome in _OUTCOMES
    ]  # fmt: skip
    parts = [
        table(["Rows", *SPLITS, "all"], lines, "lrrrr"),
        "By the base's split rule; the rows of test are the exam.",
        *_explained(found),
    ]
    shares = [
        f"{estimate(measured.value, None, measured.unit)} {'of the base' * (of is Of.BASE)}".strip()
        for of in (Of.CANDIDATE, Of.BASE)
        for measured in context.measurements(ROWS.name, "exam_leak", of=of)
    ]
    if shares:
        parts.append(
            "Rows outside test that equal an exam row in all inputs of the graph, or in all but "
            f"one: {', '.join(shares)}."
        )
    parts += new_columns(context)
    return "\n\n".join(parts)


def new_columns(context: ReportContext) -> list[str]:
    """Show how well each new column predicts the target alone, and what is unusual about it."""
    found: dict[str, dict[str, float]] = {}
    for measured in context.measurements(ACCURACY.name, COLUMN_AUC):
        name, _, where = measured.slice.removeprefix("column=").rpartition(" on ")
        if measured.value is not None:
            found.setdefault(name, {})[where] = measured.value
    lines = []
    for name, values in found.items():
        areas = ", ".join(
            f"{estimate(value, None, '1')} on {where}" for where, value in values.items()
        )
        odd = []
        if max(values.values()) > TOO_GOOD:
            odd.append(f"over {TOO_GOOD}, which is most often a leak of the target")
        if (gap := max(values.values()) - min(values.values())) > GAP:
            odd.append(f"a gap of {estimate(gap, None, '1')}: it does not mean the same everywhere")
        line = f"New column {code(name)}: ROC AUC by itself {areas}"
        lines.append(f"- {line}" + (f". **{'; '.join(odd)}**" if odd else ""))
    return ["\n".join(lines)] if lines else []


def _found(context: ReportContext) -> dict[tuple[str, str], Measurement]:
    measured = context.measurements(ROWS.name, of=Of.COMPARISON)
    return {(m.name, m.slice): m for m in measured}


def _number(found: dict[tuple[str, str], Measurement], outcome: str, where: str = "all") -> int:
    measured = found.get((f"{outcome}_rows", where))
    return int(measured.value or 0) if measured else 0


def _value(found: dict[tuple[str, str], Measurement], outcome: str, where: str = "all") -> str:
    return count(_number(found, outcome, where))
