"""The judging step: reads the fetched and measured files, and writes `judged.json` and its files.

It has a token, to read owners' comments, but no key. It opens no table and no graph: it reads only
evidence, settings and digests of the candidate.
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
from gatehouse.github.accepting import Accepted, find_accepted, of_base
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
from gatehouse.github.keep import kept_files, objects_of
from gatehouse.github.linked import linked_report
from gatehouse.github.notes import gate_notes, overall_note
from gatehouse.judge_files import verdict_on
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.annotations import FILES, find_annotations
from gatehouse.run import report_context
from gatehouse.trusted import recording
from gatehouse.trusted.basis import base_at
from gatehouse.trusted.candidate import text_at
from gatehouse.trusted.handover import Fetched, Measured, Place, Stopped, check_files
from gatehouse.trusted.judgement import (
    COMMENT,
    JUDGED,
    RECORD,
    Judgement,
    State,
    refused,
)
from gatehouse.trusted.merge_problems import odd_files, owned_files, unrecorded_results
from gatehouse.trusted.merge_target import MergeTarget
from gatehouse.trusted.model_origin import write_origin
from gatehouse.trusted.reporting import hand_over_verdict, report_on
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
) -> Judgement:
    """Judge the measurements, and write the answer into `out`.

    Args:
        repository: accessed with a read-only token.
        event: of a run of "Pipeline" that ended.
        place: the folders to use.
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
) -> Judgement:
    """Write the answer if nothing was measured."""
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
) -> Judgement:
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
        # A failed workflow is the cause, or should be fixed first.
        raise GatehouseError(f"{found.failed}; {error}" if found.failed else str(error)) from None
    problems = [found.failed] if found.failed else []
    owned, unowned = owned_files(found, base, root)
    around = around.with_owners(owned)
    problems += [*unowned, *odd_files(base, target.head, root), *words.problems]
    if target.pull is not None and base.policy is not None:
        around = around.with_offers(offers(words.before, base.policy, verdict))
    record = bool(words.record) or not recording.is_recorded(
        candidate, verdict, base, target.head, root, place.work / "replay", report
    )
    unrecorded = [*words.unrecorded]
    if record and target.branch is None:
        wanting, forged = unrecorded_results(candidate, base, found, kept, root)
        unrecorded += wanting
        problems += forged
        record = target.pull is not None and bool(unrecorded)
    if record:
        recording.write_record(candidate, out / RECORD, verdict.gates)
    # Untrusted files are kept only if they pass.
    passes = overall_note(verdict, problems, around.owned).state == "success"
    context = report_context(candidate, verdict, base, f"[the run's artifacts]({around.run_here})")
    texts = {name: text_at(target.head, Path(name), root) or "" for name in FILES}
    judged = Judgement(
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


def _words(
    repository: Repository,
    target: MergeTarget,
    base: Base,
    candidate: Workspace,
    measured: Measured,
) -> Accepted:
    """Return the acceptances that count; none if the base has no policy with an owner."""
    known = of_base(repository, base.commit)
    before = verdict_on(candidate, base, unmeasured=measured.unmeasured, acceptances=known)
    if base.policy is None:
        return Accepted(before, known, {}, (), (), {})
    return find_accepted(repository, target, base.commit, base.policy, before)


def _refuse(
    why: str, found: Fetched | None, around: Surroundings, place: Place, out: Path
) -> Judgement:
    why = why.replace(f"{place.candidate}/", "")  # a path on this machine is private
    return _write(refused(around.commit, why), found, out, refused_comment(why, around))


def _write(judged: Judgement, found: Fetched | None, out: Path, comment: str | None) -> Judgement:
    if found is not None:
        judged = judged.model_copy(update={"pipeline": found.pipeline, "attempt": found.attempt})
    out.mkdir(parents=True, exist_ok=True)
    if comment is not None:
        write_text(out / COMMENT, comment)
    judged.write(out / JUDGED)
    return judged
