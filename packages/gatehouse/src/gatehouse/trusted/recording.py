"""Files that a pull request's branch records of its run: lock, evidence, verdict and report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from gatehouse.base import BASE_FILE, LOCK, Base
from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.evidence import TIMED, Evidence, evidence_path, read_evidence
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.git import git
from gatehouse.lock import relock
from gatehouse.recorded import RECORDED, Recorded, recorded_for
from gatehouse.released import ACCURACY_EVIDENCE, gain
from gatehouse.run import CARD, PICTURE, REPORT
from gatehouse.trusted.candidate import OUTPUTS, outputs_of, text_at
from gatehouse.typed import read_text, write_text
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import EVIDENCE, VERDICT, Workspace

TRAIN = Path("reports/train")

"""Prefix of the names of measured times."""


def own_outputs(candidate: Workspace) -> dict[str, str]:
    """Return the MD5 of the data and models in the candidate's folder."""
    here = [path for path in OUTPUTS if (candidate.root / path).exists()]
    return {path.as_posix(): dvc_md5(candidate.root / path) for path in here}


def recorded_outputs(commit: str, root: Path) -> dict[str, str]:
    """Return the MD5 of the data and models that a commit records.

    Raises:
        GatehouseError: its lock is unreadable.
    """
    return outputs_of(text_at(commit, LOCK, root), f"dvc.lock of {commit[:12]}")


def write_digests(candidate: Workspace, files: Mapping[str, str]) -> None:
    """Store which bytes were judged; `files` has the SHA-256 of the files of data and models."""
    record = Recorded(outs=own_outputs(candidate), files=dict(files))
    record.write(candidate.root / RECORDED)


def forged_digests(
    candidate: Workspace, commit: str, files: Mapping[str, str], root: Path
) -> str | None:
    """Return why a commit that is not recorded by us may not bring its `reports/digests.json`."""
    recorded = recorded_for(text_at(commit, RECORDED, root), own_outputs(candidate))
    if recorded is None or recorded == dict(files):
        return None
    return (
        f"its {RECORDED.as_posix()} names other files than were judged; take the file back "
        "(git checkout origin/main -- reports/digests.json)"
    )


def forged_verdict(candidate: Workspace, commit: str, base: Base, root: Path) -> str | None:
    """Return why a commit that is not recorded by us may not bring its `reports/verdict.json`.

    Verdicts in commits of the default branch count as recorded from then on
    (`gatehouse.trusted.past`). The file must therefore be the base's or name the data and model of
    this run.
    """
    try:
        text = text_at(commit, VERDICT, root)
        if text is None or text == text_at(base.commit, VERDICT, root):
            return None
        if Verdict.parse(text, VERDICT).candidate.pair == candidate.present().pair:
            return None
        why = "names other data or another model than were judged"
    except GatehouseError:
        why = "can't be read"
    name = VERDICT.as_posix()
    return f"its {name} {why}; take the file back (git checkout origin/main -- {name})"


def forged_evidence(candidate: Workspace, commit: str, base: Base, root: Path) -> str | None:
    """Return why a commit that is not recorded by us may not bring its accuracy evidence.

    The differences in commits of the default branch find the best released model
    (`gatehouse.released`), and their questions count (`gatehouse.sealed`). The file must therefore
    be the base's or tell both as they were measured in this run.
    """
    try:
        text = text_at(commit, ACCURACY_EVIDENCE, root)
        if text is None or text == text_at(base.commit, ACCURACY_EVIDENCE, root):
            return None
        brought = Evidence.parse(text, ACCURACY_EVIDENCE)
        measured = read_evidence(candidate.root / ACCURACY_EVIDENCE, ACCURACY.name)
        contract = base.contract or candidate.contract
        if (gain(contract, brought), brought.asked) == (gain(contract, measured), measured.asked):
            return None
        why = "tells another difference from the base, or other questions, than were measured"
    except GatehouseError:
        why = "can't be read"
    name = ACCURACY_EVIDENCE.as_posix()
    return f"its {name} {why}; take the file back (git checkout origin/main -- {name})"


def is_recorded(
    candidate: Workspace,
    verdict: Verdict,
    base: Base,
    commit: str,
    checkout: Path,
    work: Path,
    report: Callable[[Workspace], Verdict],
) -> bool:
    """Return whether the commit already records this run, apart from timings of the same models.

    All other files must be there byte for byte; files that the branch itself brings are no record.

    Args:
        candidate: the candidate with data, models, new evidence and the files made from it.
        verdict: the verdict on it.
        base: the commit that it was compared with.
        commit: the head.
        checkout: the trusted checkout, which has the commit.
        work: a new folder.
        report: judges a folder with evidence and writes the files made from it.
    """
    outputs = own_outputs(candidate)
    try:
        if outputs != recorded_outputs(commit, checkout):
            return False
        is_the_base = base.record.outputs is not None and (
            outputs == recorded_outputs(base.commit, checkout)
            and _reports(commit, checkout) == _reports(base.commit, checkout)
        )
        if is_the_base:
            return True  # data, models and the files about them
        replay = _with_times_of(commit, candidate, checkout, work, verdict.gates)
        if _outcomes(report(replay)) != _outcomes(verdict):
            return False
        return all(
            text_at(commit, path, checkout) == read_text(replay.root / path)
            for path in _made(replay.root, verdict.gates)
        )
    except GatehouseError:
        return False


def _made(folder: Path, gates: Iterable[str]) -> list[Path]:
    """Return the files that the judging made in the candidate's `folder`."""
    paths = [
        BASE_FILE,
        RECORDED,
        VERDICT,
        REPORT,
        PICTURE,
        CARD,
        *(evidence_path(EVIDENCE, gate) for gate in gates),
    ]
    return [path for path in paths if (folder / path).exists()]


def _reports(commit: str, checkout: Path) -> str:
    return git("ls-tree", "-r", commit, "--", "reports/", root=checkout)


def _with_times_of(
    commit: str, candidate: Workspace, checkout: Path, work: Path, gates: Iterable[str]
) -> Workspace:
    """Return the candidate with the commit's timings if these are of the same models."""
    work.mkdir(parents=True)
    for path in candidate.root.iterdir():
        if path.name == "reports":
            shutil.copytree(path, work / path.name)
        else:
            (work / path.name).symlink_to(path.resolve())
    for gate in gates:
        path = evidence_path(EVIDENCE, gate)
        if not (work / path).exists():
            continue
        new = read_evidence(work / path, gate)
        if new == _without_times(new):
            continue
        write_text(work / path, text_at(commit, path, checkout) or "")
        if _without_times(read_evidence(work / path, gate)) != _without_times(new):
            raise GatehouseError("the commit has the timings of other models")
    return Workspace(work)


def _without_times(evidence: Evidence) -> Evidence:
    kept = tuple(
        m.model_copy(update={"value": 0.0, "interval": None})
        if m.name.startswith(TIMED) and m.value is not None
        else m
        for m in evidence.measurements
    )
    return evidence.model_copy(update={"measurements": kept})


def _outcomes(verdict: Verdict) -> tuple[Outcome, dict[str, Outcome]]:
    return verdict.outcome, {result.rule: result.outcome for result in verdict.rules}


def write_record(candidate: Workspace, folder: Path, gates: Iterable[str]) -> None:
    """Copy the files that the branch records into `folder`, with a lock that fits them.

    Raises:
        GatehouseError: the candidate's lock is unreadable.
    """
    paths = _made(candidate.root, gates)
    paths += sorted(
        path.relative_to(candidate.root)
        for path in (candidate.root / TRAIN).rglob("*")
        if path.is_file()
    )
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((candidate.root / path).read_bytes())
    made = [path.as_posix() for path in paths if path.parts[:2] != TRAIN.parts]
    text = relock(
        read_text(candidate.root / LOCK), candidate.root, made, "the candidate's dvc.lock"
    )
    write_text(folder / LOCK, text)
