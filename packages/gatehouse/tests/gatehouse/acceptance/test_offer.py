"""Attacks what a desk and the gates' comment say an owner could accept."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.acceptance.command import parse_command
from gatehouse.acceptance.offer import needs, offers
from gatehouse.policy import Policy, parse_policy
from gatehouse.verdict import Outcome
from tests.gatehouse.acceptance.case import PLAIN, TIME, judged, word, worse
from tests.gatehouse.tiny import POLICY, measured

SLOW = (measured("latency_ratio", 6, 0.3, slice=TIME),)


def test_several_rules_and_who_may() -> None:
    """One command for the rules of the owners, one for each list of users; never is never."""

    def policy(who: str) -> Policy:
        text = POLICY.replace("at_most: 5\n", f"at_most: 5\n    accept: {who}\n")
        return parse_policy(text, "policy.yaml")

    bad: dict[str, Any] = {
        "accuracy": (measured("roc_auc", 0.7), measured("roc_auc", -0.2, of="comparison")),
        "latency": (measured("latency_ratio", 9, slice=TIME),),
    }
    red = judged(**bad)
    (offer,) = offers(red, PLAIN)
    assert offer.rules == ("accuracy-floor", "accuracy-base", "latency-int8")
    named = policy('["@Lena", "@leo"]')
    one, two = offers(judged(policy=named, **bad), named)
    assert (one.rules, one.by) == (("accuracy-floor", "accuracy-base"), ())
    assert (two.rules, two.by) == (("latency-int8",), ("@Lena", "@leo"))
    for by, outcome in (("@lena", Outcome.PASS), ("@olga", Outcome.FAIL)):
        given = (word(one.scope), word(two.scope, by, 8))
        assert judged(*given, policy=named, **bad).outcome is outcome
    never = policy("never")
    assert offers(judged(policy=never, **bad), never) == ()
    told = needs(judged(policy=never, **bad), never)
    assert len(told) == 3, "no command"
    assert "accept: never" in told[2]
    assert "an owner of policy.yaml accepts it" in told[0]


def test_a_desk_names_the_rules_ready_to_copy() -> None:
    """Attacks a command that is another one than the comment's, but for its digest."""
    verdict = judged(accuracy=worse(), latency=SLOW)
    *lines, hint, command = needs(verdict, PLAIN)
    blocked = [result.rule for result in verdict.rules if result.blocks]
    assert len(blocked) == 2
    assert [line.partition(": ")[0] for line in lines] == blocked
    assert "comment has" in hint
    (offer,) = offers(verdict, PLAIN)
    given = parse_command(command.replace("DIGEST", offer.scope.digest).replace("<", "why: "))
    assert (given.rules, given.digest) == (offer.rules, offer.scope.digest)


def test_rules_with_other_people_are_other_commands() -> None:
    """Attacks one command for two rules that nobody may accept both of."""
    text = POLICY.replace("at_least: 0.8\n", 'at_least: 0.8\n    accept: ["@lena"]\n')
    policy = parse_policy(text, "policy.yaml")
    found = needs(judged(policy=policy, accuracy=worse(), latency=SLOW), policy)
    commands = [line for line in found if line.startswith("/gatehouse accept ")]
    assert [len(line.split("DIGEST")[0].split()) for line in commands] == [3, 3]
    assert any("@lena accepts it" in line for line in found)


@pytest.mark.parametrize("how", ["never", "error"])
def test_no_command_where_it_would_not_help(how: str) -> None:
    """Attacks a command for one rule while another stays red, whatever an owner says."""
    text = POLICY.replace("at_least: 0.8\n", "at_least: 0.8\n    accept: never\n")
    policy = parse_policy(text, "policy.yaml") if how == "never" else PLAIN
    bad: dict[str, Any] = {"accuracy": worse(), "latency": SLOW}
    bad |= {} if how == "never" else {"data": "broken"}
    found = needs(judged(policy=policy, **bad), policy)
    assert not any("/gatehouse" in line for line in found)
    assert found


def test_a_green_verdict_needs_nothing() -> None:
    """Attacks a hint that nobody can follow."""
    assert needs(judged(), PLAIN) == ()
