"""Attacks an owner that is a team: who is in it is GitHub's word, and unread it is nobody."""

from __future__ import annotations

import pytest

from gatehouse.github.teams import TOKEN
from tests.gatehouse.github.change import RED, Change
from tests.github.server import FORBIDDEN

APP = "gatehouse-app[bot]"


@pytest.fixture
def team(change: Change) -> Change:
    """The team octo/ml, in which lena is, owns the policy together with otto."""
    change.main({}, "* @otto @octo/ml\n")
    change.hub.github.state.teams["ml"] = ("Lena", "mia")
    return change


def read_by_app(change: Change, **grants: str) -> None:
    change.hub.token(grants or {"members": "read"}, TOKEN, login=APP)


def test_a_member_accepts_where_an_app_can_read_the_team(team: Change) -> None:
    """And is named, not the team; nobody else of the organization may."""
    read_by_app(team)
    team.say(login="olga")
    assert team.judge().startswith(RED)
    team.say(login="lena")
    assert team.judge() == "success: 6 gates pass; @lena accepted accuracy-floor"


def test_a_member_of_a_large_team(team: Change) -> None:
    """Attacks a list that has several pages."""
    team.hub.github.state.teams["ml"] = (*(f"user-{n}" for n in range(150)), "lena")
    read_by_app(team)
    team.say(login="lena")
    assert team.judge().startswith("success")


def test_a_member_has_no_part_in_the_change(team: Change) -> None:
    """A team is no way around the rule that others accept, nor a lone account."""
    team.main({}, "* @octo/ml\n")
    team.hub.github.state.teams["ml"] = ("ada",)
    read_by_app(team)
    team.say(login="ada")
    assert team.judge().startswith(RED)


def test_a_word_of_who_left_the_team(team: Change) -> None:
    """At the next reading it does not count any more, recorded or not."""
    read_by_app(team)
    team.say(login="lena")
    assert team.judge().startswith("success")
    team.hub.github.state.teams["ml"] = ("mia",)
    team.push({"README.md": "words\n"})
    assert team.judge().startswith("failure")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no App", "no App reads who is in it"),
        ("no right", FORBIDDEN),
        ("the workflow's token", FORBIDDEN),
        ("gone", "404"),
        ("of another organization", "belongs to another organization"),
        ("an address", "names neither a user nor a team"),
        ("GitHub is down", "could not be reached"),
    ],
)
def test_a_team_that_cannot_be_read_is_nobody(
    team: Change, capsys: pytest.CaptureFixture[str], how: str, words: str
) -> None:
    """The answer says why; another owner's word counts all the same."""
    team.hub.no_pauses()
    if how in ("no right", "the workflow's token"):
        grants = {"statuses": "write"} if how == "no right" else {"contents": "write"}
        read_by_app(team, **grants)
    elif how != "no App":
        read_by_app(team)
    if how == "gone":
        del team.hub.github.state.teams["ml"]
    elif how == "of another organization":
        team.main({}, "* @otto @evil/ml\n")
    elif how == "an address":
        team.main({}, "* @otto lena@example.com\n")
    elif how == "GitHub is down":
        team.hub.github.fail("GET", r"/orgs/.*", 500, times=50)
    team.say(login="lena")
    assert team.judge().startswith(RED)
    assert words in capsys.readouterr().out
    team.say(login="otto")
    assert team.judge().startswith("success")
