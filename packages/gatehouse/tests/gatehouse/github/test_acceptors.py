"""Attacks who may accept: a word of somebody who may not, or of whoever made the change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.gatehouse.github.change import RED, Change
from tests.gatehouse.tiny import POLICY


@pytest.mark.parametrize(
    ("login", "more", "words"),
    [
        ("ada", {}, "neither an owner"),
        ("eve", {}, "neither an owner"),
        ("github-actions[bot]", {}, "only a user's comment"),
        ("olga", {"login_type": "Bot"}, "only a user's comment"),
        ("olga", {"login_type": "Organization"}, "only a user's comment"),
        ("octo", {}, "neither an owner"),
        ("ml", {}, "neither an owner"),
        ("olga", {"app": "evil"}, "an app wrote it"),
        ("olga", {"edits": 1, "editor": "eve"}, "it was edited"),
        ("olga", {"edits": 1, "editor": "olga"}, "it was edited"),
        ("olga", {"edits": 1}, "it was edited"),
        ("olga-", {}, "neither an owner"),
        ("\N{CYRILLIC SMALL LETTER O}lga", {}, "neither an owner"),
    ],
    ids=range(13),
)
def test_a_forged_word(
    change: Change, capsys: pytest.CaptureFixture[str], login: str, more: dict[str, Any], words: str
) -> None:
    """By the author, a stranger, a bot, a team, an app, or by whoever can edit a comment."""
    change.say(login=login, **more)
    assert change.judge().startswith(RED)
    assert words in capsys.readouterr().out
    assert change.files() == {}


def opened(change: Change) -> dict[str, Any]:
    change.hub.github.state.pulls[1].author = "olga"
    return {}


def authored(change: Change) -> dict[str, Any]:
    author = {"name": "olga", "email": "olga@example.com"}
    tree = change.git.git("rev-parse", f"{change.head}^{{tree}}")
    sha = change.git.commit("a part", tree, [change.head], author)
    change.git.put("refs/heads/change", sha)
    return {}


def pushed(change: Change) -> dict[str, Any]:
    return {"actor": "olga"}


def started(change: Change) -> dict[str, Any]:
    return {"actor": "ada", "triggering_actor": "Olga"}


def retrained(change: Change) -> dict[str, Any]:
    """Of a retraining's pull request: the workflow opened it, and somebody started that run."""
    change.hub.github.run(
        9, head_branch="main", head_sha="a" * 40, path=".github/workflows/retrain.yml",
        actor="ada", triggering_actor="Olga", event="workflow_dispatch",
    )  # fmt: skip
    change.git.git("update-ref", "refs/heads/retrain-9-1", "refs/heads/change")
    change.hub.github.state.pulls[1].head_branch = "retrain-9-1"
    return {}


INVOLVED = [opened, authored, pushed, started, retrained]


@pytest.mark.parametrize("solo", [True, False])
@pytest.mark.parametrize("how", INVOLVED, ids=lambda each: each.__name__)
def test_nobody_accepts_a_change_of_their_own(
    change: Change, how: Callable[[Change], dict[str, Any]], solo: bool
) -> None:
    """Whoever opened, authored, pushed or started it; another owner does, and so does solo."""
    run = how(change)
    change.say()
    assert change.judge(**run).startswith(RED)
    if solo:
        change.policy += "solo: true\n"
        change.main({})
        run = how(change)
    else:
        change.say(login="otto")
    assert change.judge(**run).startswith("success")


@pytest.mark.parametrize(
    ("owners", "solo", "state"),
    [
        ("* @olga\n", None, "success"),
        ("* @olga\n", False, "failure"),
        ("* @olga @otto\n", None, "failure"),
        ("* @olga @otto\n", True, "success"),
        ("* @olga @octo/ml\n", None, "failure"),
        ("* @olga\n/deploy/ @otto\n", None, "failure"),
        ("* @octo/ml\n", None, "failure"),
    ],
)
def test_solo(change: Change, owners: str, solo: bool | None, state: str) -> None:
    """While only one account can own, its owner may accept; a second owner ends that."""
    change.policy += f"solo: {str(solo).lower()}\n" if solo is not None else ""
    change.main({}, owners)
    opened(change)
    change.say()
    assert change.judge().startswith(state)


def test_the_rule_says_who(change: Change) -> None:
    """A user that the rule names, and no longer the owners; never is never."""
    change.policy = POLICY.replace("at_least: 0.8\n", 'at_least: 0.8\n    accept: ["@Lena"]\n')
    change.main({})
    change.say()
    assert change.judge().startswith(RED)
    change.say(login="lena")
    assert change.judge().startswith("success")


def test_an_account_of_a_company(change: Change) -> None:
    """Names of managed users have an underscore, and case does not count."""
    change.main({}, "* @Olga_corp @otto\n")
    change.say(login="olga_Corp")
    assert change.judge().startswith("success")


def test_the_change_s_own_owners_are_nobody(change: Change) -> None:
    """CODEOWNERS and policy of the pull request do not count."""
    change.push({".github/CODEOWNERS": "* @eve\n", "policy.yaml": POLICY + "solo: true\n"})
    change.say(login="eve")
    assert change.judge().startswith(RED)


def test_no_owners_no_word(change: Change) -> None:
    """A base without owners, or with the placeholder: nobody."""
    for owners in ("", "* @OWNER\n", "* olga@example.com\n"):
        change.main({}, owners)
        change.say()
        change.say(login="OWNER")
        assert change.judge().startswith(RED)


def test_a_change_of_very_many_commits(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's words don't turn it red; an owner's word on it does not count."""
    monkeypatch.setattr("gatehouse.github.acceptors.COMMITS", 1)
    authored(change)
    change.say(login="eve")
    assert change.judge().startswith(RED)
    change.say(login="otto")
    assert change.judge().startswith("error: judged again: the change has more than 1 commits")
