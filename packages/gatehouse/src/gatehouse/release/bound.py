"""Check that the files from a build belong to the commit that is checked out here.

The job that builds opens models and tables in native code, so the signing job does not trust its
claims. The signing job reads policy, contract, machinery and the digests of data and model from the
commit, hashes the files, and judges the evidence again.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from gatehouse.acceptance.record import read_folder
from gatehouse.base import LOCK
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.digest import dvc_md5
from gatehouse.evidence import Subject
from gatehouse.gates.own import gates_of
from gatehouse.git import commit_of, file_at
from gatehouse.judge import Case, judge
from gatehouse.judge_files import read_all_evidence
from gatehouse.policy import POLICY_FILE, Policy, load_policy
from gatehouse.release.judge_commit import check_code, export
from gatehouse.release.machinery import check_machinery, machinery_digest
from gatehouse.release.result import LABEL_COMMIT, LABEL_MACHINERY, Release
from gatehouse.release.signing import RefusedError
from gatehouse.trusted.candidate import OUTPUTS, outputs_of
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace


def check_bound(release: Release, root: Path, on: date) -> None:
    """Refuse a release that does not fit HEAD of the checkout at `root`.

    Args:
        release: one that passed `check_release`.
        root: the checkout; no data and no models need to be there.
        on: the date (UTC) on which waivers are checked.

    Raises:
        RefusedError: commit, policy, contract, data, model, verdict or machinery differ; the text
            says which.
        GatehouseError: a file of either is missing or unreadable, or the checkout's code was
            changed.
    """
    commit, labels = commit_of("HEAD", root), release.image.labels
    check_code(root)
    _same("commit", "the image", labels.get(LABEL_COMMIT), "HEAD", commit)
    _check_plain(release.folder)
    with tempfile.TemporaryDirectory(prefix="gatehouse-bound-") as work:
        files = Path(work) / "commit"
        export(root, commit, files)
        policy = load_policy(files / POLICY_FILE)
        verdict = Verdict.read(release.verdict)
        _same("policy", "the verdict", verdict.policy, "HEAD", policy.digest)
        candidate = _candidate(release, verdict.candidate, files, commit, root)
        _check_subject(verdict.candidate, candidate, commit, root)
        case = Case(
            evidence=read_all_evidence(Workspace(release.candidate).evidence, policy.gate_names),
            candidate=candidate,
            base=None,
            today=on,
            acceptances=read_folder(files),  # as HEAD records them
            gates=gates_of(policy),
        )
        _check_verdict(verdict, case, policy)
        digest = machinery_digest(root, commit)
        _same("machinery", "the image", labels.get(LABEL_MACHINERY), "HEAD", digest)
        check_machinery(release.image, files)


def _check_plain(folder: Path) -> None:
    """Refuse links, through which a file of this machine could replace a file from the build."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise RefusedError(f"{path}: is a link; a release consists of plain files")


def _candidate(release: Release, judged: Subject, files: Path, commit: str, root: Path) -> Subject:
    """Return the digests of the build's data and models, and of the commit's contract.

    Raises:
        RefusedError: a file is missing, or differs from the record in the commit's `dvc.lock`.
    """
    recorded = outputs_of(file_at(commit, LOCK, root), f"{LOCK} of {commit[:12]}")
    for path in OUTPUTS:
        name, here = path.as_posix(), release.candidate / path
        if not here.exists():
            raise RefusedError(f"{name}: is missing from the release; build again: make image")
        _same(f"{name} (MD5)", "the file handed over", dvc_md5(here), str(LOCK), recorded.get(name))
    contract = load_contract(files / CONTRACT_FILE).digest
    # Prepared rows follow from the raw ones; splitting them here would open untrusted tables.
    found = Workspace(release.candidate).present()
    return found.model_copy(update={"contract": contract, "data": judged.data})


def _check_subject(judged: Subject, candidate: Subject, commit: str, root: Path) -> None:
    """Compare by SHA-256, because the MD5 in `dvc.lock` can be made to collide.

    Args:
        judged: as the build's verdict says.
        candidate: as computed here.
        commit: the commit whose recorded verdict, if any, must describe the same files.
        root: the repository.
    """
    text = file_at(commit, VERDICT, root)
    name = f"{VERDICT.as_posix()} of HEAD"
    recorded = Verdict.parse(text, name).candidate if text else candidate
    for field in Subject.model_fields:
        here = getattr(candidate, field)
        _same(field, "the verdict", getattr(judged, field), "HEAD and the files", here)
        _same(field, "the files handed over", here, name, getattr(recorded, field))


def _check_verdict(verdict: Verdict, case: Case, policy: Policy) -> None:
    """Judge the build's evidence again, and check that the verdict follows from it."""
    again = judge(case, policy, str(POLICY_FILE))
    if again == verdict:
        return
    before = {result.rule: result for result in verdict.rules}
    after = {result.rule: result for result in again.rules}
    rules = sorted(name for name in before | after if before.get(name) != after.get(name))
    fields = [
        name for name in Verdict.model_fields if getattr(again, name) != getattr(verdict, name)
    ]
    raise RefusedError(
        f"verdict: does not follow from the evidence and {POLICY_FILE} of HEAD; they differ in "
        f"{', '.join(rules or fields)}"
    )


def _same(what: str, where: str, found: object, other: str, wanted: object) -> None:
    if found != wanted:
        raise RefusedError(
            f"{what}: {where}: {_short(found)}, {other}: {_short(wanted)}; "
            "build the commit that is checked out (make image)"
        )


def _short(digest: object) -> str:
    return str(digest or "none").removeprefix("sha256:")[:12]
