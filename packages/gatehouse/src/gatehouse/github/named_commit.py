"""An outsider's commit that a maintainer names, to be run without key, permissions or cache.

Only the newest commit of an open pull request can be named, and only by its full hash: a name that
can move, or that two commits share, could run code that the maintainer did not read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import LOCK
from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling
from gatehouse.github.start import lock_to_start_from, this_run
from gatehouse.report.escape import code, plain
from gatehouse.typed import write_text

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

_FULL = re.compile("[0-9a-f]{40}")


def prepare_named(
    repository: Repository, number: int, commit: str, folder: Path, root: Path, default: str
) -> str:
    """Write the `dvc.lock` that the run starts from into `folder`.

    Args:
        repository: accessed with a token that may read actions, contents and pull requests.
        number: of this run.
        commit: the maintainer's input.
        folder: a new folder.
        root: the checkout of the default branch's tip.
        default: the default branch.

    Returns:
        Who contributed to the commit, as Markdown.

    Raises:
        GatehouseError: it is not a full hash, or not the newest commit of any open pull request.
    """
    pulls = pulls_of(repository, commit, default)
    run = this_run(repository, number).model_copy(update={"head_sha": commit})
    text = lock_to_start_from(run, root)
    folder.mkdir(parents=True)
    if text is not None:
        write_text(folder / LOCK, text)
    return _summary(repository, commit, pulls)


def pulls_of(repository: Repository, commit: str, default: str) -> list[PullRequest]:
    """Return the open pull requests into the default branch with this newest commit, at least one.

    Raises:
        GatehouseError: it is not a full hash, or there is none.
    """
    if not _FULL.fullmatch(commit):
        raise GatehouseError(
            f"{plain(commit, 80)!r} is no full commit hash; type all 40 digits (0-9, a-f) of the "
            "pull request's newest commit, and no name of a branch or tag"
        )
    with telling("list the open pull requests"):
        found = [
            pull
            for pull in repository.get_pulls(state="open", base=default)
            if pull.head.sha == commit
        ]
    if not found:
        raise GatehouseError(
            f"{commit} is the newest commit of no open pull request into {plain(default, 40)}; "
            "look at the pull request again: it may have moved on"
        )
    return found


def _summary(repository: Repository, commit: str, pulls: list[PullRequest]) -> str:
    with telling("look up the commit"):
        made = repository.get_commit(commit)
        accounts = {"author": made.author, "committer": made.committer}
        written = made.commit.author.name
    lines = ["| what | who |", "|---|---|"]
    lines += [f"| #{pull.number} was opened by | {code(pull.user.login)} |" for pull in pulls]
    for role, account in accounts.items():
        login = code(account.login) if account and account.login else "no account of GitHub"
        lines.append(f"| {role} of {commit} | {login} |")
    lines.append(f"| the author's name, as Git has it | {code(written, 80)} |")
    return "\n".join(lines) + "\n"
