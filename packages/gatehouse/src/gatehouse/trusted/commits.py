"""Fetches commits from the server into the trusted checkout as objects. Changes no work tree."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from gatehouse.git import git

_TOKEN = "GITHUB_TOKEN"  # noqa: S105 - a variable's name


def fetch(ref: str, root: Path = Path()) -> str:
    """Return the commit of `ref` (`refs/heads/main`, or a commit's hash) on the server.

    Only that commit is fetched, without its history.

    Raises:
        GatehouseError: the server has no such commit.
    """
    mark = f"refs/gatehouse/{ref.removeprefix('refs/heads/')}"
    git("fetch", "--quiet", "--no-tags", "--depth=1", "--no-write-fetch-head", "origin",
        f"+{ref}:{mark}", root=root, **_credentials(root))  # fmt: skip
    return git("rev-parse", "--verify", "--end-of-options", mark, root=root).strip()


def fetch_past(ref: str, root: Path = Path()) -> None:
    """Fetch the whole history of a branch, such as `refs/heads/main`, or of a commit.

    Raises:
        GatehouseError: the server has no such branch or commit.
    """
    shallow = git("rev-parse", "--is-shallow-repository", root=root).strip() == "true"
    git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
        *(["--unshallow"] if shallow else []), "origin",
        f"+{ref}:refs/gatehouse/{ref.removeprefix('refs/heads/')}",
        root=root, **_credentials(root))  # fmt: skip


def _credentials(root: Path) -> dict[str, str]:
    """Return the token as a header in the environment, where neither files nor `ps` show it."""
    server = git("remote", "get-url", "origin", root=root).strip()
    token = os.environ.get(_TOKEN)
    if not token or not server.startswith("https://"):
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    host = "/".join(server.split("/")[:3])
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{host}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {basic}",
    }
