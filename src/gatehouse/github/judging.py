"""The trusted judging of a run: candidate in as data, `judged.json` and what it names out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.offer import offers
from gatehouse.base import Base
from gatehouse.base import write_record as write_base
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate
from gatehouse.git import file_at
from gatehouse.github import recording
from gatehouse.github.accepting import Accepted, find_accepted, of_base
from gatehouse.github.archive import download, find_archive, unpack
from gatehouse.github.bases import status_of
from gatehouse.github.basis import base_of, bring_base, counted_since, hand_over
from gatehouse.github.candidate import complete
from gatehouse.github.client import app_sets_status, here, telling
from gatehouse.github.compose import (
    Surroundings,
    judged_comment,
    refused_comment,
    training_files,
    unjudged_comment,
)
from gatehouse.github.event import Event
from gatehouse.github.fetch import fetch
from gatehouse.github.judged import COMMENT, JUDGED, RECORD, Judged, refused
from gatehouse.github.keep import digests
from gatehouse.github.measuring import measure_all
from gatehouse.github.notes import gate_notes, overall_note
from gatehouse.github.owners import (
    OWNERS_FILE,
    guarded,
    must_be_guarded,
    needs_review,
    problem,
)
from gatehouse.github.plain_files import plain_file_problems
from gatehouse.github.reporting import hand_over_verdict, report_on
from gatehouse.github.target import Target, find_target
from gatehouse.github.workflow import workflow_problem
from gatehouse.judging import verdict_on
from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.ownership import parse as parse_ownership
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.escape import plain
from gatehouse.run import REPORT
from gatehouse.typed import read_text, write_text
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    from github.Repository import Repository

LISTED = 3000
"""Files of a pull request that GitHub's API lists at most."""


@dataclass(frozen=True)
class Place:
    """Where things lie: the trusted checkout, a new folder to work in, a new folder of results."""

    root: Path
    work: Path
    out: Path

    @property
    def candidate(self) -> Path:
        return self.work / "candidate"


@dataclass(frozen=True)
class ChangedFiles:
    """What a pull request changes.

    Attributes:
        names: of the files, of a renamed one both.
        whole: are these all, or did GitHub stop listing?
    """

    names: tuple[str, ...]
    whole: bool


def judge_run(repository: Repository, event: Event, place: Place, limit: int) -> Judged:
    """Judge what the run made, and write the answer into `place.out`.

    Args:
        repository: as a read-only token sees it.
        event: the run of "Pull request" that ended.
        place: where things lie.
        limit: megabytes that a candidate may have.
    """
    run = event.workflow_run
    around = Surroundings(
        commit=run.head_sha, run=run.html_url, run_here=here(), app=app_sets_status()
    )
    try:
        target = find_target(repository, event)
        if target is None:
            why = "no open pull request has this commit as its head any more"
            return _write(refused(run.head_sha, why, "error"), place)
        bases = load_policy(place.root / POLICY_FILE).bases
        default = event.repository.default_branch
        if status_of(target.base_branch, default, bases) is None:
            why = f"goes into {plain(target.base_branch, 40)}, which has no gates"
            comment = unjudged_comment(target.base_branch, [default, *bases], around)
            return _write(refused(run.head_sha, why, "pending"), place, comment)
        if target.draft:
            why = "a draft is not judged; mark it as ready for review"
            return _write(refused(run.head_sha, why, "pending"), place)
        files = _changed_files(repository, target)
        around = around.with_training(training_files(files.names) if target.pull else None)
        return _judge(repository, event, target, files, around, place, limit)
    except GatehouseError as error:
        return _refuse(str(error), around, place)


def _judge(
    repository: Repository,
    event: Event,
    target: Target,
    files: ChangedFiles,
    around: Surroundings,
    place: Place,
    limit: int,
) -> Judged:
    failed = workflow_problem(repository, event.workflow_run)
    try:
        archive = find_archive(repository, event.workflow_run.id)
        download(archive, place.work / "candidate.zip", limit)
        unpack(place.work / "candidate.zip", place.candidate, limit)
        base = base_of(target, place.root)
        fetch(target.head, place.root)
        complete(place.candidate, target.head, place.root)
        bring_base(base, repository, place.root, limit)
        base = counted_since(base, place.candidate, repository, place.root, limit)
        hand_over(base, place.root, place.candidate)
        entry = target.head if target.pull is None else None
        reviewed = needs_review(files.names, base.commit, entry, place.root)
        write_base(base.record.model_copy(update={"reviewed": reviewed}), place.candidate)
        unmeasured = measure_all(place.candidate)
        candidate = Workspace(place.candidate)
        words = _words(repository, target, base, candidate, unmeasured)
        report = partial(report_on, base=base, unmeasured=unmeasured, run_here=around.run_here,
                         acceptances=words.acceptances)  # fmt: skip
        verdict = report(candidate)
    except GatehouseError as error:
        # A workflow that failed is the reason, or what can be mended first.
        raise GatehouseError(f"{failed}; {error}" if failed else str(error)) from None
    problems = [failed] if failed else []
    around, unowned = _with_owners(files, base, around, place.root)
    problems += [*unowned, *_unplain(base, target.head, place.root), *words.problems]
    if target.pull is not None and base.policy is not None:
        around = around.with_offers(offers(words.before, base.policy, verdict))
    record = bool(words.record) or not recording.is_recorded(
        candidate, verdict, base, target.head, place.root, place.work / "replay", report
    )
    if record and target.branch is None:
        # Nobody can record it for them, and what merges must be what was judged.
        recorded = recording.recorded_outputs(target.head, place.root)
        if recorded != recording.own_outputs(candidate):
            problems.append(
                "its dvc.lock does not record the data and model that were judged; commit the "
                f"dvc.lock that is in the artifact {archive.name} of the run"
            )
        record = False
    if record:
        recording.write_record(candidate, place.out / RECORD)
    judged = Judged(
        head=target.head,
        base=target.base_branch,
        basis=hand_over_verdict(candidate, verdict, base, unmeasured, place.out).model_copy(
            update={
                "acceptances": words.acceptances,
                "problems": tuple(problems),
                "owned": {path: tuple(names) for path, names in around.owned.items()},
                "training": around.training,
            }
        ),
        overall=overall_note(verdict, problems, around.owned),
        gates=gate_notes(verdict),
        objects=digests(place.candidate) if target.branch else {},
        record=record,
    )
    text = read_text(place.candidate / REPORT)
    around = around.with_record(record)
    return _write(judged, place, judged_comment(text, problems, around))


def _words(
    repository: Repository,
    target: Target,
    base: Base,
    candidate: Workspace,
    unmeasured: Mapping[Gate, str],
) -> Accepted:
    """The owners' words that count; none where the base has no policy that somebody owns."""
    known = of_base(repository, base.commit)
    before = verdict_on(candidate, base, unmeasured=unmeasured, acceptances=known)
    if base.policy is None:
        return Accepted(before, known, {}, (), {})
    return find_accepted(repository, target, base.commit, base.policy, before)


def _changed_files(repository: Repository, target: Target) -> ChangedFiles:
    """The files that the pull request changes; of an entry of the queue none."""
    if target.pull is None:
        return ChangedFiles((), whole=True)
    with telling("list the files of the pull request"):
        files = list(repository.get_pull(target.pull).get_files())
    names = [file.filename for file in files]
    names += [file.previous_filename for file in files if file.previous_filename]
    return ChangedFiles(tuple(names), whole=len(files) < LISTED)


def _with_owners(
    files: ChangedFiles, base: Base, around: Surroundings, root: Path
) -> tuple[Surroundings, list[str]]:
    """What of the change belongs to code owners, and why nobody could be asked for it."""
    # GitHub reads CODEOWNERS, so it says what is owned; what should be is another file's to say.
    text = file_at(base.commit, OWNERS_FILE, root)
    border = file_at(base.commit, OWNERSHIP_FILE, root)
    owned = guarded(text or "", files.names)
    exposed = owned or must_be_guarded(border, files.names) or not files.whole
    wrong = problem(text, border)
    if not files.whole:
        wrong = f"it changes {LISTED} files or more, and GitHub lists no more; split it"
    return around.with_owners(owned), [wrong] if wrong and exposed else []


def _unplain(base: Base, head: str, root: Path) -> list[str]:
    """Why files of the change may not stand where nobody approves them."""
    try:
        border = parse_ownership(file_at(base.commit, OWNERSHIP_FILE, root) or "")
    except GatehouseError:
        return []  # nothing is free then
    return plain_file_problems(base.commit, head, border, root)


def _refuse(why: str, around: Surroundings, place: Place) -> Judged:
    why = why.replace(f"{place.candidate}/", "")  # of this machine, and nobody's business
    return _write(refused(around.commit, why), place, refused_comment(why, around))


def _write(judged: Judged, place: Place, comment: str | None = None) -> Judged:
    place.out.mkdir(parents=True, exist_ok=True)
    if comment is not None:
        write_text(place.out / COMMENT, comment)
    judged.write(place.out / JUDGED)
    return judged
