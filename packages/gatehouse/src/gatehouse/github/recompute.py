"""The verdict recomputed by the job with write access, from the evidence it receives.

*Judge* opens untrusted files in native libraries, so an attacker may control its output. It reports
the measured numbers. Their consequences are recomputed here, by the policy of the base that this
job finds itself, and any other outcome is rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.offer import Offer, offers
from gatehouse.acceptance.record import FOLDER
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, evidence_path, read_evidence
from gatehouse.gates.own import gates_of
from gatehouse.github.accepting import Accepted, find_accepted, of_base
from gatehouse.github.blobs import text_of, tip_of
from gatehouse.github.checks import Checks, checks_of
from gatehouse.github.notes import gate_notes, overall_note
from gatehouse.judge import Case, judge
from gatehouse.policy import POLICY_FILE, Policy, parse_policy
from gatehouse.report.annotations import Annotation
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import plain
from gatehouse.report.links import links_beside
from gatehouse.trusted.judgement import EVIDENCE, RECORD, VERDICT, Basis, Judgement, Note
from gatehouse.trusted.merge_target import MergeTarget
from gatehouse.verdict import Verdict

if TYPE_CHECKING:
    from github.Repository import Repository

MOST_BYTES = 16_000_000
"""Maximum size of one received file."""

_COPIED = ("policy_changes", "contract_changes", "waivers", "proposed")
"""Fields of a verdict about the proposal's own policy and contract, which this job doesn't read."""


@dataclass(frozen=True)
class Recomputed:
    """The recomputed answer.

    Attributes:
        judged: with the statuses that its verdict gives.
        verdict: with the acceptances that count now, and *Judge*'s statements on the proposal.
        accepted: those acceptances, and the files that record them.
        evidence: the evidence of the verdict.
        changed: whether the verdict differs from the one that *Judge* provided.
        problems: what blocks the merge besides the verdict.
        unrecorded: problems that a record on a branch of this repository would fix.
        offers: what an owner may still accept.
        policy: the text of the deciding policy.
        basis: the other inputs of the verdict.
        checks: state of checks and tests on the judged commit.
    """

    judged: Judgement
    verdict: Verdict
    accepted: Accepted
    evidence: Mapping[str, Evidence | str]
    changed: bool
    problems: tuple[str, ...]
    unrecorded: tuple[str, ...]
    offers: tuple[Offer, ...]
    policy: str
    basis: Basis
    checks: Checks

    @property
    def with_record(self) -> Note:
        """Return the required status of a commit that also has the record."""
        return overall_note(self.verdict, self.problems, self.basis.owned)

    def context(self, full_report: str) -> ReportContext:
        """Return the data for the report on the verdict; `full_report` is Markdown."""
        return ReportContext(
            verdict=self.verdict,
            evidence=self.evidence,
            params=self.basis.params,
            base_params=self.basis.base_params,
            base_label=self.basis.base_label,
            full_report=full_report,
            gates=gates_of(parse_policy(self.policy, POLICY_FILE)),
            links=links_beside(self.policy),
        )


def recompute(
    repository: Repository, target: MergeTarget, judged: Judgement, folder: Path, default: str
) -> Recomputed:
    """Recompute the verdict on the judging job's measurements and check that the two agree.

    Comments count as they are now: an owner may have accepted something since, or revoked it.
    Checks and tests also count as they are now; if they did not pass, that is a problem.

    Args:
        repository: accessed with a token that may read actions, contents and pull requests.
        target: the target, as this job found it.
        judged: the answer.
        folder: from the judging job.
        default: the default branch.

    Raises:
        GatehouseError: the answer contradicts its evidence, the base is not the one that counts, or
            a file is missing, too large or broken.
    """
    if judged.basis is None:
        raise GatehouseError("the answer names no evidence")
    text, policy = _policy(repository, target, judged.basis)
    claimed = Verdict.parse(_text(folder / VERDICT), VERDICT)
    case = Case(
        evidence=_evidence(folder / EVIDENCE, judged.basis, policy.gate_names),
        candidate=claimed.candidate,
        base=claimed.base,
        today=datetime.now(UTC).date(),
        acceptances=judged.basis.acceptances,
        gates=gates_of(policy),
    )
    _same_verdict(claimed, judge(case, policy, claimed.policy_from))
    _same_statuses(judged, claimed)
    if judged.record:
        _same_record(folder, policy.gate_names)
    tip = judged.basis.base
    case = replace(case, acceptances=of_base(repository, tip))
    before = judge(case, policy, claimed.policy_from)
    accepted = find_accepted(repository, target, tip, policy, before)
    now = judge(replace(case, acceptances=accepted.acceptances), policy, claimed.policy_from)
    copied = {field: getattr(claimed, field) for field in _COPIED}
    verdict = now.model_copy(update=copied)
    checks = checks_of(repository, target, judged.head, default)
    problems = [checks.problem] if checks.problem else []
    problems += [*_others(judged.basis.problems), *accepted.problems]
    unrecorded = [*_others(judged.basis.unrecorded), *accepted.unrecorded]
    if target.branch is not None:
        unrecorded = []  # the change continued on a branch that has the record
    updated = judged.model_copy(
        update={
            "overall": overall_note(verdict, [*problems, *unrecorded], judged.basis.owned),
            "gates": gate_notes(verdict),
            "notes": _standing(judged.notes, verdict),
        }
    )
    return Recomputed(
        judged=updated,
        verdict=verdict,
        accepted=accepted,
        evidence=case.evidence,
        changed=verdict != claimed,
        problems=tuple(problems),
        unrecorded=tuple(unrecorded),
        offers=offers(before, policy, verdict) if target.pull is not None else (),
        policy=text,
        basis=judged.basis,
        checks=checks,
    )


def _standing(notes: Iterable[Annotation], verdict: Verdict) -> tuple[Annotation, ...]:
    """Return the annotations without failures that an owner has accepted since."""
    blocking = {result.rule for result in verdict.rules if result.blocks}
    return tuple(each for each in notes if each.level != "failure" or each.title in blocking)


def _others(problems: Iterable[str]) -> list[str]:
    """Return the problems without those of the acceptances, which are checked again."""
    return [each for each in problems if not each.startswith(f"{FOLDER}/")]


def _policy(repository: Repository, target: MergeTarget, basis: Basis) -> tuple[str, Policy]:
    """Return the policy at the branch's tip, as text and parsed; it must be the judged base's."""
    tip = tip_of(repository, target.base_branch)
    if not tip == basis.base == (target.base or tip):
        raise GatehouseError(
            f"{plain(target.base_branch, 40)} is at {tip[:12]}, and judged by was "
            f"{basis.base[:12]}; update the branch, or run Gates again"
        )
    text = text_of(repository, tip, POLICY_FILE)
    if text is None:
        raise GatehouseError(f"the base {tip[:12]} has no {POLICY_FILE}, so nothing is green")
    return text, parse_policy(text, f"{POLICY_FILE} of {tip[:12]}")


def _evidence(folder: Path, basis: Basis, gates: Iterable[str]) -> dict[str, Evidence | str]:
    found: dict[str, Evidence | str] = {}
    for gate in gates:
        path = evidence_path(folder, gate)
        if path.exists() or path.is_symlink():
            _text(path)
            found[gate] = read_evidence(path, gate)
    return found | basis.unmeasured


def _text(path: Path) -> str:
    """Return the text of a small regular file."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise GatehouseError(f"{path.name}: is no file of at most 16 MB")
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GatehouseError(f"{path.name}: cannot be read as UTF-8 text ({error})") from None


def _same_verdict(claimed: Verdict, verdict: Verdict) -> None:
    """Check that two verdicts agree, except on the proposal's own policy and contract."""
    if claimed.policy != verdict.policy:
        raise GatehouseError("another policy than the base's was judged by")
    _equal("outcome", claimed.outcome.value, verdict.outcome.value)
    _equal("number of rules", len(claimed.rules), len(verdict.rules))
    for before, after in zip(claimed.rules, verdict.rules, strict=True):
        name = f"rule {plain(after.rule, 60)}"
        _equal(f"{name}: outcome", before.outcome.value, after.outcome.value)
        _equal(f"{name}: number of findings", len(before.findings), len(after.findings))
        if before != after:
            raise GatehouseError(f"{name}: the answer does not say what the evidence does")
    if claimed.errors != verdict.errors:
        raise GatehouseError("the answer does not tell the evidence's errors")


def _same_statuses(judged: Judgement, claimed: Verdict) -> None:
    assert judged.basis is not None, "else there is no verdict"
    if judged.gates != gate_notes(claimed):
        raise GatehouseError("the statuses of the gates are not what the evidence says")
    basis = judged.basis
    if judged.overall != overall_note(claimed, [*basis.problems, *basis.unrecorded], basis.owned):
        raise GatehouseError("the status says something else than the gates do")


def _same_record(folder: Path, gates: Iterable[str]) -> None:
    """Check that the recorded evidence and verdict are those that were recomputed here."""
    record = folder / RECORD / "reports"
    pairs = [(record / "verdict.json", folder / VERDICT)]
    pairs += [
        (evidence_path(record / "evidence", gate), evidence_path(folder / EVIDENCE, gate))
        for gate in gates
    ]
    for recorded, handed_over in pairs:
        if recorded.exists() != handed_over.exists() or (
            recorded.exists() and _text(recorded) != _text(handed_over)
        ):
            raise GatehouseError(f"the record has another {recorded.name} than was judged")


def _equal(what: str, claimed: object, found: object) -> None:
    if claimed != found:
        raise GatehouseError(f"{what}: the answer says {claimed}, its evidence {found}")
