"""Writes of *Publish* and *Accept* by GitHub's API: statuses, and commits without a checkout."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from gatehouse.errors import GatehouseError
from gatehouse.github.client import here, telling
from gatehouse.trusted.judgement import Judgement, Note

if TYPE_CHECKING:
    from github.GitCommit import GitCommit
    from github.Repository import Repository

    from gatehouse.github.recompute import Recomputed

_MESSAGE = """\
Record the run of {head}

Data, model, evidence and verdict as the gates measured them: {outcome}.
Checks and tests passed: {checks}
"""


@dataclass(frozen=True)
class Access:
    """The repository, accessed with a job's tokens.

    Attributes:
        contents: may write contents, and read actions and pull requests.
        statuses: may write statuses.
        pusher: may move the branch of a pull request. An App's token starts workflows there; the
            runs that the workflow's own token starts wait for an approval.
    """

    contents: Repository
    statuses: Repository
    pusher: Repository


def move(repository: Repository, branch: str, commit: str) -> None:
    """Move the branch forward.

    The address is built here: PyGithub uses the one in the API's response, in which names are not
    escaped, so that the address of `main#x` would lead to `main`.
    """
    address = f"{repository.url}/git/refs/heads/{quote(branch)}"
    repository.requester.requestJsonAndCheck(
        "PATCH", address, input={"sha": commit, "force": False}
    )


def record_on(
    repository: Repository, head: str, again: Recomputed, files: Mapping[str, bytes], parent: str
) -> GitCommit | None:
    """Create a commit on `parent` with the head's files and the record, on no branch.

    Nothing is checked out.

    Returns:
        The commit, or None if `parent` already has this content.

    Raises:
        GatehouseError: checks and tests have not passed.
    """
    from github import InputGitTreeElement

    if not again.checks.passed:
        raise GatehouseError("checks and tests have not passed")
    below = repository.get_git_commit(head)
    elements = []
    for name, data in sorted(files.items()):
        blob = repository.create_git_blob(base64.b64encode(data).decode(), "base64")
        elements.append(InputGitTreeElement(name, "100644", "blob", sha=blob.sha))
    tree = repository.create_git_tree(elements, base_tree=below.tree)
    on = below if parent == head else repository.get_git_commit(parent)
    if tree.sha == on.tree.sha:
        return None
    message = _MESSAGE.format(
        head=head[:12], outcome=again.with_record.state, checks=again.checks.run
    )
    return repository.create_git_commit(message, tree, [on])


def has_verdict(repository: Repository, commit: str, context: str) -> bool:
    """Return whether a commit's required status is set and not pending."""
    return state_of(repository, commit, context) not in (None, "pending")


def state_of(repository: Repository, commit: str, context: str) -> str | None:
    """Return the state of a commit's status, or None if it has none.

    Raises:
        GatehouseError: GitHub refused.
    """
    with telling("look up the statuses of the commit"):
        # The address is built here: PyGithub reads only the first 30.
        _, found = repository.requester.requestJsonAndCheck(
            "GET", f"{repository.url}/commits/{commit}/status", parameters={"per_page": 100}
        )
    states = {each["context"]: str(each["state"]) for each in found["statuses"]}
    return states.get(context)


def say_all(statuses: Repository, commit: str, judged: Judgement, context: str) -> None:
    """Set the statuses of the gates on a commit, and then the required one."""
    say_gates(statuses, commit, judged, context)
    say(statuses, commit, context, judged.overall, here())


def say_gates(statuses: Repository, commit: str, judged: Judgement, context: str) -> None:
    """Set the statuses of the gates on a commit."""
    for gate, note in judged.gates.items():
        say(statuses, commit, f"{context}/{gate}", note, here())


def say(statuses: Repository, commit: str, context: str, note: Note, address: str) -> None:
    """Set one status; `address` is the target of its link."""
    with telling(f"set the status {context}"):
        statuses.get_commit(commit).create_status(
            note.state, target_url=address, description=note.description, context=context
        )
    print(f"{context} on {commit[:12]}: {note.state}: {note.description}")
