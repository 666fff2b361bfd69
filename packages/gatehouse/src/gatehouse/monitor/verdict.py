"""Apply the policy to windows of production.

The rules are those of pull requests, except the ones that cannot apply to production: comparisons
of two models, and rules on training alone. Labels arrive late and are few: too few labels only
warn, and only evidence of a loss is an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import CHANGED, NEW, RELEASED, Evidence, Of, Subject
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.drift import DRIFT
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.spec import Production
from gatehouse.judge import Case, judge
from gatehouse.monitor.gates import watched_gates, watching_gates
from gatehouse.monitor.logged import is_logged
from gatehouse.policy import POLICY_FILE, Policy, Rule
from gatehouse.verdict import Outcome, RuleResult, Verdict, worst

SEASON_AGO = " (since a season ago)"
"""Suffix of slices that are compared with the same part of earlier seasons."""

_OF_TRAINING = ("test_rows_in_train",)


def watching(policy: Policy, gates: Iterable[str], task: Task | None = None) -> Policy:
    """Return the policy with only the rules that judge production by `gates`, without waivers.

    If the `task` is known, rules on metrics that can't be measured from its log are left out.
    """
    watching = watching_gates(policy)
    chosen = {gate: watching[gate] for gate in gates}
    rules = {
        name: _of_production(rule, chosen[rule.gate])
        for name, rule in policy.rules.items()
        if rule.gate in chosen
        and _applies(rule, chosen[rule.gate])
        and is_logged(rule.measurement, task)
    }
    return policy.model_copy(update={"rules": rules, "waivers": ()})


def comparing(policy: Policy, task: Task) -> Policy:
    """Return the policy with only the rules that judge a second model on live traffic.

    Raises:
        GatehouseError: it has none.
    """
    gates = {ACCURACY.name, FAIRNESS.name} & {ACCURACY.name, *policy.monitor.gates}
    rules = {
        name: rule
        for name, rule in policy.rules.items()
        if rule.gate in gates
        and rule.measurement not in _OF_TRAINING
        and rule.slice not in (NEW, CHANGED, RELEASED)
        and is_logged(rule.measurement, task)
    }
    if not rules:
        raise GatehouseError(f"{POLICY_FILE}: no rule judges accuracy, so none compares two models")
    return policy.model_copy(update={"rules": rules, "waivers": ()})


def _applies(rule: Rule, gate: Production) -> bool:
    observed = gate.compares or rule.of is Of.CANDIDATE
    return observed and rule.measurement not in _OF_TRAINING


def _of_production(rule: Rule, gate: Production) -> Rule:
    return rule.model_copy(update={"inconclusive": "pass"}) if gate.labels else rule


def _with_season(policy: Policy, drift: Evidence | str | None) -> Policy:
    """Apply the rules on single slices also to slices compared with earlier seasons, if any."""
    if not isinstance(drift, Evidence) or not any(
        measured.slice.endswith(SEASON_AGO) for measured in drift.measurements
    ):
        return policy
    own = {
        f"{name}-season": rule.model_copy(update={"slice": rule.slice + SEASON_AGO})
        for name, rule in policy.rules.items()
        if rule.measurement == "drift" and not rule.slice.endswith("*")
    }
    return policy.model_copy(update={"rules": policy.rules | own})


def judge_window(
    evidence: dict[str, Evidence | str],
    subject: Subject,
    reference: Subject,
    policy: Policy,
    source: str,
    day: date,
) -> Verdict:
    """Return the verdict on one window, by a policy that `watching` made."""
    case = Case(
        evidence=evidence,
        candidate=subject,
        base=reference,
        today=day,
        gates=watched_gates(policy),
    )
    verdict = judge(case, _with_season(policy, evidence.get(DRIFT.name)), source)
    return verdict.model_copy(update={"rules": tuple(map(_or_inconclusive, verdict.rules))})


def _or_inconclusive(result: RuleResult) -> RuleResult:
    """Keep an inconclusive result inconclusive, even if the policy lets it pass."""
    found = worst([finding.outcome for finding in result.findings])
    if found is Outcome.INCONCLUSIVE and result.outcome is Outcome.NONE:
        return result.model_copy(update={"outcome": Outcome.INCONCLUSIVE})
    return result


def outcome(verdict: Verdict) -> Outcome:
    """Return a window's outcome in the trend: fail, a warning as inconclusive, or pass."""
    if verdict.outcome is Outcome.FAIL:
        return Outcome.ERROR if verdict.errors else Outcome.FAIL
    warned = any(result.warns for result in verdict.rules)
    return Outcome.INCONCLUSIVE if warned else Outcome.PASS
