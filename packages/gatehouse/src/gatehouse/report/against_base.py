"""Changes against the base: metrics, settings, data, policy and contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatehouse.disclosed import disclosed
from gatehouse.evidence import Measurement, Of, Subject
from gatehouse.gates.data import DATA
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.slices import WORST
from gatehouse.report.context import ReportContext, flat
from gatehouse.report.escape import code
from gatehouse.report.numbers import estimate
from gatehouse.report.slices import sliced
from gatehouse.report.tables import table
from gatehouse.report.words import ICONS, is_difference, is_idle, name_of, slice_of
from gatehouse.verdict import Change

_DIRECTIONS = {"loosened": "🔓 loosened", "tightened": "🔒 tightened", "neutral": "neutral"}
_FIELDS = {
    "contract": "contract",
    "raw": "raw rows",
    "data": "prepared rows",
    "model": "model (INT8)",
    "model_fp32": "model (FP32)",
}


def changes(context: ReportContext) -> str:
    """Return the section's body as Markdown."""
    parts = [*_policy(context)]
    if context.verdict.base is None:
        parts.append("There is no base to compare with, as in a first commit.")
        return "\n\n".join(parts)
    parts += [_metrics(context), _files(context), *_params(context)]
    return "\n\n".join(part for part in parts if part)


def _metrics(context: ReportContext) -> str:
    known = {
        (m.name, m.slice, m.of): m
        for gate in context.gates
        if gate.about_training
        for m in context.measurements(gate.name)
    }
    rows = []
    bold = False
    parts = sliced(list(known.values()))  # the gate's section shows them
    for (name, where, of), measured in known.items():
        if of is not Of.COMPARISON or is_idle(measured) or where in parts or name == WORST:
            continue
        signed = is_difference(name, of, measured.described)
        shown = estimate(measured.value, measured.interval, measured.unit, signed=signed)
        if _excludes(measured, 0.0 if signed else 1.0):
            shown, bold = f"**{shown}**", True
        before, after = known.get((name, where, Of.BASE)), known.get((name, where, Of.CANDIDATE))
        title = name_of(name, measured.described) + (
            f" {slice_of(where)}" if where != "all" else ""
        )
        rows.append([title, _value(before), _value(after), shown])
    if not rows:
        return "No metric could be compared with the base: see the gates above."
    text = table(["Metric", "Base", "This change", "Difference or ratio"], rows, "lrrr")
    return text + ("\n\n**Bold**: the interval excludes “no change”." if bold else "")


def _value(measured: Measurement | None) -> str:
    if measured is None:
        return ""
    return estimate(measured.value, measured.interval, measured.unit)


def _excludes(measured: Measurement, neutral: float) -> bool:
    interval = measured.interval
    return interval is not None and not interval.low <= neutral <= interval.high


def _files(context: ReportContext) -> str:
    base, candidate = context.verdict.base, context.verdict.candidate
    assert base is not None
    shown = [
        f"{title}: {'same' if old == new else '**changed**'}"
        for field, title in _FIELDS.items()
        if field in Subject.model_fields
        and (old := getattr(base, field)) is not None
        and (new := getattr(candidate, field)) is not None
    ]
    parts = ["Files: " + ", ".join(shown) + "."] if shown else []
    for measured in context.measurements(DRIFT.name, "schema_changes"):
        if measured.samples:
            listed = ", ".join(code(sample) for sample in measured.samples[:20])
            parts.append(f"Columns of the training data: {listed}.")
    for measured in context.measurements(DATA.name, "rows", of=Of.CANDIDATE):
        parts.append(f"Rows now: {estimate(measured.value, None, 'rows')}.")
    return "\n\n".join(parts)


def _params(context: ReportContext) -> list[str]:
    if context.base_params is None or context.params is None:
        return []
    before, after = flat(context.base_params), flat(context.params)
    keys = [*before, *(key for key in after if key not in before)]
    rows = [
        [code(key), _setting(before, key), _setting(after, key)]
        for key in keys
        if before.get(key) != after.get(key) or (key in before) != (key in after)
    ]
    if not rows:
        return ["Settings (`params.yaml`): the same."]
    return [table(["Setting (`params.yaml`)", "Base", "This change"], rows)]


def _setting(settings: Mapping[str, Any], key: str) -> str:
    if key not in settings:
        return "not set"
    return code(settings[key]) if disclosed(key, settings[key]) else "not shown"


def _policy(context: ReportContext) -> list[str]:
    verdict = context.verdict
    parts = []
    for title, found in (
        ("Policy (`policy.yaml`)", verdict.policy_changes),
        ("Contract (`contract.yaml`)", verdict.contract_changes),
    ):
        if found:
            ordered = sorted(found, key=lambda change: list(_DIRECTIONS).index(change.direction))
            rows = [_change(change) for change in ordered]
            parts.append(table([title, "Base", "This change", ""], rows))
    if verdict.proposed is not None:
        outcome = verdict.proposed.outcome
        text = (
            "The base's policy decided. This change's own policy would have said "
            f"{ICONS[outcome]} **{outcome.value}**"
        )
        differing = ", ".join(
            f"{code(rule)} {ICONS[would]} {would.value}"
            for rule, would in list(verdict.proposed.rules.items())[:20]
        )
        parts.append(text + (f" (with {differing})." if differing else "."))
    elif verdict.policy_changes:
        parts.append("The base's policy decided.")
    return parts


def _change(change: Change) -> list[str]:
    return [
        code(change.key),
        code(change.before),
        code(change.after),
        _DIRECTIONS[change.direction],
    ]
