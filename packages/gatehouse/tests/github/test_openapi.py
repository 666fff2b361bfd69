"""Attacks the check itself: a wrong call that it lets through would prove nothing elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.github.openapi import check_call

REPO = "/repos/octo/model"
RULESET = {
    "name": "main",
    "target": "branch",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [
        {"type": "deletion"},
        {
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": False,
                "required_status_checks": [{"context": "gatehouse", "integration_id": 15368}],
            },
        },
    ],
}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{REPO}/statuses/{'a' * 40}", {"state": "success", "context": "gatehouse"}),
        ("GET", f"{REPO}/pulls?state=open&head=octo:branch", None),
        ("PATCH", f"{REPO}/git/refs/heads/feature/one", {"sha": "a" * 40, "force": False}),
        ("POST", f"{REPO}/rulesets", RULESET),
        ("PUT", f"{REPO}/environments/gates", {"deployment_branch_policy": None}),
    ],
)
def test_right_calls_fit(method: str, path: str, body: Any) -> None:
    """Paths with slashes in a name, nulls, alternatives and queries are no false alarm."""
    check_call(method, path, body)


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", f"{REPO}/statuses/abc", {"state": "green"}, "state: 'green'"),
        ("POST", f"{REPO}/statuses/abc", {"context": "x"}, "'state' is a required"),
        ("POST", f"{REPO}/statuses/abc", None, "body is missing"),
        ("POST", f"{REPO}/statuses/abc", {"state": "error", "colour": "red"}, "colour"),
        ("GET", f"{REPO}/pulls?status=open", None, "knows no status"),
        ("GET", f"{REPO}/pulls/one", None, "no such operation"),
        ("PUT", f"{REPO}/no/such", {}, "no such operation"),
        ("POST", f"{REPO}/git/trees", {"tree": [{"path": "a", "mode": "644"}]}, "tree.0.mode"),
        ("POST", f"{REPO}/git/trees", {"tree": [{"path": "a", "text": "b"}]}, "text"),
        ("POST", f"{REPO}/rulesets", RULESET | {"rules": [{"type": "no_bugs"}]}, "rules.0"),
        (
            "POST",
            f"{REPO}/rulesets",
            RULESET | {"rules": [{"type": "pull_request", "parameters": {"reviews": 1}}]},
            "rules.0",
        ),
    ],
)
def test_wrong_calls_are_told(method: str, path: str, body: Any, message: str) -> None:
    """A wrong value, a missing or unknown key at any depth, a wrong path or query each fail."""
    with pytest.raises(AssertionError) as caught:
        check_call(method, path, body)
    assert message in str(caught.value)
