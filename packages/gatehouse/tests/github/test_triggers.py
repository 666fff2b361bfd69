"""Attacks the stand-in for GitHub: runs that it starts, and GitHub would not, or the other way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.github.api import GitHub
from tests.github.triggers import BOT

WORKFLOWS = {
    ".github/workflows/one.yml": "name: One\non: pull_request\n",
    ".github/workflows/two.yml": "name: Two\n"
    "on: {pull_request: {types: [synchronize, edited]}}\n"
    "concurrency: {group: two, cancel-in-progress: true}\n",
    ".github/workflows/other.yml": "name: Other\non:\n  push:\n",
}
WHO = {"name": "ada", "email": "ada@example.com"}


def commit(github: GitHub, branch: str, parent: str | None, text: str) -> str:
    files = WORKFLOWS | {"a.txt": text}
    entries = [{"path": path, "mode": "100644", "content": text} for path, text in files.items()]
    tree = github.git.tree(entries, None)
    sha = github.git.commit(text, tree, [parent] if parent else [], WHO)
    github.git.put(f"refs/heads/{branch}", sha)
    return sha


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    """Pull request 3 of a branch with two workflows for pull requests."""
    with GitHub(tmp_path) as github:
        base = commit(github, "main", None, "one\n")
        commit(github, "better", base, "two\n")
        github.pull_request(3, head_branch="better")
        yield github


def sent(github: GitHub) -> list[tuple[str, str, str | None]]:
    return [(action, run.name, run.conclusion) for action, run in github.sent()]


def begun(name: str) -> list[tuple[str, str, str | None]]:
    """What GitHub reports of a run that nobody holds."""
    return [("requested", name, None), ("in_progress", name, None)]


def push(github: GitHub, login: str) -> str:
    """Move the branch by GitHub's API."""
    head = github.git.commit_of("refs/heads/better") or ""
    tree = github.git.git("rev-parse", f"{head}^{{tree}}")
    new = github.git.commit("more", tree, [head], WHO)
    token = github.token({"contents": "write"}, login)
    answer = requests.patch(
        f"{github.url}/repos/octo/model/git/refs/heads/better",
        json={"sha": new, "force": False},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.status_code == 200
    return new


def test_what_a_workflow_s_token_pushes_waits(github: GitHub) -> None:
    """The App's starts runs at once. A held run is requested once, and begins when let through."""
    pushed = push(github, BOT)
    held = [run for _, run in github.sent()]
    assert [(run.name, run.head_sha, run.conclusion, run.status) for run in held] == [
        (name, pushed, "action_required", "completed") for name in ("One", "Two")
    ]
    github.approve(held[0].id)
    assert (held[0].status, held[0].conclusion) == ("in_progress", None)
    assert sent(github) == [("in_progress", "One", None)]
    push(github, "gatehouse-app[bot]")
    assert sent(github) == begun("One") + begun("Two")


def test_what_a_workflow_s_token_opens_waits(github: GitHub) -> None:
    """A pull request that a workflow opens; and no draft that it marks as ready starts anything."""
    main = github.git.commit_of("refs/heads/main")
    github.git.put("refs/heads/made", main or "")
    token = github.token({"pull_requests": "write", "contents": "read"})
    answer = requests.post(
        f"{github.url}/repos/octo/model/pulls",
        json={"title": "Made", "head": "made", "base": "main"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.status_code == 201
    assert sent(github) == [("requested", "One", "action_required")]
    assert github.start(answer.json()["number"], "edited", BOT) == []


def test_an_event_cancels_what_goes_on(github: GitHub) -> None:
    """Where the workflow says so; what ended stays as it ended."""
    one, two = github.start(3)
    github.end(one.id)
    github.sent()
    github.start(3)
    assert sent(github) == [
        *begun("One"), ("completed", "Two", "cancelled"), *begun("Two"),
    ]  # fmt: skip
    assert (one.conclusion, two.conclusion) == ("success", "cancelled")
    assert [run.name for run in github.start(3, "edited")] == ["Two"]


def test_an_outsider_waits_and_a_run_again_is_not_requested(github: GitHub) -> None:
    one, _ = github.start(3, login="eve", outsider=True)
    assert one.conclusion == "action_required"
    github.approve(one.id)
    github.end(one.id, "failure")
    github.sent()
    github.run_again(one.id)
    assert (one.status, one.attempt) == ("in_progress", 2)
    assert sent(github) == [("in_progress", "One", None)]
