"""The results of a monitoring run as Markdown (`reports/monitor/report.md`)."""

from __future__ import annotations

import itertools
from datetime import timedelta

from gatehouse.charts import mermaid
from gatehouse.charts.contents import Lines, Series
from gatehouse.gates import GATES
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.spec import Production
from gatehouse.judge import rule_measurements
from gatehouse.monitor.gates import watched_gates
from gatehouse.monitor.look import Look
from gatehouse.monitor.record import Record, Window
from gatehouse.policy import Policy, Rule, show_span
from gatehouse.report import details, quantities
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import code, prose
from gatehouse.report.links import NO_LINKS
from gatehouse.report.markdown import LIMIT, Section
from gatehouse.report.numbers import bound, count, estimate
from gatehouse.report.summary import gate_icon, gate_reason
from gatehouse.report.tables import table
from gatehouse.report.words import ICONS, WARNING
from gatehouse.verdict import Outcome

_BUILT_IN = {gate.name for gate in GATES}
_TIME = "%Y-%m-%d %H:%M"


def render(look: Look, limit: int = LIMIT) -> str:
    """Return the report; if it is longer than `limit` characters, cut sections from the end."""
    context = ReportContext(
        verdict=look.verdict,
        evidence=look.evidence,
        base_label="the training data",
        gates=watched_gates(look.policy),
        links=NO_LINKS,
    )
    parts = [_head(look, context), *map(str, _sections(look, context))]
    while len(parts) > 1 and sum(len(part) + 2 for part in parts) > limit:
        parts.pop()
    return "\n\n".join(parts) + "\n"


def _head(look: Look, context: ReportContext) -> str:
    record, passed = look.record, look.verdict.outcome is Outcome.PASS
    title = "✅ Production: pass" if passed else "❌ Production: alarm"
    newest = record.windows[-1]
    sentence = (
        f"{count(newest.rows)} predictions of model {code(record.model[7:19])} from "
        f"{newest.start:{_TIME}} to {newest.end:{_TIME}} UTC, compared with what it was trained on "
        f"({code(record.reference)})."
    )
    gates = {
        gate.name: gate.production
        for gate in context.gates
        if gate.production and context.results(gate.name)
    }
    rows = [
        [gate_icon(context, gate), f"**{gate}**<br>{watch.question}", gate_reason(context, gate)]
        for gate, watch in gates.items()
    ]
    parts = [f"## {title}", sentence, table(["", "Gate", "Why"], rows)]
    if record.counts.broken:
        parts.append(
            f"{WARNING} {count(record.counts.broken)} lines of the log could not be read, next to "
            f"{count(record.counts.read)} records."
        )
    steps = [
        f"- {ICONS[Outcome.FAIL]} **{gate}**: {_step(context, gate, watch)}"
        for gate, watch in gates.items()
        if look.verdict.gate_blocks(gate)
    ]
    if steps:
        steps.append("\nFor all of it, see `docs/alarms.md`.")
        parts.append("### What to do\n\n" + "\n".join(steps))
    return "\n\n".join(parts)


def _step(context: ReportContext, gate: str, watch: Production) -> str:
    if gate in context.verdict.errors:
        return f"There is nothing to judge: {prose(context.problem(gate))}."
    return watch.advice


def _sections(look: Look, context: ReportContext) -> list[Section]:
    found = [Section("Over time", _trend(look.record, look.policy), folded=False)]
    if charts := _charts(look.record, look.policy, (ACCURACY.name, FAIRNESS.name)):
        found.append(Section("Accuracy and fairness over time", charts))
    if context.usable(DRIFT.name):
        found.append(Section("Drift by column", details.drift(context)))
    if context.usable(ACCURACY.name):
        measured = context.measurements(ACCURACY.name)
        found.append(Section("Accuracy", quantities.accuracy(measured, "Production")))
    if context.usable(FAIRNESS.name):
        found.append(Section("Fairness by group", details.fairness(context)))
    own = [gate for gate in context.gates if gate.name not in _BUILT_IN]
    return [
        *found,
        *(
            Section(gate.section.title, details.section(context, gate))
            for gate in own
            if context.usable(gate.name)
        ),
        Section("All rules", details.rules(context)),
        Section("What was read", _counts(look)),
        Section("What was judged", details.provenance(context)),
    ]


def _trend(record: Record, policy: Policy) -> str:
    season = (
        f" Each is measured with those before it that make {show_span(record.season)}."
        if record.season
        else ""
    )
    parts = [f"Windows of {show_span(record.window)}, the last one is judged.{season}"]
    own = (gate for gate in policy.monitor.gates if gate not in _BUILT_IN)
    if charts := _charts(record, policy, (DRIFT.name, *own)):
        parts.append(charts)
    rows = [_row(window, policy) for window in _since_first(record)]
    parts.append(table(["", "Window (UTC)", "Predictions", "Nearest to its limit"], rows, "llrl"))
    return "\n\n".join(parts)


def _since_first(record: Record) -> tuple[Window, ...]:
    """Return the windows, starting with the first one that has a record."""
    empty = itertools.takewhile(lambda window: not window.rows, record.windows[:-1])
    return record.windows[len(list(empty)) :]


def _charts(record: Record, policy: Policy, gates: tuple[str, ...]) -> str:
    """Return a chart of the windows for each rule that can raise an alarm, except for counts."""
    moment = "%m-%d" if record.window % timedelta(days=1) == timedelta(0) else "%m-%d %Hh%M"
    charts = []
    for name, rule in policy.rules.items():
        if rule.gate in gates and rule.on_fail == "fail" and rule.measurement != "schema_changes":
            values = [(f"{w.end:{moment}}", _worst(w, rule)) for w in record.windows]
            shown = [(when, value) for when, value in values if value is not None]
            if len(shown) > 1:
                title = f"{name}, worst of each window"
                charts.append(mermaid.write(_over_time(title, rule, shown)))
    return "\n\n".join(charts)


def _over_time(title: str, rule: Rule, shown: list[tuple[str, float]]) -> Lines:
    values = Series("", tuple(value for _, value in shown))
    limit = Series("", (rule.limit,) * len(shown))
    return Lines(title, rule.measurement, tuple(when for when, _ in shown), (values, limit))


def _worst(window: Window, rule: Rule) -> float | None:
    values = [
        measured.value
        for measured in rule_measurements(rule, window.measurements)
        if measured.value is not None
    ]
    return (min if rule.at_least is not None else max)(values, default=None)


def _row(window: Window, policy: Policy) -> list[str]:
    icon = WARNING if window.outcome is Outcome.INCONCLUSIVE else ICONS[window.outcome]
    when = f"{window.start:{_TIME}} to {window.end:{_TIME}}"
    return [icon, when, count(window.rows), _nearest(window, policy)]


def _nearest(window: Window, policy: Policy) -> str:
    """Return the measurement nearest to its limit, or furthest beyond it."""
    found = []
    for rule in policy.rules.values():
        sign = -1 if rule.at_least is not None else 1
        for measured in rule_measurements(rule, window.measurements):
            if measured.value is not None and rule.measurement != "schema_changes":
                beyond = sign * (measured.value - rule.limit) / (abs(rule.limit) or 1.0)
                found.append((beyond, measured, rule))
    if not found:
        return "nothing to measure"
    _, measured, rule = max(found, key=lambda each: each[0])
    shown = estimate(measured.value, measured.interval, measured.unit, limit=rule.limit)
    side = "at least" if rule.at_least is not None else "at most"
    where = "" if measured.slice == "all" else f" of {code(measured.slice)}"
    return f"{prose(measured.name)}{where} {shown}, {side} {bound(rule.limit, measured.unit)}"


def _counts(look: Look) -> str:
    counts = look.record.counts
    rows = [
        ["records read", count(counts.read)],
        ["lines that could not be read (kept in `reports/monitor/broken.jsonl`)",
         count(counts.broken)],
        ["records that are there more than once, counted once", count(counts.repeated)],
        ["records later than ones of a later window, put into their own", count(counts.late)],
        ["records of other times", count(counts.outside)],
        ["records of other models", count(counts.other_models)],
        ["labels", count(counts.labels)],
        ["judged records with a label", count(counts.labelled)],
    ]  # fmt: skip
    return f"From {code(look.log)}:\n\n" + table(["What", "How many"], rows, "lr")
