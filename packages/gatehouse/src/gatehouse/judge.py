"""The judge: a pure function of evidence and policy. It opens no file and reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from gatehouse.acceptance.record import Acceptance, covers
from gatehouse.decide import bounds, decide, number
from gatehouse.evidence import SEALED_ELSEWHERE, Described, Evidence, Measurement, Of, Subject
from gatehouse.gates import GATES
from gatehouse.gates.data import DATA, failures
from gatehouse.gates.spec import GateSpec
from gatehouse.origin import MEASUREMENT as ORIGIN
from gatehouse.origin import origin_text
from gatehouse.policy import Policy, Rule, Waiver
from gatehouse.policy_noise import Noise
from gatehouse.verdict import (
    Accepted,
    Change,
    Finding,
    Outcome,
    Proposed,
    RuleResult,
    Verdict,
    WaiverState,
    worst,
)

NOT_REACHED = "not measured on these data: the data gate stopped the run"
"""The error of a gate whose evidence is old or missing because the pipeline stopped before it."""

_OTHER = {"raw": "other raw rows", "data": "other data"}


@dataclass(frozen=True)
class Case:
    """The inputs of a verdict."""

    evidence: Mapping[str, Evidence | str]
    """Each gate's evidence, or why it could not be read; a gate without evidence has no entry."""
    candidate: Subject
    """Digests of the files on disk now; the evidence must describe these."""
    base: Subject | None
    """Digests that the evidence must have been compared with, or None for nothing."""
    today: date
    """The date (UTC) on which waivers are checked."""
    acceptances: tuple[Acceptance, ...] = ()
    """Owners' acceptances; the caller has checked their authors."""
    gates: tuple[GateSpec, ...] = GATES
    """The gates of the deciding policy; rules about other gates are errors."""

    def spec(self, gate: str) -> GateSpec | None:
        """Return the gate of this name, or None."""
        return next((each for each in self.gates if each.name == gate), None)


def judge(
    case: Case,
    policy: Policy,
    policy_from: str,
    *,
    proposed: Policy | None = None,
    policy_changes: tuple[Change, ...] = (),
    contract_changes: tuple[Change, ...] = (),
) -> Verdict:
    """Return the verdict of `policy` on the evidence of `case`.

    If `policy` is the base's, `proposed` is the pull request's own policy. The outcome under it is
    shown next to the verdict, and its waivers do not count.
    """
    errors = _errors(case, policy)
    results = _results(case, policy, errors)
    return Verdict(
        outcome=_outcome(results),
        candidate=case.candidate,
        base=case.base,
        policy=policy.digest,
        policy_from=policy_from,
        rules=results,
        errors=errors,
        policy_changes=policy_changes,
        contract_changes=contract_changes,
        waivers=_waivers(policy, proposed, results, case.today),
        acceptances=_accepted(case, policy, results),
        proposed=_proposed(case, policy, proposed, results),
    )


def _outcome(results: tuple[RuleResult, ...]) -> Literal[Outcome.PASS, Outcome.FAIL]:
    return Outcome.FAIL if any(result.blocks for result in results) else Outcome.PASS


def _errors(case: Case, policy: Policy) -> dict[str, str]:
    judged = dict.fromkeys(rule.gate for rule in policy.rules.values())
    found = {gate: evidence_error(case, policy, gate) for gate in judged}
    if _data_stopped(case, policy):
        found |= {gate: NOT_REACHED for gate in judged if _not_reached(case, gate)}
    return {gate: error for gate, error in found.items() if error}


def _data_stopped(case: Case, policy: Policy) -> bool:
    """Return whether the current rows break the contract critically, which stops the pipeline."""
    data = case.evidence.get(DATA.name)
    if not isinstance(data, Evidence) or evidence_error(case, policy, DATA.name):
        return False
    return failures(data, "critical") > 0


def _not_reached(case: Case, gate: str) -> bool:
    """Return whether the gate's evidence is missing or describes other files.

    A broken evidence file does not count.
    """
    evidence, spec = case.evidence.get(gate), case.spec(gate)
    if isinstance(evidence, str) or spec is None:
        return False
    return evidence is None or any(
        getattr(evidence.candidate, field) != getattr(case.candidate, field)
        for field in spec.looks_at
    )


def evidence_error(case: Case, policy: Policy, gate: str) -> str | None:
    """Return why the evidence of `gate` is missing, unreadable or stale; None if it is usable."""
    spec = case.spec(gate)
    if spec is None:
        return "the policy that decides names no such gate"
    evidence = case.evidence.get(gate, f"there is no evidence: reports/evidence/{gate}.json")
    if isinstance(evidence, str):
        return evidence
    for field in spec.looks_at:
        seen, now = getattr(evidence.candidate, field), getattr(case.candidate, field)
        if now is None:
            return f"the candidate's {field} is not here, so its evidence cannot be trusted"
        if seen != now:
            other = _OTHER.get(field, f"another {field}")
            return f"stale: measured on {other} ({_short(seen)}, now {_short(now)})"
    if evidence.settings != policy.settings(spec):
        return "measured with other settings than this policy's measure section; measure again"
    if evidence.base != compared_with(spec, case.base):
        return "compared with another base than the one asked for; measure again with it"
    return None


def compared_with(gate: GateSpec, base: Subject | None) -> Subject | None:
    """Return the part of `base` that the evidence of `gate` must name."""
    if base is None or not gate.compares:
        return None
    return Subject(**{field: getattr(base, field) for field in gate.looks_at})


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest.removeprefix("sha256:")[:12]


def _results(case: Case, policy: Policy, errors: Mapping[str, str]) -> tuple[RuleResult, ...]:
    results = []
    for name, rule in policy.rules.items():
        evidence = case.evidence.get(rule.gate)
        if rule.gate in errors or not isinstance(evidence, Evidence):
            findings = [Finding(slice="all", outcome=Outcome.ERROR, text=errors[rule.gate])]
        else:
            findings = apply_rule(rule, evidence, policy.noise)
        findings = [_waive(name, finding, policy, case.today) for finding in findings]
        findings = [_accept(name, rule, finding, case) for finding in findings]
        results.append(_result(name, rule, findings, _described(rule, evidence)))
    return tuple(results)


def _described(rule: Rule, evidence: Evidence | str | None) -> Described | None:
    measured = evidence.measurements if isinstance(evidence, Evidence) else ()
    return next((each.described for each in measured if each.name == rule.measurement), None)


def _result(
    name: str, rule: Rule, findings: list[Finding], described: Described | None
) -> RuleResult:
    outcome = worst([finding.outcome for finding in findings])
    blocks = any(finding_blocks(rule, finding) for finding in findings)
    if outcome is Outcome.INCONCLUSIVE and rule.inconclusive == "pass":
        outcome = Outcome.NONE  # no measurement could pass
    return RuleResult(
        rule=name,
        gate=rule.gate,
        measurement=rule.measurement,
        of=rule.of,
        limit=rule.limit,
        bound="at_least" if rule.at_least is not None else "at_most",
        outcome=outcome,
        blocks=blocks,
        why=rule.why,
        findings=tuple(findings),
        described=described,
    )


def finding_blocks(rule: Rule, finding: Finding) -> bool:
    """Return whether this finding blocks the merge.

    An error in the evidence blocks even if the rule only warns.
    """
    if finding.outcome is Outcome.ERROR:
        return True
    if rule.on_fail != "fail":
        return False
    if finding.outcome is Outcome.INCONCLUSIVE:
        # A value that could not be measured must not slip through as a mere warning: otherwise,
        # making the test split small enough would turn the rule off.
        unmeasured = finding.value is None and rule.inconclusive != "pass"
        return rule.inconclusive == "fail" or unmeasured
    return finding.outcome is Outcome.FAIL


def apply_rule(rule: Rule, evidence: Evidence, noise: Noise | None = None) -> list[Finding]:
    """Return one finding for each measurement that the rule is about.

    `noise` names findings that training alone explains; it changes no outcome.
    """
    if rule.of is Of.COMPARISON and evidence.base is None:
        return [Finding(slice="all", outcome=Outcome.NONE, text="there is no base to compare with")]
    matching = rule_measurements(rule, evidence.measurements)
    if not matching:
        text = (
            f"the evidence has no measurement '{rule.measurement}' of slice '{rule.slice}' that "
            "may decide; measure it, or take the rule out of the policy"
        )
        return [Finding(slice=rule.slice, outcome=Outcome.ERROR, text=text)]
    return [
        _as_before(rule, measurement, _finding(rule, measurement, noise), evidence.measurements)
        for measurement in matching
    ]


def _as_before(
    rule: Rule, ours: Measurement, finding: Finding, measurements: Iterable[Measurement]
) -> Finding:
    """Mark a warning that the base would get as well, unless the candidate is surely worse.

    The base's number comes from the same evidence: its model on the same rows. Only the pull
    request that makes a number worse, or that starts to measure it, gets a warning about it. Where
    a failure blocks, an interval that crosses the limit by chance, while the base's does not, is no
    news either: if the number gets worse still, it blocks.
    """
    if rule.of is not Of.CANDIDATE or finding_blocks(rule, finding):
        return finding
    unsure = () if rule.inconclusive == "pass" else (Outcome.INCONCLUSIVE,)
    warns = (Outcome.FAIL, *unsure)
    alike = [m for m in measurements if (m.name, m.slice) == (ours.name, ours.slice)]
    base = next((m for m in alike if m.of is Of.BASE), None)
    change = next((m for m in alike if m.of is Of.COMPARISON), None)
    if base is None or finding.outcome not in warns:
        return finding
    before = decide(rule, base)[0]
    crosses = finding.outcome is Outcome.INCONCLUSIVE and rule.on_fail == "fail"
    if before is Outcome.PASS and not crosses:
        return finding
    only_ours = _beyond(rule, ours) and not _beyond(rule, base)
    if (rule.on_fail == "warn" and only_ours) or _surely_worse(rule, ours, base, change):
        return finding
    now = "could not be measured either" if base.value is None else f"is {number(base.value)}"
    text = f"{finding.text}; the base's {now}"
    return finding.model_copy(update={"outcome": Outcome.AS_BEFORE, "text": text})


def _beyond(rule: Rule, measurement: Measurement) -> bool:
    """Return whether the value itself is beyond the rule's limit."""
    if measurement.value is None:
        return False
    if rule.at_least is not None:
        return measurement.value < rule.limit
    return measurement.value > rule.limit


def _surely_worse(
    rule: Rule, ours: Measurement, base: Measurement, change: Measurement | None
) -> bool:
    """Return whether a number is surely worse than the base's, or can't be compared with it.

    Their intervals must be apart, too. On the same rows, two trainings of one kind often differ
    surely, but by less than these rows can say about either.
    """
    if ours.value is None or base.value is None:
        return ours.value is not base.value
    if change is None or change.value is None:
        return ours.value != base.value
    low, high = bounds(change)
    (our_low, our_high), (base_low, base_high) = bounds(ours), bounds(base)
    if rule.at_least is not None:
        return high < 0 and our_high < base_low
    return low > 0 and our_low > base_high


def rule_measurements(rule: Rule, measurements: Iterable[Measurement]) -> list[Measurement]:
    """Return the measurements of the rule's gate that the rule is about."""
    return [
        measurement
        for measurement in measurements
        if measurement.name == rule.measurement
        and measurement.of is rule.of
        and measurement.decides
        and _matches(measurement.slice, rule.slice)
    ]


def _matches(name: str, pattern: str) -> bool:
    """Match `name`; only `*` and `?` are wildcards, because names may contain brackets."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _finding(rule: Rule, measurement: Measurement, noise: Noise | None) -> Finding:
    outcome, text = decide(rule, measurement)
    moves = noise.explains(measurement) if noise else None
    if moves is not None:
        text = f"{text}; within training noise (±{number(moves)})"
    if measurement.name == ORIGIN:
        outcome = Outcome.NONE if measurement.value is None else outcome
        text = origin_text(measurement)
    elif measurement.note == SEALED_ELSEWHERE:
        outcome, text = Outcome.NONE, SEALED_ELSEWHERE
    elif measurement.note is not None:
        text = f"{text} ({measurement.note})"
    return Finding(
        slice=measurement.slice,
        outcome=outcome,
        value=measurement.value,
        unit=measurement.unit,
        interval=measurement.interval,
        p_value=measurement.p_value,
        n=measurement.n,
        note=measurement.note,
        noise=moves,
        text=text,
    )


def _waive(name: str, finding: Finding, policy: Policy, today: date) -> Finding:
    """Turn a failure into `waived` if a live waiver covers it; never waive evidence in error."""
    if finding.outcome not in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        return finding
    for waiver in policy.waivers:
        if _covers(waiver, name, finding) and waiver.expires >= today:
            by = f"waived by {waiver.approver} until {waiver.expires}: {waiver.reason}"
            text = f"{finding.text}; {by}"
            return finding.model_copy(update={"outcome": Outcome.WAIVED, "text": text})
    return finding


def _covers(waiver: Waiver, rule: str, finding: Finding) -> bool:
    return waiver.rule == rule and _matches(finding.slice, waiver.slice)


def _accept(name: str, rule: Rule, finding: Finding, case: Case) -> Finding:
    """Turn a blocking failure into `accepted` if an owner accepted it; never accept an error."""
    if finding.outcome is Outcome.ERROR or not finding_blocks(rule, finding):
        return finding
    for each in case.acceptances:
        if covers(each, case.candidate, case.base, name, rule, finding):
            text = f"{finding.text}; accepted by {each.by}: {each.reason}"
            return finding.model_copy(update={"outcome": Outcome.ACCEPTED, "text": text})
    return finding


def _accepted(case: Case, policy: Policy, results: tuple[RuleResult, ...]) -> tuple[Accepted, ...]:
    """Return the acceptances that were used; the others are for other data or models."""
    found = []
    for each in case.acceptances:
        rules = tuple(
            result.rule
            for result in results
            if any(
                finding.outcome is Outcome.ACCEPTED
                and covers(
                    each, case.candidate, case.base, result.rule, policy.rules[result.rule], finding
                )
                for finding in result.findings
            )
        )
        if rules:
            found.append(
                Accepted(
                    rules=rules,
                    by=each.by,
                    reason=each.reason,
                    digest=each.scope.digest,
                    pull=each.pull,
                    comment=each.comment,
                )
            )
    return tuple(found)


def _waivers(
    policy: Policy, proposed: Policy | None, results: tuple[RuleResult, ...], today: date
) -> tuple[WaiverState, ...]:
    waived = [
        (result.rule, finding)
        for result in results
        for finding in result.findings
        if finding.outcome is Outcome.WAIVED
    ]
    states = []
    for waiver in policy.waivers:
        if waiver.expires < today:
            states.append(WaiverState(waiver=waiver, state="expired"))
        elif any(_covers(waiver, rule, finding) for rule, finding in waived):
            states.append(WaiverState(waiver=waiver, state="used"))
        else:
            states.append(WaiverState(waiver=waiver, state="unused"))
    for waiver in proposed.waivers if proposed else ():
        if waiver not in policy.waivers:
            states.append(WaiverState(waiver=waiver, state="proposed"))
    return tuple(states)


def _proposed(
    case: Case, policy: Policy, proposed: Policy | None, results: tuple[RuleResult, ...]
) -> Proposed | None:
    if proposed is None or proposed == policy:
        return None
    # The evidence was measured by the deciding policy's settings; only the limits are tried. A gate
    # that only the proposal names has no evidence.
    rules = {name: rule for name, rule in proposed.rules.items() if case.spec(rule.gate)}
    measured = {"measure": policy.measure, "gates": policy.gates, "rules": rules}
    proposed = proposed.model_copy(update=measured)
    would = _results(case, proposed, _errors(case, proposed))
    outcomes = {result.rule: result.outcome for result in results}
    differing = {r.rule: r.outcome for r in would if outcomes.get(r.rule) is not r.outcome}
    return Proposed(outcome=_outcome(would), rules=differing)
