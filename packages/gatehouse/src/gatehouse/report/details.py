"""The folded part of the report: all rules, and all measurements in tables and charts."""

from __future__ import annotations

from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.data import DATA
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.latency import LATENCY
from gatehouse.gates.spec import GateSpec
from gatehouse.report import quantities
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import code, prose
from gatehouse.report.links import NO_LINKS
from gatehouse.report.numbers import count, estimate
from gatehouse.report.summary import capital, finding_text, steps_of, worst_finding
from gatehouse.report.tables import table
from gatehouse.report.words import (
    ICONS,
    WARNING,
    failed_expectations,
    slice_of,
)
from gatehouse.verdict import Outcome, RuleResult

_STATES = {
    "used": "🎫 used",
    "unused": "not needed",
    "expired": "⌛ expired",
    "proposed": "only in this change: does not count",
}


def rules(context: ReportContext) -> str:
    """Show every rule with its worst finding, gate by gate, below the advice on warnings."""
    errors = context.verdict.errors
    rows = []
    for gate in dict.fromkeys(result.gate for result in context.verdict.rules):
        results = context.results(gate)
        if gate in errors and len(results) > 1:  # all fail for the same reason
            who = f"all {len(results)} rules of **{gate}**"
            rows.append([ICONS[Outcome.ERROR], who, prose(errors[gate]), ""])
        else:
            rows += [_rule_row(context, result) for result in results]
    steps = steps_of(context, blocking=False)
    advice = [f"- {WARNING} **{gate}**: {step}" for gate, step in steps.items()]
    shown = table(["", "Rule", "What was found", "Why the rule"], rows)
    return "\n\n".join(["\n".join(advice), shown] if advice else [shown])


def _rule_row(context: ReportContext, result: RuleResult) -> list[str]:
    worst = worst_finding(result)
    icon = WARNING if result.warns else ICONS[result.outcome]
    text = finding_text(context, result, worst)
    slices = len(result.findings)
    if slices > 1 and worst.outcome is Outcome.PASS:
        text += f"; nearest of {slices}"
    elif slices > 1:
        alike = sum(finding.outcome is worst.outcome for finding in result.findings)
        text += f"; worst of {slices}, {alike} {worst.outcome.value}"
    rule = context.links.rule(result.rule)
    if context.links is not NO_LINKS:
        rule += f" · {context.links.page(result.gate, 'docs')}"
    return [icon, rule, text, prose(result.why)]


def expectations(context: ReportContext) -> str:
    """Show the expectations that the data breaks, with values."""
    checked = [m for m in context.measurements(DATA.name) if m.name.startswith("expect_")]
    rows = [
        [
            slice_of(measured.slice),
            code(measured.name),
            estimate(measured.value, None, measured.unit),
            count(measured.n),
            ", ".join(code(sample, 60) for sample in measured.samples[:5]),
        ]
        for measured in failed_expectations(context)
    ]
    if not rows:
        return f"All {count(len(checked))} expectations hold."
    return table(["Column", "Expectation", "Share of rows", "Rows", "Such as"], rows, "llrr")


def accuracy(context: ReportContext) -> str:
    """Show metrics of candidate and base, their difference, and their curves."""
    evidence = context.usable(ACCURACY.name)
    curves = evidence.curves if evidence else ()
    judged = evidence.exam.judged if evidence and evidence.exam else 0
    return "\n\n".join(
        [
            quantities.accuracy(context.measurements(ACCURACY.name)),
            *quantities.reuse(judged),
            *quantities.curves(curves),
        ]
    )


def fairness(context: ReportContext) -> str:
    """Show metrics by group, the gaps between groups, and charts of the selection rates."""
    return quantities.fairness(context.measurements(FAIRNESS.name))


def drift(context: ReportContext) -> str:
    """Show the drift of every column and of all together, and how both models differ."""
    measured = context.measurements(DRIFT.name)
    parts = (
        quantities.joint_drift(measured),
        quantities.drift(measured, context.results(DRIFT.name)),
        quantities.other_decisions(measured),
    )
    return "\n\n".join(part for part in parts if part)


def latency(context: ReportContext) -> str:
    """Show ratios, percentiles and sizes, and charts of the medians."""
    return quantities.latency(context.measurements(LATENCY.name), context.results(LATENCY.name))


def waivers(context: ReportContext) -> str:
    """Show every waiver and its state."""
    rows = [
        [
            _STATES[state.state],
            code(state.waiver.rule),
            code(state.waiver.slice),
            state.waiver.expires.isoformat(),
            prose(state.waiver.approver, 80),
            prose(state.waiver.reason),
        ]
        for state in context.verdict.waivers
    ]
    return table(["State", "Rule", "Slices", "Last day", "Approver", "Reason"], rows)


def provenance(context: ReportContext) -> str:
    """Show which subjects were judged, by which policy, and which tools measured them."""
    subject = context.verdict.candidate.model_dump()
    rows = [[f"candidate's {name}", code(digest, 71)] for name, digest in subject.items() if digest]
    rows.append(
        [
            "policy",
            f"{code(context.verdict.policy, 71)} from {prose(context.verdict.policy_from, 80)}",
        ]
    )
    tools: dict[str, str] = {}
    for gate in context.evidence:
        evidence = context.usable(gate)
        tools |= evidence.tools if evidence else {}
    rows.append(
        ["measured with", ", ".join(f"{code(k)} {code(v)}" for k, v in sorted(tools.items()))]
    )
    return table(["", ""], rows)


def section(context: ReportContext, gate: GateSpec) -> str:
    """Return a gate's section of the report, or why there is none."""
    if context.usable(gate.name) is not None:
        found = context.measurements(gate.name)
        if gate.empty and not found:
            return capital(f"{gate.empty}.")
        if gate.section.body is None:
            return quantities.measured(found, context.results(gate.name))
        return gate.section.body(context)
    return f"{ICONS[Outcome.ERROR]} No usable evidence: {prose(context.problem(gate.name))}."
