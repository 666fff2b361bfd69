"""Which failures of a verdict can be accepted, and by whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gatehouse.acceptance.command import show
from gatehouse.acceptance.record import AcceptedRule, Failure, Scope, subjects
from gatehouse.errors import GatehouseError
from gatehouse.judge import finding_blocks
from gatehouse.policy import Policy
from gatehouse.verdict import Outcome, RuleResult, Verdict


@dataclass(frozen=True)
class Offer:
    """Rules that the same people may accept.

    Attributes:
        rules: names, in the policy's order.
        by: users who may accept; empty for the owners of policy.yaml.
        scope: the scope that they would accept.
    """

    rules: tuple[str, ...]
    by: tuple[str, ...]
    scope: Scope


def offers(verdict: Verdict, policy: Policy, accepted: Verdict | None = None) -> tuple[Offer, ...]:
    """Return the commands that together turn a verdict green; empty if no acceptance can.

    Args:
        verdict: the verdict with only the base's acceptances, which the digests refer to.
        policy: the policy that decided.
        accepted: the verdict with the acceptances that the pull request already has.
    """
    return tuple(
        Offer(tuple(rules), by, scope_of(verdict, policy, rules))
        for by, rules in _groups(accepted or verdict, policy).items()
    )


def needs(verdict: Verdict, policy: Policy) -> tuple[str, ...]:
    """Return what a green status needs, as plain text: a line per blocking rule, and commands.

    A command has no digest here. The gates' comment has it, because the gates measure themselves.
    """
    rules = [
        f"{result.rule}: {_why_not(result, policy) or _who(result, policy)}"
        for result in verdict.rules
        if result.blocks
    ]
    commands = [show(tuple(rules), "DIGEST") for rules in _groups(verdict, policy).values()]
    lines = ["to accept, comment this with the DIGEST that the gates' comment has:"]
    return (*rules, *(lines if commands else []), *commands)


def scope_of(verdict: Verdict, policy: Policy, rules: Iterable[str]) -> Scope:
    """Return the scope of accepting these rules' failures.

    Raises:
        GatehouseError: there is no such rule, it does not block, or it can't be accepted.
    """
    results = {result.rule: result for result in verdict.rules}
    accepted = {}
    for name in rules:
        result = results.get(name)
        if result is None:
            raise GatehouseError(f"the policy has no rule {name}")
        if not result.blocks:
            raise GatehouseError(f"the rule {name} does not block this change")
        if why := _why_not(result, policy):
            raise GatehouseError(f"the rule {name}: {why}")
        rule = policy.rules[name]
        failures = [
            Failure(slice=each.slice, value=each.value, interval=each.interval)
            for each in result.findings
            if finding_blocks(rule, each)
        ]
        accepted[name] = AcceptedRule(rule=rule, failures=tuple(failures))
    return Scope(**subjects(verdict.candidate, verdict.base), rules=accepted)


def _groups(verdict: Verdict, policy: Policy) -> dict[tuple[str, ...], list[str]]:
    """Group the blocking rules by the users they name; empty if one can't be accepted."""
    blocked = [result for result in verdict.rules if result.blocks]
    groups: dict[tuple[str, ...], list[str]] = {}
    for result in blocked:
        if _why_not(result, policy):
            return {}
        named = policy.rules[result.rule].accept
        groups.setdefault(named if isinstance(named, tuple) else (), []).append(result.rule)
    return groups


def _why_not(result: RuleResult, policy: Policy) -> str | None:
    """Return why a failure can't be accepted, or None if it can."""
    if result.outcome is Outcome.ERROR:
        return "its evidence is in error, which nobody can accept"
    if policy.rules[result.rule].accept == "never":
        return "its policy says accept: never; fix it, or change the rule"
    return None


def _who(result: RuleResult, policy: Policy) -> str:
    named = policy.rules[result.rule].accept
    who = ", ".join(named) if isinstance(named, tuple) else "an owner of policy.yaml"
    return f"fix it, or {who} accepts it on the pull request"
