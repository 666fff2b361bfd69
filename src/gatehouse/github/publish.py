"""What the trusted workflow writes: commit statuses, and the record on the branch."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate
from gatehouse.github.bases import CONTEXT, status_of
from gatehouse.github.carding import card_files
from gatehouse.github.client import here, telling
from gatehouse.github.event import Event
from gatehouse.github.judged import JUDGED, RECORD, VERDICT, Judged, Note, refused
from gatehouse.github.recompute import Recomputed, recompute
from gatehouse.github.target import Target, find_target
from gatehouse.report.escape import plain

if TYPE_CHECKING:
    from github.GitCommit import GitCommit
    from github.Repository import Repository

_MESSAGE = """\
Record the run of {head}

Data, model, evidence and verdict as the gates measured them: {outcome}.
"""
_RECORDED = re.compile(r"dvc\.lock|reports/.+")


def announce(
    repository: Repository,
    statuses: Repository,
    event: Event,
    runner: str,
    bases: Mapping[str, str],
) -> None:
    """Say on the commit what is running, and where.

    Nothing is said of a run that has ended already, as one does that an edited title starts; nor
    over a verdict on the same commit, which the run may confirm.

    Args:
        repository: as a token that may read runs, pull requests and statuses sees it.
        statuses: as a token that may write statuses sees it.
        event: the run of "Pipeline" that began.
        runner: what trains, in words.
        bases: `bases` of the policy.
    """
    run = event.workflow_run
    target = find_target(repository, event)
    default = event.repository.default_branch
    context = status_of(target.base_branch, default, bases) if target else None
    if context is None:
        print("no pull request of this commit goes into a branch with gates")
        return
    with telling("look at the run"):
        ended = repository.get_workflow_run(run.id).conclusion is not None
        combined = repository.get_commit(run.head_sha).get_combined_status().statuses
    said = {status.context: status.state for status in combined}
    if ended or said.get(context, "pending") != "pending":
        print("the run has ended, or the commit has its verdict: nothing is announced")
        return
    text = f"running: checks and tests; the pipeline on {runner}"
    _say(statuses, run.head_sha, context, Note(state="pending", text=text), run.html_url)


def publish(
    repository: Repository,
    statuses: Repository,
    event: Event,
    folder: Path,
    bases: Mapping[str, str],
) -> Judged:
    """Record the run on its branch where it should be, and set the statuses.

    Where it would be merged is asked anew: a pull request can be pointed at another base while it
    is judged.

    Args:
        repository: as a token that may write contents sees it.
        statuses: as a token that may write statuses sees it.
        event: the run of "Pull request" or "Pipeline" that ended last.
        folder: what the judging job handed over; nothing there is a failure.
        bases: `bases` of the policy.

    Raises:
        GatehouseError: GitHub refused, several times; no status is green then.
    """
    head = event.workflow_run.head_sha
    judged = _read(folder, head)
    try:
        target = find_target(repository, event)
    except GatehouseError as error:
        target, judged = None, refused(head, str(error))
    context = CONTEXT
    if target is not None:
        listed = status_of(target.base_branch, event.repository.default_branch, bases)
        if listed is None:
            print("it goes into a branch that has no gates: no status is set")
            return judged
        context = listed
        if judged.base not in (None, target.base_branch):
            why = "it goes into another branch now, for which its next run is judged"
            judged = refused(head, why, "pending")
    return settle(repository, statuses, target, judged, folder, context).judged


@dataclass(frozen=True)
class Settled:
    """What was written.

    Attributes:
        judged: as its statuses say.
        again: the answer as it was judged again; None where it does not hold.
        recorded: the commit that records it; None where nothing was recorded.
    """

    judged: Judged
    again: Recomputed | None
    recorded: str | None


def settle(
    repository: Repository,
    statuses: Repository,
    target: Target | None,
    judged: Judged,
    folder: Path,
    context: str,
) -> Settled:
    """Judge the answer again with the owners' words that count now, record it, set the statuses.

    Args:
        repository: as a token that may write contents sees it.
        statuses: as a token that may write statuses sees it.
        target: whose statuses are set; None: only the commit that was judged is known.
        judged: the answer.
        folder: what the judging job handed over.
        context: name of the required status.

    Raises:
        GatehouseError: GitHub refused, several times; no status is green then.
    """
    head = target.head if target else judged.head
    judged, again = _held(repository, target, judged, folder)
    recorded = None
    # A head that is itself a record is written over, whatever its author put into its reports.
    moved = target is not None and target.head != judged.head
    if judged.record or (again and (again.accepted.record or moved)):
        try:
            files = _files(judged, folder / RECORD, again, anew=moved)
            if again is not None:
                files |= card_files(repository, again, files)
            recorded = _record(repository, statuses, target, judged, files, context)
        except GatehouseError as error:
            judged = judged.model_copy(
                update={"overall": Note(state="failure", text=f"could not be recorded: {error}")}
            )
    _say_all(statuses, head, _but_for(recorded, judged) if recorded else judged, context)
    if recorded:
        print(f"recorded as {recorded}")
    for comment, why in again.accepted.answers.items() if again else ():
        print(f"comment {comment} does not count: {plain(why)}")
    return Settled(judged, again, recorded)


def _but_for(record: str, judged: Judged) -> Judged:
    """What is said of a head whose record is another commit: not green.

    The head's own `dvc.lock` names other data or another model, which nobody judged. Green, it
    could be pushed back, or opened as another pull request, and merged.
    """
    if judged.overall.state != "success":
        return judged
    text = f"passes as recorded in {record[:12]}, which is the commit to merge"
    return judged.model_copy(update={"overall": Note(state="pending", text=text)})


def _read(folder: Path, head: str) -> Judged:
    try:
        judged = Judged.read(folder / JUDGED)
    except GatehouseError:
        why = "judging broke off, so nothing is known; see the run of Gates"
        return refused(head, why, "error")
    if judged.head != head:
        return refused(head, "what was judged is another commit", "error")
    return judged


def _held(
    repository: Repository, target: Target | None, judged: Judged, folder: Path
) -> tuple[Judged, Recomputed | None]:
    """The answer where its evidence supports it; else an error that says why not."""
    if judged.basis is None:
        if judged.overall.state == "success" or judged.gates or judged.record:
            return refused(judged.head, "the answer names no evidence", "error"), None
        return judged, None
    try:
        if target is None:
            raise GatehouseError("no open pull request has this commit as its head any more")
        if judged.overall.state == "success" and target.draft:
            raise GatehouseError("a draft is not judged")
        again = recompute(repository, target, judged, folder)
    except GatehouseError as error:
        return refused(judged.head, f"judged again: {error}", "error"), None
    return again.judged, again


def _files(
    judged: Judged, folder: Path, again: Recomputed | None, *, anew: bool
) -> dict[str, bytes]:
    """What is recorded, by path: what *Judge* handed over, and owners' words.

    Where these words change the verdict, or `anew` says so, it and the report are made anew.

    Raises:
        GatehouseError: *Judge* handed over a file of another place.
    """
    files = {}
    # The judging job reads a stranger's files, so what it hands over is held to these paths again.
    for path in sorted(folder.rglob("*")) if judged.record else ():
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (path.is_file() and not _RECORDED.fullmatch(name)):
            raise GatehouseError(f"{name} is no part of a record")
        if path.is_file():
            files[name] = path.read_bytes()
    if again is not None and (anew or again.changed or again.accepted.record):
        link = f"[the run's artifacts]({here()})"
        files[f"reports/{VERDICT}"] = again.verdict.to_json().encode()
        files["reports/report.md"] = again.report(link).encode()
        files |= again.accepted.record
    return files


def _record(
    repository: Repository,
    statuses: Repository,
    target: Target | None,
    judged: Judged,
    files: Mapping[str, bytes],
    context: str,
) -> str | None:
    if target is None or target.branch is None:
        raise GatehouseError("the branch has moved on, or is not ours to write to")
    with telling(f"record the run on {target.branch}"):
        commit = _commit(repository, target, judged, files)
        if commit is None:
            return None
        # First the statuses, then the branch: the new head is never without one.
        _say_all(statuses, commit.sha, judged, context)
        if repository.get_git_ref(f"heads/{target.branch}").object.sha != target.head:
            raise GatehouseError("the branch has moved on")
        _move(repository, target.branch, commit.sha)
    return commit.sha


def _move(repository: Repository, branch: str, commit: str) -> None:
    """Move the branch forward.

    By an address of our own: PyGithub's is the one that the API answered with, and where a name
    stands there as it is, that of `main#x` leads to `main`.
    """
    address = f"{repository.url}/git/refs/heads/{quote(branch)}"
    repository.requester.requestJsonAndCheck(
        "PATCH", address, input={"sha": commit, "force": False}
    )


def _commit(
    repository: Repository, target: Target, judged: Judged, files: Mapping[str, bytes]
) -> GitCommit | None:
    from github import InputGitTreeElement

    head = repository.get_git_commit(target.head)
    elements = []
    for name, data in sorted(files.items()):
        blob = repository.create_git_blob(base64.b64encode(data).decode(), "base64")
        elements.append(InputGitTreeElement(name, "100644", "blob", sha=blob.sha))
    tree = repository.create_git_tree(elements, base_tree=head.tree)
    if tree.sha == head.tree.sha:
        return None
    message = _MESSAGE.format(head=target.head[:12], outcome=judged.overall.state)
    return repository.create_git_commit(message, tree, [head])


def _say_all(statuses: Repository, commit: str, judged: Judged, context: str) -> None:
    address = here()
    for gate in Gate:
        if note := judged.gates.get(gate):
            _say(statuses, commit, f"{context}/{gate}", note, address)
    _say(statuses, commit, context, judged.overall, address)


def _say(statuses: Repository, commit: str, context: str, note: Note, address: str) -> None:
    with telling(f"set the status {context}"):
        statuses.get_commit(commit).create_status(
            note.state, target_url=address, description=note.description, context=context
        )
    print(f"{context} on {commit[:12]}: {note.state}: {note.description}")
