"""The head of the report: the verdict, one row per gate, and what to do next."""

from __future__ import annotations

from gatehouse.evidence import SINCE, Gate, Of
from gatehouse.judge import NOT_REACHED
from gatehouse.origin import MEASUREMENT as ORIGIN
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import code, prose
from gatehouse.report.numbers import bound, estimate
from gatehouse.report.rows import rows_line
from gatehouse.report.tables import table
from gatehouse.report.words import (
    ICONS,
    WARNING,
    expectations_sentence,
    insignificance,
    is_ceiling,
    is_difference,
    next_step,
    sentence,
)
from gatehouse.verdict import Finding, Outcome, RuleResult, Verdict

GATE_QUESTIONS = {
    Gate.DATA: "Rows keep the contract?",
    Gate.ROWS: "What became of the rows?",
    Gate.DRIFT: "Data as it was before?",
    Gate.ACCURACY: "Good, and no worse?",
    Gate.FAIRNESS: "Groups treated alike?",
    Gate.LATENCY: "Fast, and true to FP32?",
}


def head(context: ReportContext) -> str:
    """The part of the report that is never cut, as Markdown."""
    verdict = context.verdict
    passed = verdict.outcome is Outcome.PASS
    title = "✅ Gatehouse: pass" if passed else "❌ Gatehouse: fail"
    rows = [
        [
            gate_icon(context, gate),
            f"**{gate.value}**<br>{question.replace(' ', '&nbsp;')}",
            gate_reason(context, gate),
        ]
        for gate, question in GATE_QUESTIONS.items()
    ]
    parts = [f"## {title}", *_accepted(verdict), _lead(context)]
    if line := rows_line(context):
        parts.append(line)
    parts.append(table(["", "Gate", "Why"], rows))
    steps = _next_steps(context)
    if steps:
        heading = "Worth a look" if passed else "What to do next"
        parts.append(f"### {heading}\n\n" + "\n".join(f"- {step}" for step in steps))
    return "\n\n".join(parts)


def _accepted(verdict: Verdict) -> list[str]:
    """Whose word let what through, one line each."""
    return [
        f"{ICONS[Outcome.ACCEPTED]} {', '.join(code(rule) for rule in each.rules)}: accepted by "
        f"{code(each.by)}: {prose(each.reason, 500)}"
        for each in verdict.acceptances
    ]


def gate_icon(context: ReportContext, gate: Gate) -> str:
    """One sign for a gate."""
    verdict = context.verdict
    if verdict.gate_blocks(gate):
        return ICONS[Outcome.ERROR if gate in verdict.errors else Outcome.FAIL]
    if any(result.warns for result in context.results(gate)):
        return WARNING
    return ICONS[verdict.gate(gate)]


def gate_word(verdict: Verdict, gate: Gate) -> str:
    """One word for a gate's outcome."""
    results = _results(verdict, gate)
    outcome = verdict.gate(gate)
    if any(result.warns for result in results) and not verdict.gate_blocks(gate):
        return "warning"
    if outcome is Outcome.NONE:
        return "no base" if results else "no rule"
    return outcome.value


def plain_reason(verdict: Verdict, gate: Gate) -> str:
    """The reason for a gate's outcome without the evidence at hand, as plain text."""
    ranked = ranked_findings(verdict, gate)
    if not ranked:
        return "no rule of the policy judges it"
    result, finding = ranked[0]
    if finding.outcome is Outcome.PASS:
        result, finding = _nearest([pair for pair in ranked if pair[1].outcome is Outcome.PASS])[0]
    if finding.outcome in (Outcome.ERROR, Outcome.NONE):
        return finding.text
    text = _plain_sentence(result, finding)
    more = _alike(ranked)
    return text + (f"; and {more} more" if more and finding.outcome is not Outcome.PASS else "")


def _plain_sentence(result: RuleResult, finding: Finding) -> str:
    if result.measurement == "failed_expectations":
        if finding.value and finding.outcome is not Outcome.PASS:
            return f"{finding.slice.removeprefix('severity=')} expectations: {finding.text}"
        return expectations_sentence(result, finding)
    if result.measurement == ORIGIN:
        return finding.text
    where = "" if finding.slice == "all" else f" of {finding.slice}"
    against = SINCE if SINCE in finding.text else "against base"
    base = f" {against}" if result.of is Of.COMPARISON else ""
    signed = is_difference(result.measurement, result.of)
    unit = finding.unit
    shown = estimate(finding.value, finding.interval, unit, signed=signed, limit=result.limit)
    side = "at least" if result.bound == "at_least" else "at most"
    limit = bound(result.limit, unit, signed=signed)
    unsure = " can't be told:" if finding.outcome is Outcome.INCONCLUSIVE else ""
    why = insignificance(result, finding)
    return f"{result.measurement}{where}{base}{unsure} {shown}, {side} {limit}{why}"


def gate_reason(context: ReportContext, gate: Gate) -> str:
    """The reason for a gate's outcome: its worst finding, as Markdown."""
    ranked = ranked_findings(context.verdict, gate)
    if not ranked:
        if context.usable(gate) is None:
            return "not measured"
        if gate is Gate.FAIRNESS and not context.measurements(gate):
            return "the contract protects no attribute, so there is nothing to measure"
        return "measured, but no rule judges it"
    result, finding = ranked[0]
    text = _capital(sentence(context, result, finding))
    outcome = finding.outcome
    if outcome is Outcome.ERROR:
        return text
    if outcome is Outcome.NONE:
        return "There is no base to compare with"
    if outcome is Outcome.PASS:
        passing = [pair for pair in ranked if pair[1].outcome is Outcome.PASS]
        shown = [sentence(context, *pair) for pair in _nearest(passing)]
        if len(passing) == 1 or gate is Gate.DATA:
            return _capital(shown[0])
        return f"All {len(passing)} checks pass; nearest to a limit: {', and '.join(shown)}"
    if outcome is Outcome.WAIVED:
        text = f"Waived: {text}"
    if outcome is Outcome.ACCEPTED:
        text = f"Accepted: {text}"
    more = _alike(ranked)
    return text + (f"; and {more} more check{'s' * (more > 1)}" if more else "")


def ranked_findings(verdict: Verdict, gate: Gate) -> list[tuple[RuleResult, Finding]]:
    """All findings of a gate, worst first; ties stand in the order of the policy."""
    pairs = [(result, finding) for result in _results(verdict, gate) for finding in result.findings]
    return sorted(pairs, key=lambda pair: (_weight(*pair), _excess(*pair)), reverse=True)


def _results(verdict: Verdict, gate: Gate) -> list[RuleResult]:
    return [result for result in verdict.rules if result.gate is gate]


def _alike(ranked: list[tuple[RuleResult, Finding]]) -> int:
    """How many more findings weigh as much as the worst."""
    return sum(_weight(*pair) == _weight(*ranked[0]) for pair in ranked) - 1


def worst_finding(result: RuleResult) -> Finding:
    """A rule's worst finding; of equal outcomes, the one furthest beyond the limit."""
    return max(result.findings, key=lambda found: (found.outcome.rank, _excess(result, found)))


def _weight(result: RuleResult, finding: Finding) -> tuple[bool, int]:
    """Blocking before warning, and then by outcome; last what can't be told, and need not be."""
    if finding.outcome is Outcome.INCONCLUSIVE and not (result.blocks or result.warns):
        return False, Outcome.NONE.rank
    return result.blocks and finding.outcome is result.outcome, finding.outcome.rank


def _excess(result: RuleResult, finding: Finding) -> float:
    """How far beyond its limit a finding lies, relative to the limit."""
    if finding.value is None:
        return 0.0
    beyond = finding.value - result.limit
    if result.bound == "at_least":
        beyond = -beyond
    return beyond / (abs(result.limit) or 1.0)


def _nearest(passing: list[tuple[RuleResult, Finding]]) -> list[tuple[RuleResult, Finding]]:
    """The findings that tell most: nearest their limits, one of the candidate, one of the base.

    Measured ones come before counts, whose limit is mostly zero, and floors before ceilings, which
    a good model is meant to come near to.
    """
    nearest: dict[Of, tuple[RuleResult, Finding]] = {}
    ordered = sorted(
        passing,
        key=lambda p: (_is_estimate(p[1]), not is_ceiling(p[0]), _excess(*p)),
        reverse=True,
    )
    for pair in ordered:
        nearest.setdefault(pair[0].of, pair)
    return [nearest[of] for of in (Of.CANDIDATE, Of.COMPARISON) if of in nearest]


def _is_estimate(finding: Finding) -> bool:
    return finding.interval is not None or finding.p_value is not None


def _lead(context: ReportContext) -> str:
    verdict = context.verdict
    gates = [gate for gate in Gate if context.results(gate)]
    blocking = [gate for gate in gates if verdict.gate_blocks(gate)]
    against = f"the base, {prose(context.base_label, 80)}" if context.base_label else "the base"
    compared = f"Compared with {against}." if verdict.base else "There is no base to compare with."
    if verdict.loosened:
        compared += " 🔓 **This change loosens the policy or the contract**: an owner must agree."
    if blocking:
        names = _listed([f"**{gate.value}**" for gate in blocking])
        verb = "blocks" if len(blocking) == 1 else "block"
        rest = f"{len(gates) - len(blocking)} of {len(gates)} gates do not"
        return f"{_capital(names)} {verb} this merge; {rest}. {compared}"
    warned = sum(any(r.warns for r in context.results(gate)) for gate in gates)
    warnings = f", {warned} with a warning" if warned else ""
    return f"None of the {len(gates)} gates blocks this merge{warnings}. {compared}"


def _next_steps(context: ReportContext) -> list[str]:
    """One step for each gate that is not green, blocking gates first."""
    verdict = context.verdict
    unreached = [gate for gate, error in verdict.errors.items() if error == NOT_REACHED]

    def _step(result: RuleResult) -> str:
        return next_step(result, compared=verdict.base is not None)

    steps: dict[Gate, str] = {}
    for result in sorted(verdict.rules, key=lambda r: (r.blocks, r.outcome.rank), reverse=True):
        if (result.blocks or result.warns) and result.gate not in unreached:
            sign = ICONS[Outcome.FAIL] if result.blocks else WARNING
            steps.setdefault(result.gate, f"{sign} **{result.gate.value}**: {_step(result)}")
    lines = list(steps.values())
    if unreached:  # nor does a waiver take the run past the data gate
        lines.append(
            f"{ICONS[Outcome.FAIL]} {_listed([f'**{gate.value}**' for gate in unreached])}: "
            "measured once the data gate passes."
        )
    elif any(result.blocks and result.outcome is not Outcome.ERROR for result in verdict.rules):
        lines.append(
            "A failure that is acceptable in this change alone can be accepted by an owner of "
            "`policy.yaml`, in a comment on the pull request."
        )
        lines.append(
            "A failure that is acceptable for now can be waived: with rule, reason, approver and "
            "expiry under `waivers` in `policy.yaml`, in a pull request of its own. It counts once "
            "it is in the base."
        )
    return lines


def _capital(text: str) -> str:
    return text if text.startswith("`") else text[:1].upper() + text[1:]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
