"""Each gate's result as an icon, a word and a sentence."""

from __future__ import annotations

from collections.abc import Callable

from gatehouse.evidence import Of
from gatehouse.gates.data import DATA
from gatehouse.report.context import ReportContext
from gatehouse.report.words import (
    ICONS,
    MARKDOWN,
    PLAIN,
    WARNING,
    Style,
    failed_expectations,
    is_ceiling,
    next_step,
    sentence,
)
from gatehouse.verdict import Finding, Outcome, RuleResult, Verdict

Pair = tuple[RuleResult, Finding]


def gate_icon(context: ReportContext, gate: str) -> str:
    """Return an icon for a gate's outcome."""
    verdict = context.verdict
    if verdict.gate_blocks(gate):
        return ICONS[Outcome.ERROR if gate in verdict.errors else Outcome.FAIL]
    if any(result.warns for result in context.results(gate)):
        return WARNING
    return ICONS[verdict.gate(gate)]


def gate_word(verdict: Verdict, gate: str) -> str:
    """Return one word for a gate's outcome."""
    results = _results(verdict, gate)
    outcome = verdict.gate(gate)
    if any(result.warns for result in results) and not verdict.gate_blocks(gate):
        return "warning"
    if outcome is Outcome.NONE:
        return "no base" if results else "no rule"
    return outcome.value


def plain_reason(verdict: Verdict, gate: str) -> str:
    """Return the reason for a gate's outcome as plain text, without using the evidence."""
    ranked = ranked_findings(verdict, gate)
    if not ranked:
        return "no rule of the policy judges it"
    return _reason(ranked, gate, lambda pair: sentence(*pair, style=PLAIN))


def gate_reason(context: ReportContext, gate: str) -> str:
    """Return the reason for a gate's outcome, its worst finding, as Markdown."""
    ranked = ranked_findings(context.verdict, gate)
    if not ranked:
        if context.usable(gate) is None:
            return "not measured"
        spec = context.spec(gate)
        if spec is not None and spec.empty and not context.measurements(gate):
            return spec.empty
        return "measured, but no rule judges it"
    return capital(_reason(ranked, gate, lambda pair: finding_text(context, *pair)))


def finding_text(
    context: ReportContext, result: RuleResult, finding: Finding, style: Style = MARKDOWN
) -> str:
    """Return what a rule found in one slice, using the evidence."""
    broken = failed_expectations(context) if result.gate == DATA.name else ()
    return sentence(result, finding, context.measured(result, finding), style, broken)


def steps_of(context: ReportContext, *, blocking: bool) -> dict[str, str]:
    """Return the next step for the worst rule of each gate that blocks, or that only warns."""
    verdict = context.verdict
    steps: dict[str, str] = {}
    for result in sorted(verdict.rules, key=lambda r: (r.blocks, r.outcome.rank), reverse=True):
        if verdict.gate_blocks(result.gate) is blocking and (result.blocks or result.warns):
            spec = context.spec(result.gate)
            step = next_step(spec, result, compared=verdict.base is not None)
            steps.setdefault(result.gate, step)
    return steps


def _reason(ranked: list[Pair], gate: str, say: Callable[[Pair], str]) -> str:
    outcome = ranked[0][1].outcome
    if outcome in (Outcome.ERROR, Outcome.NONE):
        return say(ranked[0])
    if outcome is Outcome.PASS:
        passing = [pair for pair in ranked if pair[1].outcome is Outcome.PASS]
        shown = [say(pair) for pair in _nearest(passing)]
        if len(passing) == 1 or gate == DATA.name:
            return shown[0]
        return f"all {len(passing)} checks pass; nearest to a limit: {', and '.join(shown)}"
    text = say(ranked[0])
    if outcome in (Outcome.AS_BEFORE, Outcome.WAIVED, Outcome.ACCEPTED):
        text = f"{outcome.value}: {text}"
    more = _alike(ranked)
    return text + (f"; {more} more" if more else "")


def ranked_findings(verdict: Verdict, gate: str) -> list[Pair]:
    """Return all findings of a gate, worst first; ties keep the order of the policy."""
    pairs = [(result, finding) for result in _results(verdict, gate) for finding in result.findings]
    return sorted(pairs, key=lambda pair: (_weight(*pair), _excess(*pair)), reverse=True)


def _results(verdict: Verdict, gate: str) -> list[RuleResult]:
    return [result for result in verdict.rules if result.gate == gate]


def _alike(ranked: list[Pair]) -> int:
    """Count the other findings that weigh as much as the worst."""
    return sum(_weight(*pair) == _weight(*ranked[0]) for pair in ranked) - 1


def worst_finding(result: RuleResult) -> Finding:
    """Return a rule's worst finding; for equal outcomes, the one furthest beyond the limit."""
    return max(result.findings, key=lambda found: (found.outcome.rank, _excess(result, found)))


def _weight(result: RuleResult, finding: Finding) -> tuple[bool, int]:
    """Rank blocking before warning, then by outcome; allowed inconclusive findings are last."""
    if finding.outcome is Outcome.INCONCLUSIVE and not (result.blocks or result.warns):
        return False, Outcome.NONE.rank
    return result.blocks and finding.outcome is result.outcome, finding.outcome.rank


def _excess(result: RuleResult, finding: Finding) -> float:
    """Return how far beyond its limit a finding lies, relative to the limit."""
    if finding.value is None:
        return 0.0
    beyond = finding.value - result.limit
    if result.bound == "at_least":
        beyond = -beyond
    return beyond / (abs(result.limit) or 1.0)


def _nearest(passing: list[Pair]) -> list[Pair]:
    """Return the findings of candidate and comparison that are nearest their limits.

    Estimates come before counts, whose limit is mostly zero, and floors before ceilings, which a
    good model is expected to come near.
    """
    nearest: dict[Of, Pair] = {}
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


def capital(text: str) -> str:
    """Capitalize a sentence unless it begins with code."""
    return text if text.startswith("`") else text[:1].upper() + text[1:]
