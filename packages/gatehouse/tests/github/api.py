"""A stand-in for GitHub's REST API, on this machine only.

It keeps its state in memory, and its Git objects in a bare repository. It refuses what GitHub
refuses: calls that GitHub's OpenAPI description does not know, tokens without the grant, texts that
are too long, ref updates that are no fast-forward. Where its answers are leaner than GitHub's, they
have what PyGithub reads.

    with GitHub(tmp_path) as github:
        token = github.token({"statuses": "write"})
        github.pull_request(3, head_branch="better", head_sha=sha)
        ...  # calls to github.url
        assert github.statuses(sha)["gatehouse"].state == "success"
"""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.github.events import issue_comment_event, pull_request_event, workflow_run_event
from tests.github.faults import Fault
from tests.github.git_store import GitStore
from tests.github.server import Server
from tests.github.state import (
    Artifact,
    Call,
    Comment,
    Issue,
    PullRequest,
    Run,
    State,
    Status,
    Token,
)
from tests.github.triggers import approve_run, end_run, run_again, start_runs


class GitHub:
    """One repository on a GitHub of its own.

    Args:
        folder: for what it stores: `origin.git`, unless another is given, and `artifacts/`.
        full_name: owner/name.
        origin: a bare repository to act on.
    """

    def __init__(
        self, folder: Path, full_name: str = "octo/model", origin: Path | None = None
    ) -> None:
        self.origin = origin or folder / "origin.git"
        self.artifact_folder = folder / "artifacts"
        self.artifact_folder.mkdir(parents=True, exist_ok=True)
        # Where the stand-in for the action that makes tokens of an App registers them.
        self.token_folder = folder / "tokens"
        self.token_folder.mkdir(exist_ok=True)
        self.git = GitStore(self.origin)
        self.state = State(full_name, self.git, self.artifact_folder, self.token_folder)
        self._server = Server(self.state)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The root of the API, for GITHUB_API_URL."""
        return self.state.url

    @property
    def full_name(self) -> str:
        return self.state.full_name

    @property
    def calls(self) -> list[Call]:
        """Every call that came in, the first one first."""
        return list(self.state.calls)

    @property
    def writes(self) -> list[Call]:
        """The calls that change something and were answered well."""
        return [call for call in self.calls if call.method != "GET" and call.status < 300]

    def token(
        self,
        grants: Mapping[str, str],
        login: str = "github-actions[bot]",
        value: str | None = None,
    ) -> str:
        """Register a token, such as token({"statuses": "write"}); its text."""
        text = value or f"ghs_{secrets.token_hex(18)}"
        self.state.tokens[text] = Token(dict(grants), login)
        return text

    def pull_request(
        self,
        number: int,
        *,
        head_branch: str,
        head_sha: str | None = None,
        head_repository: str | None = None,
        base_branch: str = "main",
        author: str = "ada",
        author_type: str = "User",
        draft: bool = False,
        labels: tuple[str, ...] = (),
    ) -> PullRequest:
        """Register an open pull request.

        Its head is the branch of that name in the bare repository; of a fork, `head_sha`, whose
        commit must lie in the bare repository as well, as it does on GitHub.
        """
        repository = head_repository or self.full_name
        sha = head_sha or self.git.commit_of(f"refs/heads/{head_branch}")
        assert sha, f"no commit for {repository}:{head_branch}"
        pull = PullRequest(
            number, repository, head_branch, sha, base_branch, author, author_type, draft, labels
        )
        self.state.pulls[number] = pull
        self.git.put(f"refs/pull/{number}/head", sha)
        return pull

    def run(
        self,
        run_id: int,
        *,
        head_branch: str,
        head_sha: str,
        event: str = "pull_request",
        conclusion: str | None = "success",
        head_repository: str | None = None,
        name: str = "Pull request",
        path: str = ".github/workflows/pull-request.yml",
        jobs: list[dict[str, Any]] | None = None,
        actor: str | None = None,
        triggering_actor: str | None = None,
        **more: Any,
    ) -> Run:
        """Register a workflow run; with no conclusion it is still in progress.

        `more` is as `Run` has it. A job is such as {"name": "Tests", "conclusion": "failure",
        "steps": [{"name": "Run", "number": 1, "status": "completed", "conclusion": "failure"}]}.
        """
        status = "completed" if conclusion else "in_progress"
        repository = head_repository or self.full_name
        made = Run(
            run_id, name, event, repository, head_branch, head_sha, path, status, conclusion, **more
        )
        made.jobs = jobs or []
        made.actor, made.triggering_actor = actor, triggering_actor
        self.state.runs[run_id] = made
        return made

    def start(
        self, number: int, action: str = "synchronize", login: str = "ada", **more: Any
    ) -> list[Run]:
        """The runs of a pull request's event that a person causes; `more` as `start_runs` has."""
        return start_runs(self.state, self.state.pulls[number], action, login, **more)

    def approve(self, run_id: int) -> None:
        """A maintainer lets a held run begin."""
        approve_run(self.state, self.state.runs[run_id])

    def run_again(self, run_id: int) -> None:
        """A run that ended runs once more."""
        run_again(self.state, self.state.runs[run_id])

    def end(self, run_id: int, conclusion: str = "success") -> None:
        """A run ends."""
        end_run(self.state, self.state.runs[run_id], conclusion)

    def sent(self) -> list[tuple[str, Run]]:
        """What `on: workflow_run` was told since this was last asked, the oldest first."""
        found = [(action, self.state.runs[run]) for action, run in self.state.sent]
        self.state.sent.clear()
        return found

    def artifact(
        self,
        run_id: int,
        name: str,
        content: Path | bytes,
        *,
        size: int | None = None,
        expired: bool = False,
    ) -> Artifact:
        """Store an artifact of a run: a folder's files, or the archive's own bytes.

        Args:
            run_id: of the run.
            name: of the artifact.
            content: a folder, which is zipped, or bytes, which need not be an archive.
            size: what GitHub says of its size, where that is not the truth.
            expired: whether it can be had no longer.
        """
        data = content if isinstance(content, bytes) else _zipped(content)
        file = self.artifact_folder / str(run_id) / f"{name}.zip"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        with self.state.lock:
            made = next(
                each for each in self.state.artifacts() if (each.run, each.name) == (run_id, name)
            )
        made.size, made.expired = size, expired
        return made

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        *,
        after: bool = False,
    ) -> None:
        """Plant an error for the next calls; see `Fault`. Status RESET (0) cuts the connection."""
        self.state.faults.append(Fault(method, path, status, times, headers or {}, after))

    def statuses(self, sha: str) -> dict[str, Status]:
        """The latest status of a commit by context."""
        return {each.context: each for each in self.state.statuses if each.sha == sha}

    def issue(self, title: str, body: str, login: str = "ada", **more: Any) -> Issue:
        """Put somebody's issue there; `more` is as `Issue` has it."""
        made = Issue(self.state.next_number(), title, body, login, **more)
        self.state.issues[made.number] = made
        return made

    def issues(self) -> list[Issue]:
        """The issues that are no pull requests, open and closed, the first one first."""
        return list(self.state.issues.values())

    def comments(self, number: int) -> list[Comment]:
        """The comments on a pull request or an issue, the first one first."""
        return [each for each in self.state.comments if each.number == number]

    def comment(self, number: int, body: str, login: str = "ada", **more: Any) -> Comment:
        """Put somebody's comment on a pull request or an issue; `more` is as `Comment` has it."""
        made = Comment(self.state.new_id(), number, body, login, **more)
        self.state.comments.append(made)
        return made

    def pull_request_event(
        self, number: int, action: str = "synchronize", **changes: str
    ) -> dict[str, Any]:
        """The webhook's payload for `on: pull_request`; `changes` as the function there has it."""
        return pull_request_event(self.state, self.state.pulls[number], action, **changes)

    def workflow_run_event(self, run_id: int, action: str = "completed") -> dict[str, Any]:
        """The webhook's payload for `on: workflow_run`."""
        return workflow_run_event(self.state, self.state.runs[run_id], action)

    def issue_comment_event(
        self, comment: Comment, action: str = "created", **more: Any
    ) -> dict[str, Any]:
        """The webhook's payload for `on: issue_comment`; `more` as the function there has it."""
        return issue_comment_event(self.state, comment, action, **more)


def _zipped(folder: Path) -> bytes:
    assert folder.is_dir(), f"{folder} is no folder"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
    return data.getvalue()
