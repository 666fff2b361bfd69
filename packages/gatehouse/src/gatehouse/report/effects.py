"""The value of each rule as a multiple of its limit: data for the report's picture."""

from __future__ import annotations

from gatehouse.charts.contents import Limited, Limits, Mark, State
from gatehouse.evidence import Of
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import plain
from gatehouse.report.numbers import bound, estimate, is_count
from gatehouse.report.words import is_best_high, is_difference, is_ratio
from gatehouse.verdict import Finding, Outcome, RuleResult

_NOT_DECIDED = (Outcome.NONE, Outcome.ERROR)


def effects(context: ReportContext) -> Limits:
    """Return every decided rule with all of its slices, gate by gate."""
    results = [
        result
        for result in context.verdict.rules
        if result.outcome not in _NOT_DECIDED and any(map(_drawn, result.findings))
    ]
    gates = context.verdict.gates
    return Limits(
        tuple(_limited(context, each) for gate in gates for each in results if each.gate == gate)
    )


def used(result: RuleResult, value: float) -> float:
    """Return a value as a multiple of its limit: 0 is the best value or no change, 1 the limit.

    The best value is 1 for a ratio and for a metric with a maximum of 1, such as a ROC AUC. It is 0
    for a difference, an error and a count. If the limit itself is the best value, as in "at most
    0", any value beyond it counts as 2.
    """
    sign = 1.0 if result.bound == "at_most" else -1.0
    best = _best(result)
    room = sign * (result.limit - best)
    beyond = sign * (value - result.limit)
    if room == 0:
        return 2.0 if beyond > 0 else 0.0
    return 1.0 + beyond / (room if room > 0 else abs(result.limit) or 1.0)


def _best(result: RuleResult) -> float:
    if is_difference(result.measurement, result.of, result.described):
        return 0.0
    if is_ratio(result.measurement):
        return 1.0
    if result.bound == "at_least" and is_best_high(result.measurement):
        return 1.0
    return 0.0


def _drawn(finding: Finding) -> bool:
    return finding.value is not None and finding.outcome not in _NOT_DECIDED


def _limited(context: ReportContext, result: RuleResult) -> Limited:
    found = [finding for finding in result.findings if _drawn(finding)]
    marks = {id(finding): _mark(context, result, finding) for finding in found}
    found.sort(key=lambda f: (f.outcome.rank, marks[id(f)].used), reverse=True)
    worst = found[0]
    return Limited(
        group=result.gate,
        name=plain(result.rule, 60),
        value=_number(result, worst.value, worst.unit),
        interval=_ends(result, worst),
        limit_text=f"{result.bound.replace('_', ' ')} {_number(result, result.limit, worst.unit)}",
        marks=tuple(marks[id(finding)] for finding in found),
    )


def _number(result: RuleResult, value: float | None, unit: str) -> str:
    signed = is_difference(result.measurement, result.of, result.described)
    inner = unit if unit in ("share", "bytes", "ms", "sigma") else "1"
    counted = is_count(unit) or (unit == "1" and result.limit == 0)
    if counted and value is not None and float(value).is_integer():
        return f"{value:,.0f}"
    if value == result.limit:
        return bound(result.limit, inner, signed=signed)
    return estimate(value, None, inner, signed=signed, limit=result.limit)


def _ends(result: RuleResult, finding: Finding) -> str:
    if finding.interval is None:
        return ""
    low, high = finding.interval.low, finding.interval.high
    return f"{_number(result, low, finding.unit)} to {_number(result, high, finding.unit)}"


def _mark(context: ReportContext, result: RuleResult, finding: Finding) -> Mark:
    assert finding.value is not None
    place = used(result, finding.value)
    if finding.p_value is not None and finding.outcome is Outcome.PASS and result.limit == 0:
        place = 0.0  # only a test decides, and it finds nothing
    low = high = None
    if finding.interval is not None:
        ends = (used(result, finding.interval.low), used(result, finding.interval.high))
        low, high = min(ends), max(ends)
    return Mark(
        used=place, low=low, high=high, base=_base(context, result, finding),
        state=_state(result, finding),
    )  # fmt: skip


def _base(context: ReportContext, result: RuleResult, finding: Finding) -> float | None:
    """Return the base's position; in a comparison of differences it is 0."""
    if result.of is Of.COMPARISON:
        return 0.0 if is_difference(result.measurement, result.of, result.described) else None
    for measured in context.measurements(result.gate, result.measurement, of=Of.BASE):
        if measured.slice == finding.slice and measured.value is not None:
            return used(result, measured.value)
    return None


def _state(result: RuleResult, finding: Finding) -> State:
    if finding.outcome is Outcome.PASS:
        return "pass"
    if finding.outcome in (Outcome.AS_BEFORE, Outcome.WAIVED, Outcome.ACCEPTED):
        return "accepted"
    failed = any(each.outcome is Outcome.FAIL for each in result.findings)
    # Next to a failure, an inconclusive finding did not decide.
    return (
        "fail" if result.blocks and (finding.outcome is Outcome.FAIL or not failed) else "warning"
    )
