"""A repository on a stand-in for GitHub, as the trusted workflow's commands see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.github.event import Event, read_event
from tests.github.api import GitHub

if TYPE_CHECKING:
    from github.Repository import Repository

    from gatehouse.github.writing import Access

ADA = {"name": "ada", "email": "ada@example.com"}
PIPELINE = {"name": "Pipeline", "path": ".github/workflows/pipeline.yml"}
READ = {"actions": "read", "contents": "read", "pull_requests": "read"}


@dataclass
class Hub:
    """GitHub, and the environment of a job there.

    Attributes:
        github: the stand-in.
        folder: for all else.
        monkeypatch: sets the environment.
        runs: number of the last workflow run.
        pulls: number of the last pull request.
    """

    github: GitHub
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    runs: int = 100
    pulls: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        for name, value in {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_REPOSITORY": self.github.full_name,
            "GITHUB_RUN_ID": "7",
        }.items():
            self.monkeypatch.setenv(name, value)

    def commit(self, branch: str, files: dict[str, str], parent: str | None = None) -> str:
        """Put a commit with `files`, on top of those of `parent`, on a branch; its hash."""
        git = self.github.git
        entries = [
            {"path": path, "mode": "100644", "content": text} for path, text in files.items()
        ]
        tree = git.tree(entries, parent)
        sha = git.commit("a commit", tree, [parent] if parent else [], ADA)
        git.put(f"refs/heads/{branch}", sha)
        return sha

    def open(self, branch: str = "change", **more: Any) -> int:
        """Open a pull request of a branch that is here; its number."""
        self.pulls += 1
        self.github.pull_request(self.pulls, head_branch=branch, **more)
        return self.pulls

    def head(self, pull: int) -> str:
        """The commit at the head of a pull request now."""
        return self.github.state.head_of(self.github.state.pulls[pull])

    def finish(self, pull: int, *, action: str = "completed", **more: Any) -> Event:
        """The pull request's workflows end, the pipeline last; `more` is of both runs."""
        found = self.github.state.pulls[pull]
        given = {
            "head_branch": found.head_branch,
            "head_sha": self.head(pull),
            "head_repository": found.head_repository,
        }
        self.run(action=action, **(given | more))
        return self.run(action=action, **(given | PIPELINE | more))

    def run(self, *, action: str = "completed", **more: Any) -> Event:
        """A workflow run begins or ends."""
        self.runs = max(self.runs + 1, self.github.state.next_run())
        self.github.run(self.runs, **more)
        path = self.folder / f"event-{self.runs}.json"
        path.write_text(json.dumps(self.github.workflow_run_event(self.runs, action)))
        self.monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
        return read_event(path)

    def token(self, grants: dict[str, str], name: str = "GITHUB_TOKEN", **more: str) -> None:
        """What the next commands may do."""
        self.monkeypatch.setenv(name, self.github.token(grants, **more))

    def connect(self, grants: dict[str, str], name: str = "GITHUB_TOKEN") -> Repository:
        """The repository, as a new token sees it."""
        from gatehouse.github.client import connect

        self.token(grants, name)
        return connect(name)

    def access(self) -> Access:
        """As Publish and Accept see it."""
        from gatehouse.github.writing import Access

        return Access(
            self.connect({"contents": "write", "pull_requests": "read", "actions": "read"}),
            self.connect({"statuses": "write"}, "STATUS_TOKEN"),
            self.connect({"contents": "write"}, "RECORD_TOKEN"),
        )

    def no_pauses(self) -> None:
        """Tries follow each other at once."""
        self.monkeypatch.setattr("time.sleep", lambda _: None)

    def state(self, sha: str, context: str = "gatehouse") -> str | None:
        """The state of a commit's status; None where there is none."""
        found = self.github.statuses(sha).get(context)
        return found.state if found else None
