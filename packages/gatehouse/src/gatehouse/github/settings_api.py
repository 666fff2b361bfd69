"""GitHub's REST API with the user's own login: through `gh api`, or as a dry run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gatehouse.errors import GatehouseError

_SECONDS = 120  # a call takes one or two; gh itself retries nothing
_STATUS = re.compile(r"\(HTTP (\d{3})\)")
_NOT_LOGGED_IN = 4  # gh's exit code if it needs a login


@dataclass(frozen=True)
class Call:
    """A request that changes something; the body is JSON as Python values."""

    method: str
    path: str
    body: Any = None


class Api(Protocol):
    """Reads and writes; paths are relative to the root of the API, as `repos/owner/name`."""

    def read(self, path: str) -> Any:
        """Return GitHub's data at `path`, or None on 404."""

    def write(self, call: Call) -> None:
        """Send the call."""


class Gh:
    """The API through `gh`, GitHub's command line program, with its stored login."""

    def read(self, path: str) -> Any:
        """Return GitHub's data at `path`, or None on 404.

        Raises:
            GatehouseError: gh is missing or not logged in, or GitHub refuses.
        """
        done = _gh("GET", path, None)
        if _status(done) == 404:
            return None
        _refuse(done, "GET", path)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise GatehouseError(
                f"GET {path}: gh gave no JSON ({done.stdout[:80]!r}); is it GitHub's own gh?"
            ) from None

    def write(self, call: Call) -> None:
        """Send the call.

        Raises:
            GatehouseError: gh is missing or not logged in, or GitHub refuses.
        """
        _refuse(_gh(call.method, call.path, call.body), call.method, call.path)


@dataclass
class Rehearsal:
    """Print every call and send none.

    Attributes:
        say: prints a line.
        answers: results of reads, by path; other paths give None.
    """

    say: Callable[[str], None]
    answers: dict[str, Any] = field(default_factory=dict)

    def read(self, path: str) -> Any:
        self.say(f"GET {path}")
        return self.answers.get(path)

    def write(self, call: Call) -> None:
        self.say(f"{call.method} {call.path}")
        if call.body is not None:
            self.say(json.dumps(call.body, indent=2))


def _gh(method: str, path: str, body: Any) -> subprocess.CompletedProcess[str]:
    command = ["gh", "api", "--method", method, "--header", "Accept: application/vnd.github+json"]
    command += ["--header", "X-GitHub-Api-Version: 2022-11-28"]
    if body is not None:
        command += ["--input", "-"]
    quiet = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "GH_TELEMETRY": "false"}
    try:
        return subprocess.run(
            [*command, path],
            input="" if body is None else json.dumps(body),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **quiet, "NO_COLOR": "1"},
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise GatehouseError(
            "gh: GitHub's command line program is not on PATH; install it (https://cli.github.com) "
            "and log in with `gh auth login`. --dry-run shows the calls without it"
        ) from None
    except subprocess.TimeoutExpired:
        raise GatehouseError(
            f"{method} {path}: no answer in {_SECONDS} s; check the network, and run it again: "
            "what is set already is left alone"
        ) from None


def _status(done: subprocess.CompletedProcess[str]) -> int | None:
    """Return the HTTP status of an error, which gh prints at the end of its message."""
    found = _STATUS.search(done.stderr)
    return int(found[1]) if done.returncode != 0 and found else None


def _refuse(done: subprocess.CompletedProcess[str], method: str, path: str) -> None:
    """Raise GitHub's or gh's error, with the fix, unless the call succeeded."""
    if done.returncode == 0:
        return
    status, message = _status(done), done.stderr.strip() or f"gh ended with {done.returncode}"
    raise GatehouseError(f"{method} {path}: {message}\n{_fix(done.returncode, status, message)}")


def _fix(code: int, status: int | None, message: str) -> str:
    if code == _NOT_LOGGED_IN or status == 401 or "gh auth login" in message:
        return "gh has no valid login: run `gh auth login`, or set GH_TOKEN"
    if "Upgrade to" in message or "billing plan" in message:
        return (
            "the plan of this private repository's owner does not have this: make the repository "
            "public, or take a plan that has rulesets and environments for private ones (GitHub "
            "Pro or Team). Without the ruleset nothing keeps a red pull request from merging"
        )
    if "rate limit" in message:
        return "wait until GitHub's limit is over, and run it again: what is set is left alone"
    if status in (403, 404):
        return (
            "the login may not do this: it needs admin rights on the repository, and a token with "
            "the scope `repo` (gh auth refresh --scopes repo) or, if fine-grained, with write "
            "access to Administration, Actions, Environments, Issues and Variables"
        )
    if status == 409:
        return "a setting of the organisation or enterprise decides this: ask its owner to allow it"
    if status == 422 and "merge_queue" in message.replace(" ", "_").lower():
        return (
            "GitHub has merge queues for repositories of organisations only, private ones on "
            "Enterprise Cloud: leave MERGE_QUEUE out"
        )
    if status == 422:
        return (
            "GitHub takes no such value for this repository; an App must be installed on it, with "
            "write access to statuses, before a ruleset can name it"
        )
    return "run it again: what is set already is left alone"
