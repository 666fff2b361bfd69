"""The report's head: verdict, picture, and in a few lines what is not green and what to do."""

from __future__ import annotations

from gatehouse.charts.contents import Limits
from gatehouse.charts.limits import bar, words
from gatehouse.judge import NOT_REACHED
from gatehouse.report.context import ReportContext
from gatehouse.report.effects import effects
from gatehouse.report.escape import code, prose
from gatehouse.report.rows import rows_line
from gatehouse.report.summary import (
    capital,
    gate_icon,
    gate_reason,
    ranked_findings,
    steps_of,
)
from gatehouse.report.words import ICONS, is_ceiling
from gatehouse.verdict import Outcome, Verdict

_ALT = 2_000
"""Maximum length of the picture's alternative text."""


def head(context: ReportContext) -> str:
    """Return the part of the report that is never cut, as Markdown."""
    verdict = context.verdict
    passed = verdict.outcome is Outcome.PASS
    chart = effects(context)
    parts = [
        "## ✅ Gatehouse: pass" if passed else "## ❌ Gatehouse: fail",
        *_accepted(verdict),
        _lead(context),
        _gates(context, chart),
    ]
    if line := rows_line(context):
        parts.append(line)
    if context.picture is not None and chart.rows:
        parts.append(f"![{prose(words(chart), _ALT)}]({context.picture})")
    return "\n\n".join(parts)


def _accepted(verdict: Verdict) -> list[str]:
    """Return a line per acceptance: which failures were accepted, by whom and why."""
    return [
        f"{ICONS[Outcome.ACCEPTED]} {', '.join(code(rule) for rule in each.rules)}: accepted by "
        f"{code(each.by)}: {prose(each.reason, 500)}"
        for each in verdict.acceptances
    ]


def _lead(context: ReportContext) -> str:
    verdict = context.verdict
    gates = [gate for gate in verdict.gates if context.results(gate)]
    blocking = [gate for gate in gates if verdict.gate_blocks(gate)]
    against = prose(context.base_label, 80) if context.base_label else "the base"
    compared = f"Compared with {against}." if verdict.base else "There is no base to compare with."
    if verdict.loosened:
        compared += " 🔓 **This change loosens the policy or the contract**: an owner must agree."
    if blocking:
        names = _listed([f"**{gate}**" for gate in blocking])
        return f"{capital(names)} block{'s' * (len(blocking) == 1)} this merge. {compared}"
    warned = sum(any(r.warns for r in context.results(gate)) for gate in gates)
    warnings = f", {warned} with a warning" if warned else ""
    return f"No gate blocks this merge{warnings}. {compared}"


def _gates(context: ReportContext, chart: Limits) -> str:
    """Return a line with the next step for each gate with a problem, and one line for the rest."""
    steps = steps_of(context, blocking=True)
    unreached = [g for g, error in context.verdict.errors.items() if error == NOT_REACHED]
    lines: list[str] = []
    green: list[str] = []
    silent: dict[str, list[str]] = {}
    for gate in context.verdict.gates:
        icon = gate_icon(context, gate)
        where = f"{context.links.gate(gate)}{_bar(context, gate, chart)}"
        if gate in unreached:
            continue
        if icon == ICONS[Outcome.PASS]:
            green.append(where)
        elif icon == ICONS[Outcome.NONE]:
            silent.setdefault(gate_reason(context, gate), []).append(where)
        else:
            why = gate_reason(context, gate)
            if gate not in context.verdict.errors:
                why += f" ({context.links.rule(ranked_findings(context.verdict, gate)[0][0].rule)})"
            step = f"<br>{steps[gate]}" if gate in steps else ""
            lines.append(f"- {icon} {where}: {why}{step}")
    if unreached:
        names = _listed([context.links.gate(gate) for gate in unreached])
        verb = "is" if len(unreached) == 1 else "are"
        lines.append(f"- {ICONS[Outcome.ERROR]} {names} {verb} measured once the data gate passes.")
    lines += [f"- {ICONS[Outcome.NONE]} {', '.join(of)}: {why}" for why, of in silent.items()]
    if green:
        lines.append(f"- {ICONS[Outcome.PASS]} {', '.join(green)}")
    return "\n".join(lines)


def _bar(context: ReportContext, gate: str, chart: Limits) -> str:
    """Return the gate's value nearest to its limit as a text bar, if no picture shows it.

    Ceilings are left out, because a good model is expected to come near them.
    """
    if context.picture is not None:
        return ""
    ceilings = [result.rule for result in context.results(gate) if is_ceiling(result)]
    marks = [
        row.marks[0].used for row in chart.rows if row.group == gate and row.name not in ceilings
    ]
    return f" `{bar(max(marks))}`" if any(marks) else ""


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
