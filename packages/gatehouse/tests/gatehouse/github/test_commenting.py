"""Attacks the setting that asks for fewer comments: what needs somebody is always said."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.github.commenting import is_quiet
from gatehouse.policy import parse_policy
from gatehouse.verdict import Change, Outcome, Verdict
from tests.gatehouse.report.conftest import BASE, POLICY, SUBJECT

CHANGE = Change(key="rules.a", before="1", after="2", direction="tightened")


def verdict(outcome: Any = Outcome.PASS, **more: Any) -> Verdict:
    given: dict[str, Any] = {
        "candidate": SUBJECT, "base": BASE, "policy": "x", "policy_from": "main", "rules": (),
        "errors": {},
    }  # fmt: skip
    given |= more
    return Verdict(outcome=outcome, **given)


@pytest.mark.parametrize(
    ("found", "quiet"),
    [
        (verdict(), ["failures"]),
        (verdict(base=SUBJECT), ["on-change", "failures"]),
        (verdict(base=None), ["failures"]),
        (verdict(base=SUBJECT, policy_changes=(CHANGE,)), ["failures"]),
        (verdict(base=SUBJECT, contract_changes=(CHANGE,)), ["failures"]),
        (verdict(Outcome.FAIL, base=SUBJECT), []),
    ],
    ids=["model", "nothing", "no base", "policy", "contract", "fail"],
)
def test_each_setting(found: Verdict, quiet: list[str]) -> None:
    """A pass of the base's own data and model is no change; a failure is always said."""
    for setting in ("full", "on-change", "failures"):
        policy = parse_policy(POLICY + f"comment: {setting}\n", "policy.yaml")
        assert is_quiet(policy, found, waits=False) is (setting in quiet)
        assert not is_quiet(policy, found, waits=True)
    assert not is_quiet(None, found, waits=False)
