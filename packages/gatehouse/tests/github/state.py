"""What the stand-in for GitHub remembers."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.github.faults import Fault
from tests.github.git_store import GitStore


def now() -> str:
    """The time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Token:
    """A token with what it may do, such as {"statuses": "write"}; metadata can always be read."""

    grants: Mapping[str, str]
    login: str = "github-actions[bot]"

    def may(self, need: str) -> bool:
        """Whether it grants `need`, such as "statuses:write"; write includes read."""
        name, _, level = need.partition(":")
        has = {key.replace("-", "_"): value for key, value in self.grants.items()}.get(name)
        return name == "metadata" or has == level or has == "write"


@dataclass(frozen=True)
class Call:
    """One call that came in, with what was answered (status 0: the connection was cut)."""

    method: str
    path: str
    body: Any
    grants: Mapping[str, str]
    login: str
    status: int


@dataclass
class PullRequest:
    """A pull request. Of the repository's own branches the head follows the branch.

    `events` are those of its time line, as (name, time).
    """

    number: int
    head_repository: str
    head_branch: str
    head_sha: str
    base_branch: str
    author: str
    author_type: str
    draft: bool = False
    labels: tuple[str, ...] = ()
    title: str = "A change"
    body: str = ""
    state: str = "open"
    created: str = field(default_factory=now)
    closed: str | None = None
    events: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Run:
    """A workflow run with its jobs, each a mapping with name, conclusion and steps.

    `started` is when the newest attempt began, if not at once.
    """

    id: int
    name: str
    event: str
    head_repository: str
    head_branch: str
    head_sha: str
    path: str
    status: str = "completed"
    conclusion: str | None = "success"
    attempt: int = 1
    actor: str | None = None
    triggering_actor: str | None = None
    jobs: list[dict[str, Any]] = field(default_factory=list)
    created: str = field(default_factory=now)
    started: str | None = None
    title: str = "A change"


@dataclass
class Artifact:
    """A stored archive. `size` is what GitHub would say of it, right or wrong."""

    id: int
    run: int
    name: str
    file: Path
    size: int | None = None
    expired: bool = False
    created: str = field(default_factory=now)


@dataclass
class Issue:
    """An issue that is no pull request. `edits` counts how often its text was written anew."""

    number: int
    title: str
    body: str
    author: str
    labels: tuple[str, ...] = ()
    state: str = "open"
    state_reason: str | None = None
    created: str = field(default_factory=now)
    edits: int = 0


@dataclass
class Comment:
    """A comment on a pull request or an issue.

    `editor` edited it last, `app` wrote it in the user's name, `login_type` is such as "Bot".
    """

    id: int
    number: int
    body: str
    login: str
    created: str = field(default_factory=now)
    edits: int = 0
    editor: str | None = None
    login_type: str | None = None
    app: str | None = None


@dataclass(frozen=True)
class Status:
    """A commit status."""

    id: int
    sha: str
    state: str
    context: str
    description: str
    target_url: str
    login: str


class State:
    """Everything of one repository.

    Args:
        full_name: owner/name.
        git: its Git side.
        artifacts: the folder of the artifacts' archives, as RUN/NAME.zip; what lies there is
            listed, whoever wrote it.
        tokens: the folder of tokens that were registered from outside, as TOKEN.json.

    Attributes:
        sent: what `on: workflow_run` was told, as (action, number of the run), oldest first.
    """

    def __init__(self, full_name: str, git: GitStore, artifacts: Path, tokens: Path) -> None:
        self.full_name = full_name
        self.git = git
        self.folder = artifacts
        self.token_folder = tokens
        self.url = ""
        self.blob_url = ""
        self.private = False
        self.default_branch = "main"
        self.codeowners_errors: list[dict[str, Any]] = []
        self.tokens: dict[str, Token] = {}
        self.pulls: dict[int, PullRequest] = {}
        self.teams: dict[str, tuple[str, ...]] = {}
        self.issues: dict[int, Issue] = {}
        self.runs: dict[int, Run] = {}
        self.sent: list[tuple[str, int]] = []
        self.comments: list[Comment] = []
        self.statuses: list[Status] = []
        self.check_runs: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.lock = threading.RLock()
        self._artifacts: dict[tuple[int, str], Artifact] = {}
        self._ids = itertools.count(1001)

    def new_id(self) -> int:
        return next(self._ids)

    def next_number(self) -> int:
        """Of a new pull request or issue, which are counted together."""
        return max([*self.pulls, *self.issues], default=0) + 1

    def next_run(self) -> int:
        """Of a new workflow run; a later one has a higher number."""
        return max(self.runs, default=0) + 1

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    def token(self, text: str) -> Token | None:
        """The token with this text, if there is one."""
        file = self.token_folder / f"{text}.json"
        if text not in self.tokens and re.fullmatch(r"\w+", text) and file.is_file():
            self.tokens[text] = Token(**json.loads(file.read_text(encoding="utf-8")))
        return self.tokens.get(text)

    def head_of(self, pull: PullRequest) -> str:
        """The commit at a pull request's head now."""
        if pull.head_repository == self.full_name:
            found = self.git.commit_of(f"refs/heads/{pull.head_branch}")
            return found or pull.head_sha
        return pull.head_sha

    def artifacts(self) -> list[Artifact]:
        """All artifacts, the newest first, as GitHub lists them."""
        for file in sorted(self.folder.glob("*/*.zip")):
            if re.fullmatch(r"\d+", file.parent.name):
                key = (int(file.parent.name), file.stem)
                if key not in self._artifacts:
                    self._artifacts[key] = Artifact(self.new_id(), *key, file)
        return sorted(self._artifacts.values(), key=lambda artifact: -artifact.id)
