"""The step that judges: what was fetched and measured in, `judged.json` and what it names out.

It has a token, for owners' comments, and no key. It opens no table and no graph: of the candidate
it reads evidence, settings and digests.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.offer import offers
from gatehouse.base import Base
from gatehouse.defaults import changed_defaults
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at
from gatehouse.github import recording
from gatehouse.github.accepting import Accepted, find_accepted, of_base
from gatehouse.github.basis import base_at
from gatehouse.github.candidate import text_at
from gatehouse.github.client import app_sets_status, here
from gatehouse.github.commenting import is_pictured, is_quiet
from gatehouse.github.compose import (
    Surroundings,
    judged_comment,
    refused_comment,
    training_files,
    unjudged_comment,
)
from gatehouse.github.event import Event
from gatehouse.github.fetching import LISTED
from gatehouse.github.judged import (
    COMMENT,
    JUDGED,
    RECORD,
    Judged,
    State,
    refused,
)
from gatehouse.github.keep import kept_files, objects_of
from gatehouse.github.linked import linked_report
from gatehouse.github.notes import gate_notes, overall_note
from gatehouse.github.origin import write_origin
from gatehouse.github.owners import OWNERS_FILE, guarded, must_be_guarded, problem
from gatehouse.github.plain_files import plain_file_problems
from gatehouse.github.reporting import hand_over_verdict, report_on
from gatehouse.github.steps import Fetched, Measured, Place, Stopped, check_files
from gatehouse.github.target import Target
from gatehouse.judging import verdict_on
from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.ownership import parse as parse_ownership
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.annotations import FILES, find_annotations
from gatehouse.run import report_context
from gatehouse.typed import write_text
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    from github.Repository import Repository

_STATES: dict[str, State] = {"gone": "error", "elsewhere": "pending", "draft": "pending"}


def judge_run(
    repository: Repository,
    event: Event,
    place: Place,
    out: Path,
    fetched: str | None = None,
    measured: str | None = None,
) -> Judged:
    """Judge what was measured, and write the answer into `out`.

    Args:
        repository: as a read-only token sees it.
        event: of a run of "Pipeline" that ended.
        place: where things lie.
        out: a new folder for the answer.
        fetched: SHA-256 that `fetched.json` must have, in hex.
        measured: SHA-256 that `measured.json` must have, in hex.
    """
    run = event.workflow_run
    around = Surroundings(
        commit=run.head_sha, run=run.html_url, run_here=here(), app=app_sets_status()
    )
    found = None
    try:
        found = place.fetched(fetched)
        if found.head != run.head_sha:
            raise GatehouseError(f"what was fetched is another commit ({found.head[:12]})")
        if found.target is not None and found.target.pull is not None:
            around = around.with_training(training_files(found.changed))
        around = replace(around, run=found.run or run.html_url)
        if found.stopped is not None:
            return _stopped(found, found.stopped, event, around, place, out)
        numbers = place.measured(measured)
        if numbers.stopped is not None:
            raise GatehouseError(numbers.stopped)
        check_files(place.candidate, found, numbers)
        return _judge(repository, found, numbers, around, place, out)
    except GatehouseError as error:
        return _refuse(str(error), found, around, place, out)


def _stopped(
    found: Fetched,
    stopped: Stopped,
    event: Event,
    around: Surroundings,
    place: Place,
    out: Path,
) -> Judged:
    """The answer where nothing was measured."""
    if stopped.kind == "error":
        return _refuse(stopped.why, found, around, place, out)
    comment, target = None, found.target
    if stopped.kind == "elsewhere" and target is not None:
        bases = load_policy(place.root / POLICY_FILE).bases
        judged = [event.repository.default_branch, *bases]
        comment = unjudged_comment(target.base_branch, judged, around.with_training(None))
    answer = refused(around.commit, stopped.why, _STATES[stopped.kind])
    return _write(answer, found, out, comment)


def _judge(
    repository: Repository,
    found: Fetched,
    measured: Measured,
    around: Surroundings,
    place: Place,
    out: Path,
) -> Judged:
    target, root = found.target, place.root
    if target is None or found.base is None:
        raise GatehouseError("what was fetched names no base")
    try:
        base = base_at(found.base, target, root)
        candidate = Workspace(place.candidate)
        write_origin(candidate, found.origin)
        words = _words(repository, target, base, candidate, measured)
        report = partial(report_on, base=base, measured=measured, run_here=around.run_here,
                         acceptances=words.acceptances,
                         defaults=changed_defaults(found.base, target.head, root))  # fmt: skip
        verdict = report(candidate)
        kept = kept_files(found.files)
        recording.write_digests(candidate, kept)
    except GatehouseError as error:
        # A workflow that failed is the reason, or what can be fixed first.
        raise GatehouseError(f"{found.failed}; {error}" if found.failed else str(error)) from None
    problems = [found.failed] if found.failed else []
    around, unowned = _with_owners(found, base, around, root)
    problems += [*unowned, *_unplain(base, target.head, root), *words.problems]
    if target.pull is not None and base.policy is not None:
        around = around.with_offers(offers(words.before, base.policy, verdict))
    record = bool(words.record) or not recording.is_recorded(
        candidate, verdict, base, target.head, root, place.work / "replay", report
    )
    unrecorded = [*words.unrecorded]
    if record and target.branch is None:
        wanting, forged = _of_strangers(candidate, base, found, kept, root)
        unrecorded += wanting
        problems += forged
        record = target.pull is not None and bool(unrecorded)
    if record:
        recording.write_record(candidate, out / RECORD, verdict.gates)
    # A stranger's files are kept once they pass.
    passes = overall_note(verdict, problems, around.owned).state == "success"
    context = report_context(candidate, verdict, base, f"[the run's artifacts]({around.run_here})")
    texts = {name: text_at(target.head, Path(name), root) or "" for name in FILES}
    judged = Judged(
        head=target.head,
        base=target.base_branch,
        basis=hand_over_verdict(candidate, verdict, base, measured, out).model_copy(
            update={
                "acceptances": words.acceptances,
                "problems": tuple(problems),
                "unrecorded": tuple(unrecorded),
                "owned": {path: tuple(names) for path, names in around.owned.items()},
                "training": around.training,
            }
        ),
        overall=overall_note(verdict, [*problems, *unrecorded], around.owned),
        gates=gate_notes(verdict),
        objects=objects_of(found.files) if target.branch or (record and passes) else {},
        archive=found.artifact,
        record=record,
        notes=find_annotations(context, texts),
        quiet=is_quiet(base.policy, verdict, bool(problems or unrecorded or around.owned)),
    )
    pictured = target.head if is_pictured(verdict, target.head, root) else None
    text = linked_report(context, base.commit, base.policy_text, pictured)
    return _write(judged, found, out, judged_comment(text, [*problems, *unrecorded], around))


def _of_strangers(
    candidate: Workspace, base: Base, found: Fetched, kept: dict[str, str], root: Path
) -> tuple[list[str], list[str]]:
    """What the record on a branch of ours will fix, and what nothing fixes: what is merged must be
    what was judged, and what main once recorded is believed later."""
    assert found.target is not None
    head = found.target.head
    wanting = []
    if recording.recorded_outputs(head, root) != recording.own_outputs(candidate):
        wanting.append(
            "its dvc.lock does not record the data and model that were judged; once all else "
            "passes, the change goes on with its record on a branch of this repository. Or "
            f"commit the dvc.lock that is in the artifact {found.archive} of the run"
        )
    if digests := recording.forged_digests(candidate, head, kept, root):
        wanting.append(digests)
    verdict = recording.forged_verdict(candidate, head, base, root)
    return wanting, [verdict] if verdict else []


def _words(
    repository: Repository, target: Target, base: Base, candidate: Workspace, measured: Measured
) -> Accepted:
    """The owners' words that count; none where the base has no policy that somebody owns."""
    known = of_base(repository, base.commit)
    before = verdict_on(candidate, base, unmeasured=measured.unmeasured, acceptances=known)
    if base.policy is None:
        return Accepted(before, known, {}, (), (), {})
    return find_accepted(repository, target, base.commit, base.policy, before)


def _with_owners(
    found: Fetched, base: Base, around: Surroundings, root: Path
) -> tuple[Surroundings, list[str]]:
    """What of the change belongs to code owners, and why nobody could be asked for it."""
    # GitHub reads CODEOWNERS, so it says what is owned; what should be is another file's to say.
    text = file_at(base.commit, OWNERS_FILE, root)
    border = file_at(base.commit, OWNERSHIP_FILE, root)
    owned = guarded(text or "", found.changed)
    exposed = owned or must_be_guarded(border, found.changed) or not found.whole
    wrong = problem(text, border)
    if not found.whole:
        wrong = f"it changes {LISTED} files or more, and GitHub lists no more; split it"
    return around.with_owners(owned), [wrong] if wrong and exposed else []


def _unplain(base: Base, head: str, root: Path) -> list[str]:
    """Why files of the change may not be where nobody approves them."""
    try:
        border = parse_ownership(file_at(base.commit, OWNERSHIP_FILE, root) or "")
    except GatehouseError:
        return []  # nothing is free then
    return plain_file_problems(base.commit, head, border, root)


def _refuse(
    why: str, found: Fetched | None, around: Surroundings, place: Place, out: Path
) -> Judged:
    why = why.replace(f"{place.candidate}/", "")  # of this machine, and nobody's business
    return _write(refused(around.commit, why), found, out, refused_comment(why, around))


def _write(judged: Judged, found: Fetched | None, out: Path, comment: str | None) -> Judged:
    if found is not None:
        judged = judged.model_copy(update={"pipeline": found.pipeline, "attempt": found.attempt})
    out.mkdir(parents=True, exist_ok=True)
    if comment is not None:
        write_text(out / COMMENT, comment)
    judged.write(out / JUDGED)
    return judged
