"""The trusted workflow's writes: commit statuses, and the record on the branch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github.accepting import find_accepted
from gatehouse.github.answer import newest_answer
from gatehouse.github.bases import CONTEXT, status_of
from gatehouse.github.carding import card_files
from gatehouse.github.client import here, telling
from gatehouse.github.ended import HELD, PIPELINE, newest_runs
from gatehouse.github.event import Event
from gatehouse.github.find_target import find_target, target_of
from gatehouse.github.going_on import GoingOn, go_on
from gatehouse.github.recompute import Recomputed, recompute
from gatehouse.github.runs import find_pipeline, list_runs
from gatehouse.github.writing import Access, has_verdict, move, record_on, say, say_all, say_gates
from gatehouse.policy import POLICY_FILE, parse_policy
from gatehouse.report.escape import plain
from gatehouse.report.links import PICTURE
from gatehouse.report.markdown import render_picture, render_report
from gatehouse.trusted.judgement import JUDGED, RECORD, VERDICT, Judgement, Note, refused
from gatehouse.trusted.merge_target import MergeTarget

if TYPE_CHECKING:
    from github.Repository import Repository

_RECORDED = re.compile(r"dvc\.lock|reports/.+")
_READ_AGAIN = 3
"""Maximum number of extra readings, so that people who keep commenting do not keep a job busy."""


def announce(
    repository: Repository,
    statuses: Repository,
    event: Event,
    runner: str,
    bases: Mapping[str, str],
) -> None:
    """Set a pending status on the commit: what is running and where, or that a run awaits approval.

    Nothing is set for a run that has already ended, as runs for an edited title do. A verdict on
    the same commit, which the run may confirm, is not overwritten. A run that awaits approval next
    to an approved one is ignored.

    Args:
        repository: accessed with a token that may read runs, pull requests and statuses.
        statuses: accessed with a token that may write statuses.
        event: the run of "Pipeline" that began.
        runner: description of the training machine.
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
        conclusion = repository.get_workflow_run(run.id).conclusion
    texts = {
        None: f"running: checks and tests; the pipeline on {runner}",
        HELD: "waits for a maintainer's approval: Approve workflows to run, on the pull request",
    }
    text = texts.get(conclusion)
    if text is None or has_verdict(repository, run.head_sha, context):
        print("the run has ended, or the commit has its verdict: nothing is announced")
        return
    if conclusion == HELD and PIPELINE in newest_runs(
        list_runs(repository, head_sha=run.head_sha), run.model_dump(mode="json")
    ):
        print("another run of this commit was let through: nothing is announced")
        return
    say(statuses, run.head_sha, context, Note(state="pending", text=text), run.html_url)


def publish(
    access: Access,
    event: Event,
    folder: Path,
    bases: Mapping[str, str],
    *,
    stored: bool,
) -> Settled | None:
    """Record the run on its branch if needed, and set the statuses.

    When the pull request's checks end, its answer may already exist; it is then downloaded from
    GitHub. Nothing happens if there is none, or if it is from an older run of "Pipeline": the
    judging in progress will look at the checks.

    The pull request's base is looked up again: it can be changed, or the pull request closed, while
    the change is judged. Without an open pull request, no status is set, because there is nothing
    to merge.

    Args:
        access: to the repository.
        event: a run of "Pull request" or "Pipeline" that ended.
        folder: from the judging job; an empty folder is a failure.
        bases: `bases` of the policy.
        stored: use the answer that an earlier run of Gates stored, and put it into `folder`.

    Returns:
        The result, or None if there is no stored answer.

    Raises:
        GatehouseError: GitHub refused repeatedly; no status is green then.
    """
    head = event.workflow_run.head_sha
    default = event.repository.default_branch
    judged = _stored(access.contents, event, folder) if stored else _read(folder, head)
    if judged is None:
        print("the newest run of Pipeline is not judged yet: its judging looks at the checks")
        return None
    try:
        target = find_target(access.contents, event)
    except GatehouseError as error:
        judged = refused(head, str(error))
        return settle(access, None, judged, folder, CONTEXT, default)
    if target is None:
        # Closed, updated meanwhile, or run by hand on a branch without a pull request.
        print("no open pull request has this commit as its head: no status is set")
        return Settled(judged, None, None)
    context = status_of(target.base_branch, default, bases)
    if context is None:
        print("it goes into a branch that has no gates: no status is set")
        return Settled(judged, None, None)
    if judged.base not in (None, target.base_branch):
        why = "it goes into another branch now, for which its next run is judged"
        judged = refused(head, why, "pending")
    return settle(access, target, judged, folder, context, default)


@dataclass(frozen=True)
class Settled:
    """The result of recording and setting statuses.

    Attributes:
        judged: the answer, with its statuses.
        again: the recomputed answer; None if recomputing contradicts it.
        recorded: the commit that records it; None if nothing was recorded.
        going_on: its state on a branch of ours; None if it has its own branch.
        pull: number of the pull request, if there is one.
    """

    judged: Judgement
    again: Recomputed | None
    recorded: str | None
    going_on: GoingOn | None = None
    pull: int | None = None


def settle(
    access: Access,
    target: MergeTarget | None,
    judged: Judgement,
    folder: Path,
    context: str,
    default: str,
) -> Settled:
    """Recompute the answer with the acceptances that count now, record it, and set the statuses.

    It is recorded, and may turn green, once checks and tests have passed. Until they have ended,
    the gates' statuses are set, and the required status is pending or red.

    A comment that was made or revoked meanwhile starts its own run of *Accept*. On the other pull
    request of a change that continues on our branch, that run does not wait for this one, which
    could overwrite its result. The comments are therefore read once more at the end, and the result
    is updated.

    Args:
        access: to the repository.
        target: the target whose statuses are set; None if only the judged commit is known.
        judged: the answer.
        folder: from the judging job.
        context: name of the required status.
        default: the default branch.

    Raises:
        GatehouseError: GitHub refused repeatedly. No status is green then, except one that the
            previously read comments support.
    """
    settled = _settle(access, target, judged, folder, context, default)
    for _ in range(_READ_AGAIN):
        since = _spoken_since(access.contents, target, settled, default)
        if since is None:
            break
        settled = _settle(access, since, judged, folder, context, default)
    return settled


def _spoken_since(
    repository: Repository, target: MergeTarget | None, settled: Settled, default: str
) -> MergeTarget | None:
    """Return the target to settle again because other acceptances count now, or None."""
    again = settled.again
    if again is None or target is None or target.pull is None:
        return None
    now = target_of(repository, target.pull, default)
    if now is None or now.head not in (target.head, settled.recorded):
        return None  # closed, or updated: the new head has its own runs
    policy = parse_policy(again.policy, POLICY_FILE)
    words = find_accepted(repository, now, again.basis.base, policy, again.accepted.before)
    return None if words.acceptances == again.accepted.acceptances else now


def _settle(
    access: Access,
    target: MergeTarget | None,
    judged: Judgement,
    folder: Path,
    context: str,
    default: str,
) -> Settled:
    repository, statuses = access.contents, access.statuses
    head = target.head if target else judged.head
    judged, again = _held(repository, target, judged, folder, default)
    # A head that is itself a record is overwritten, whatever its author put into its reports.
    moved = target is not None and target.head != judged.head
    elsewhere = target is not None and target.branch is None

    def files() -> dict[str, bytes]:
        found = _files(judged, folder / RECORD, again, anew=moved)
        return found if again is None else found | card_files(repository, again, found)

    recorded, going_on = None, None
    try:
        if again is None or target is None or not again.checks.ended:
            pass  # nothing is recorded before checks and tests have ended
        elif elsewhere:
            if judged.record and not again.unrecorded:
                raise GatehouseError("its branch is not ours to write to")
            going_on = go_on(repository, statuses, target, again, files, context)
            recorded = going_on.commit
        elif again.checks.passed and (judged.record or again.accepted.record or moved):
            recorded = _record(access, target, again, files(), context)
    except GatehouseError as error:
        judged = _with(judged, Note(state="failure", text=f"could not be recorded: {error}"))
    if recorded:
        assert again is not None, "else nothing is recorded"
        answer = judged if going_on is None else _with(judged, again.with_record)
        say_all(statuses, head, _but_for(recorded, answer), context)
        print(f"recorded as {recorded}")
    else:
        if again is not None and not again.checks.ended:
            judged = _waiting(again)
        _say_unless_known(statuses, head, judged, context)
    for comment, why in again.accepted.answers.items() if again else ():
        print(f"comment {comment} does not count: {plain(why)}")
    return Settled(judged, again, recorded, going_on, target.pull if target else None)


def _waiting(again: Recomputed) -> Judgement:
    """Return the answer before checks and tests end: failures are final, the rest pending."""
    note = again.with_record if again.unrecorded else again.judged.overall
    if note.state == "success":
        note = Note(state="pending", text=f"{note.text}; waits for checks and tests")
    return _with(again.judged, note)


def _say_unless_known(statuses: Repository, head: str, judged: Judgement, context: str) -> None:
    """Set the statuses, but do not overwrite an existing verdict with pending."""
    if judged.overall.state == "pending" and has_verdict(statuses, head, context):
        say_gates(statuses, head, judged, context)
    else:
        say_all(statuses, head, judged, context)


def _with(judged: Judgement, note: Note) -> Judgement:
    return judged.model_copy(update={"overall": note})


def _but_for(record: str, judged: Judgement) -> Judgement:
    """Return the status of a head whose record is in another commit: not green.

    The head's own `dvc.lock` names other data or another model, which nobody judged. If it were
    green, it could be pushed back, or opened as another pull request, and merged.
    """
    if judged.overall.state != "success":
        return judged
    text = f"passes as recorded in {record[:12]}, which is the commit to merge"
    return _with(judged, Note(state="pending", text=text))


def _read(folder: Path, head: str) -> Judgement:
    try:
        judged = Judgement.read(folder / JUDGED)
    except GatehouseError:
        why = "judging broke off, so nothing is known; see the run of Gates"
        return refused(head, why, "error")
    if judged.head != head:
        return refused(head, "what was judged is another commit", "error")
    return judged


def _stored(repository: Repository, event: Event, folder: Path) -> Judgement | None:
    """Return the newest answer on the commit, if it is for its newest run of *Pipeline*."""
    head, run = event.workflow_run.head_sha, find_pipeline(repository, event)
    judged = newest_answer(repository, head, event.repository.default_branch, folder)
    if judged is None or judged.head != head:
        return None
    return judged if (judged.pipeline, judged.attempt) == (run.id, run.run_attempt) else None


def _held(
    repository: Repository,
    target: MergeTarget | None,
    judged: Judgement,
    folder: Path,
    default: str,
) -> tuple[Judgement, Recomputed | None]:
    """Return the answer if its evidence supports it, or else an error with the reason."""
    if judged.basis is None:
        if judged.overall.state == "success" or judged.gates or judged.record:
            return refused(judged.head, "the answer names no evidence", "error"), None
        return judged, None
    try:
        if target is None:
            raise GatehouseError("no open pull request has this commit as its head any more")
        if judged.overall.state == "success" and target.draft:
            raise GatehouseError("a draft is not judged")
        again = recompute(repository, target, judged, folder, default)
    except GatehouseError as error:
        return refused(judged.head, f"judged again: {error}", "error"), None
    return again.judged, again


def _files(
    judged: Judgement, folder: Path, again: Recomputed | None, *, anew: bool
) -> dict[str, bytes]:
    """Return the files to record, by path: those from *Judge*, and owners' acceptances.

    If these acceptances change the verdict, or if `anew`, the verdict and report are made again.

    Raises:
        GatehouseError: *Judge* provided a file outside the allowed paths.
    """
    files = {}
    # The judging job reads untrusted files, so the paths of its output are checked again here.
    for path in sorted(folder.rglob("*")) if judged.record else ():
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (path.is_file() and not _RECORDED.fullmatch(name)):
            raise GatehouseError(f"{name} is no part of a record")
        if path.is_file():
            files[name] = path.read_bytes()
    if again is not None and (anew or again.changed or again.accepted.record):
        link = f"[the run's artifacts]({here()})"
        files[f"reports/{VERDICT}"] = again.verdict.to_json().encode()
        context = again.context(link)
        files["reports/report.md"] = render_report(context).encode()
        files |= again.accepted.record
    if again is not None and files:
        files[f"reports/{PICTURE}"] = render_picture(again.context("")).encode()
    return files


def _record(
    access: Access,
    target: MergeTarget,
    again: Recomputed,
    files: Mapping[str, bytes],
    context: str,
) -> str | None:
    assert target.branch is not None, "else it goes on elsewhere"
    repository = access.contents
    with telling(f"record the run on {target.branch}"):
        commit = record_on(repository, target.head, again, files, target.head)
        if commit is None:
            return None
        # Set the statuses before moving the branch, so that the new head always has them.
        say_all(access.statuses, commit.sha, again.judged, context)
        if repository.get_git_ref(f"heads/{target.branch}").object.sha != target.head:
            raise GatehouseError("the branch has moved on")
        move(access.pusher, target.branch, commit.sha)
    return commit.sha
