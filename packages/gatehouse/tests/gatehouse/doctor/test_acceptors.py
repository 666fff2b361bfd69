"""Attacks an owner who believes that they can accept a failure, and cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatehouse.doctor.acceptors import check_acceptors
from gatehouse.doctor.finding import Level
from gatehouse.errors import GatehouseError
from tests.gatehouse.doctor.answers import Answers
from tests.gatehouse.tiny import POLICY

REPO = "acme/prices"
APP = {f"repos/{REPO}/actions/variables/GATEHOUSE_APP_ID": {"value": "7"}}
READS = {"orgs/acme/installations": {"installations": [
    {"app_id": 6, "permissions": {"contents": "read"}},
    {"app_id": 7, "permissions": {"statuses": "write", "members": "read"}},
]}}  # fmt: skip
READS_NOT = {"orgs/acme/installations": {"installations": [
    {"app_id": 7, "permissions": {"statuses": "write"}},
]}}  # fmt: skip
OF_OTHERS: dict[str, Any] = {"orgs/acme/installations": {"installations": []}}
REFUSED = {"orgs/acme/installations": GatehouseError("GET orgs: must be an owner\nfix")}


def found(root: Path, owners: str, answers: dict[str, Any], policy: str = "") -> list[str]:
    """What is said, each line with its level."""
    (root / ".github").mkdir(exist_ok=True)
    (root / ".github/CODEOWNERS").write_text(owners)
    (root / "policy.yaml").write_text(POLICY + policy)
    listed = list(check_acceptors(root, REPO, Answers(answers)))
    assert all(each.fix for each in listed if each.level is Level.WARNING)
    return [f"{each.level}: {each.text}" for each in listed]


def test_users_can(tmp_path: Path) -> None:
    """Attacks false alarms."""
    assert found(tmp_path, "* @alice @bob\n", {}) == ["fine: can accept a failure: @alice, @bob"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, "warning: no members of @acme/us can accept a failure: no App reads"),
        (APP | READS, "fine: members of @acme/us can accept a failure"),
        (APP | READS_NOT, "warning: no members of @acme/us can accept a failure: the App may not"),
        (APP | OF_OTHERS, "unseen: whether members of @acme/us can accept a failure: only"),
        (APP, "unseen: whether members of @acme/us can accept a failure: only"),
        (APP | REFUSED, "unseen: whether members of @acme/us can accept a failure: GET orgs"),
    ],
)
def test_teams_can_where_an_app_reads_them(
    tmp_path: Path, answers: dict[str, Any], message: str
) -> None:
    """Attacks a team that nobody can read, which counts as nobody."""
    (text,) = found(tmp_path, "* @acme/us\n", answers)
    assert text.startswith(message)


def test_who_never_can(tmp_path: Path) -> None:
    """A team of another organization, and an e-mail address."""
    first, second = found(tmp_path, "* @alice @evil/us a@example.org\n", {})
    assert first == "fine: can accept a failure: @alice"
    assert second.startswith("warning: @evil/us, a@example.org owns policy.yaml, and cannot")


def test_solo_of_several(tmp_path: Path) -> None:
    """Attacks a setting of the first hour that was left when a second owner came."""
    assert len(found(tmp_path, "* @alice\n", {}, "solo: true\n")) == 1
    _, text = found(tmp_path, "* @alice @bob\n", {}, "solo: true\n")
    assert text.startswith("warning: policy.yaml says solo")


@pytest.mark.parametrize("owners", ["", "* @OWNER\n"])
def test_before_there_are_owners(tmp_path: Path, owners: str) -> None:
    """Nothing: the settings say so already."""
    assert found(tmp_path, owners, {}) == []
