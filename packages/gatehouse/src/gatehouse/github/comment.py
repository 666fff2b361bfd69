"""A pull request's single comment, updated by CML, or by REST if CML can't.

CML 0.20.6 searches only the first 30 comments, and treats anyone's comment with its watermark as
its own. It is therefore used only if it would find the right comment, or correctly none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.github.client import setting, telling
from gatehouse.github.compose import MARK

if TYPE_CHECKING:
    from github.IssueComment import IssueComment
    from github.NamedUser import NamedUser
    from github.Organization import Organization
    from github.PullRequest import PullRequest
    from github.Repository import Repository

TITLE = "gatehouse"
CML_SEES = 30
CML_TIME_LIMIT = 120  # seconds

_WATERMARK = re.compile(
    rf'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {TITLE}"\)'
)


# The output of Node, and of CML's logger as text or JSON.
_ERROR = re.compile(r"\W*(level\W+)?\w*error\b", re.IGNORECASE)


def comment(
    repository: Repository,
    number: int,
    commit: str,
    body: Path,
    author: str,
    *,
    quiet: bool = False,
) -> str | None:
    """Write the file `body` as the comment on pull request `number`.

    Args:
        repository: accessed with a token that may write to pull requests.
        number: of the pull request.
        commit: the judged commit.
        body: Markdown, with our mark in it.
        author: login that our token writes as; only its comments are edited.
        quiet: edit an existing comment, but write no new one.

    Returns:
        Who wrote it: CML or REST; None if `quiet` prevented a comment.

    Raises:
        GatehouseError: GitHub refused repeatedly.
    """
    text = body.read_text("utf-8")
    with telling("comment on the pull request"):
        pull = repository.get_pull(number)
        before = list(pull.get_issue_comments())
        ours = [found for found in before if _is_ours(found, author)]
        if quiet and not ours:
            return None
        rightly = _cml_would_find(before) is (ours[0] if ours else None)
        if rightly and _by_cml(number, body):
            ours = _ours(pull, author)
            if ours and text.strip() in ours[0].body:
                _remove(ours[1:])
                return "CML"
        # CML may have commented before it failed, and the response to one of our calls may be lost.
        _by_rest(pull, _ours(pull, author), f"{text}\n\n{_watermark(commit)}")
        _remove(_ours(pull, author)[1:])
        return "REST"


def _ours(pull: PullRequest, author: str) -> list[IssueComment]:
    return [found for found in pull.get_issue_comments() if _is_ours(found, author)]


def _is_ours(found: IssueComment, author: str) -> bool:
    user: NamedUser | Organization | None = found.user  # None: the account was deleted
    return user is not None and user.login == author and MARK in (found.body or "")


def _cml_would_find(comments: list[IssueComment]) -> IssueComment | None:
    seen = [found for found in comments[:CML_SEES] if _WATERMARK.search(found.body or "")]
    return seen[-1] if seen else None


def _watermark(commit: str) -> str:
    """Return the watermark in CML's format, so that CML finds the comment the next time."""
    return f'![](https://cml.dev/watermark.png#{commit} "CML watermark {TITLE}")'


def _by_cml(number: int, body: Path) -> bool:
    program = shutil.which("cml")
    if program is None:
        print("CML is not installed; its comment is made by REST")
        return False
    server = setting("GITHUB_SERVER_URL")
    # --publish=false: by default, CML uploads each linked file to a public server.
    command = [program, "comment", "update", f"--target=pr/{number}", "--publish=false",
               f"--watermark-title={TITLE}", "--driver=github",
               f"--repo={server}/{setting('GITHUB_REPOSITORY')}", str(body)]  # fmt: skip
    environment = os.environ | {
        "REPO_TOKEN": setting("GITHUB_TOKEN"),
        "ITERATIVE_DO_NOT_TRACK": "1",
    }
    try:
        # CML adds to git's global settings at each call, so it gets its own settings file.
        with tempfile.NamedTemporaryFile() as settings:
            done = subprocess.run(
                command,
                env=environment | {"GIT_CONFIG_GLOBAL": settings.name},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=CML_TIME_LIMIT,
                check=False,
            )
    except subprocess.TimeoutExpired:
        print(f"CML took over {CML_TIME_LIMIT} s; the comment is made by REST")
        return False
    except OSError as error:
        print(f"CML failed ({error.strerror}); the comment is made by REST")
        return False
    if done.returncode:
        # One line, so that no line begins with ::, which the runner interprets: CML repeats its
        # input.
        why = _reason(done.stderr)
        print(f"CML failed with code {done.returncode} ({why}); the comment is made by REST")
    return done.returncode == 0


def _reason(output: str) -> str:
    """Return why a Node program failed: the line with an error or else the first, shortened."""
    lines = [line for line in (" ".join(each.split()) for each in output.splitlines()) if line]
    error = next((line for line in lines if _ERROR.match(line)), None)
    return (error or next(iter(lines), "it says nothing"))[:200]


def _by_rest(pull: PullRequest, ours: list[IssueComment], text: str) -> None:
    if ours:
        ours[0].edit(text)
    else:
        pull.create_issue_comment(text)


def _remove(comments: list[IssueComment]) -> None:
    from github import UnknownObjectException

    for found in comments:
        with suppress(UnknownObjectException):  # already deleted: a response was lost
            found.delete()
