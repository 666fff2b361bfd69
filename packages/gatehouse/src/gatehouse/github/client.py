"""GitHub's REST API through PyGithub, with retries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError

if TYPE_CHECKING:
    from github import Github
    from github.PullRequestPart import PullRequestPart
    from github.Repository import Repository

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def setting(name: str) -> str:
    """Return an environment variable that GitHub's runner, or the workflow, sets.

    Raises:
        GatehouseError: it is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise GatehouseError(f"{name} is not set; this command runs in a GitHub workflow")
    return value


def here() -> str:
    """Return the address of this workflow run."""
    server, repository = setting("GITHUB_SERVER_URL"), setting("GITHUB_REPOSITORY")
    return f"{server}/{repository}/actions/runs/{setting('GITHUB_RUN_ID')}"


def branch_here(repository: Repository, head: PullRequestPart) -> str | None:
    """Return the branch of a pull request's head, or None if it is in a fork or deleted."""
    ours = head.repo is not None and head.repo.full_name == repository.full_name
    return head.ref if ours else None


def app_sets_status() -> bool:
    """Return whether an App sets the required status; otherwise GATEHOUSE_APP_ID is empty."""
    return bool(os.environ.get("GATEHOUSE_APP_ID"))


def connect(
    token_name: str = "GITHUB_TOKEN",  # noqa: S107 - a variable's name
    *,
    once: bool = False,
) -> Repository:
    """Return this repository, accessed with the token in the variable `token_name`.

    Server errors, rate limits and lost connections are retried up to five times, with pauses that
    double. With `once`, nothing is retried: use it for calls that do harm if GitHub runs them
    twice.
    """
    return connected(token_name, once=once).get_repo(setting("GITHUB_REPOSITORY"))


def connected(token_name: str, *, once: bool = False) -> Github:
    """Return GitHub, accessed with the token in `token_name`; retries as `connect` does."""
    from github import Auth, Github, GithubRetry

    retry = GithubRetry(
        total=5, backoff_factor=0.5, allowed_methods=_METHODS, max_rate_limit_wait=300
    )
    return Github(
        auth=Auth.Token(setting(token_name)),
        base_url=setting("GITHUB_API_URL"),
        retry=None if once else retry,
        per_page=100,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,
    )


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Turn errors of the API or the network into an error that says what was being done."""
    from github import GithubException
    from requests import RequestException

    try:
        yield
    except GithubException as error:
        data = error.data if isinstance(error.data, dict) else {}
        texts = [data.get("message") or error.message, *_reasons(data.get("errors"))]
        message = ": ".join(str(text) for text in texts if text)
        raise GatehouseError(
            f"GitHub refused to {doing}: {error.status} {message}".strip()
        ) from None
    except RequestException as error:
        raise GatehouseError(
            f"GitHub could not be reached to {doing} ({type(error).__name__})"
        ) from None


def _reasons(errors: Any) -> list[Any]:
    """Return the errors of a response, which are texts or objects that may have a message."""
    listed = errors if isinstance(errors, list) else []
    return [each.get("message") if isinstance(each, dict) else each for each in listed]
