"""Attacks the search for what a run is about: no text of a stranger's may choose it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.event import read_event
from gatehouse.github.find_target import find_target
from tests.gatehouse.github.hub import READ, Hub

BASE = "1" * 40


def test_a_pull_request_of_ours(hub: Hub) -> None:
    """Its branch takes a record; a draft is known as one."""
    target = find_target(hub.connect(READ), hub.finish(1))
    assert target is not None
    assert (target.pull, target.branch, target.base_branch, target.draft) == (
        1,
        "change",
        "main",
        False,
    )
    assert target.head == hub.head(1)
    hub.github.state.pulls[1].draft = True
    draft = find_target(hub.connect(READ), hub.finish(1))
    assert draft is not None
    assert draft.draft


def test_branches_of_one_name(hub: Hub) -> None:
    """Forks have branches that are named as ours, and an owner may have two forks: none is mixed
    up with another, and of theirs none takes a record."""
    sha = hub.head(1)
    theirs = hub.open("change", head_repository="eve/model", head_sha=sha)
    second = hub.open("change", head_repository="eve/model-2", head_sha=sha)
    for pull, branch in ((1, "change"), (theirs, None), (second, None)):
        target = find_target(hub.connect(READ), hub.finish(pull))
        assert target is not None
        assert (target.pull, target.branch) == (pull, branch)


def test_nothing_to_find(hub: Hub) -> None:
    """A newer head, a closed one, a fork that is gone, a branch without a pull request."""
    old = hub.finish(1)
    hub.commit("change", {"a": "b"}, hub.head(1))
    closed = hub.finish(1)
    assert find_target(hub.connect(READ), old) is None
    hub.github.state.pulls[1].state = "closed"
    assert find_target(hub.connect(READ), closed) is None
    assert find_target(hub.connect(READ), hub.finish(1, head_branch="no")) is None
    path = hub.folder / f"event-{hub.runs}.json"
    event = json.loads(path.read_text())
    event["workflow_run"]["head_repository"] = None
    path.write_text(json.dumps(event))
    gone = read_event(path)
    assert find_target(hub.connect(READ), gone) is None
    assert not gone.same_repository


@pytest.mark.parametrize("author", ["dependabot[bot]", "renovate[bot]", "ada"])
def test_who_maintains_the_branch(hub: Hub, author: str) -> None:
    """Dependabot lets go of a branch to which another has pushed."""
    hub.github.state.pulls[1].author = author
    target = find_target(hub.connect(READ), hub.finish(1))
    assert target is not None
    assert target.branch == (None if author == "dependabot[bot]" else "change")


def test_a_pull_request_from_main(hub: Hub) -> None:
    """Into a release branch: judged, but no record goes to the default branch."""
    target = find_target(hub.connect(READ), hub.finish(hub.open("main", base_branch="release")))
    assert target is not None
    assert (target.base_branch, target.branch) == ("release", None)


@pytest.mark.parametrize("base", ["main", "release/1.x", "a/pr-1-" + BASE])
def test_the_merge_queue(hub: Hub, base: str) -> None:
    """Compared with the commit that the queue put it on, also where a base is named as an entry."""
    name = f"gh-readonly-queue/{base}/pr-12-{BASE}"
    event = hub.finish(1, event="merge_group", head_branch=name)
    target = find_target(hub.connect(READ), event)
    assert target is not None
    assert (target.base_branch, target.base) == (base, BASE)
    assert (target.pull, target.branch) == (None, None)


@pytest.mark.parametrize(
    "name", ["main", "gh-readonly-queue/main/pr-1-abc", f"x/gh-readonly-queue/main/pr-1-{BASE}"]
)
def test_an_entry_that_is_none(hub: Hub, name: str) -> None:
    """A name that is not the queue's is an error, not a guess."""
    with pytest.raises(GatehouseError, match="merge queue"):
        find_target(hub.connect(READ), hub.finish(1, event="merge_group", head_branch=name))


def test_a_queue_of_ones_own(hub: Hub) -> None:
    """A branch that somebody named as the queue's is a branch: its event is no merge_group."""
    sha = hub.head(1)
    name = f"gh-readonly-queue/main/pr-1-{BASE}"
    event = hub.finish(1, head_branch=name, head_sha=sha)
    assert find_target(hub.connect(READ), event) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"action": "completed"}', '{"action": 1}'])
def test_an_event_that_is_none(tmp_path: Path, text: str) -> None:
    """Another event, or no JSON: told by its file."""
    path = tmp_path / "event.json"
    path.write_text(text)
    with pytest.raises(GatehouseError, match="no workflow_run event"):
        read_event(path)


def test_a_head_that_is_no_commit(hub: Hub) -> None:
    """What stands for a commit is a whole hash."""
    with pytest.raises(GatehouseError, match="no workflow_run event"):
        hub.finish(1, head_sha="main")
