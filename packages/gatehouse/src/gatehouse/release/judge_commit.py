"""Judge a commit again from new measurements, without trusting any stored verdict.

Any pull request may have changed the reports in Git, so a release does not use them. The commit's
files come from Git. Its data and models come from the checkout, where each must match the commit's
`dvc.lock`. The checkout's code judges and builds, so it must be the commit's code too.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import LOCK
from gatehouse.draws import draws_of
from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of, file_at, git
from gatehouse.judge_files import verdict_on
from gatehouse.places import PACKAGE, is_library_of
from gatehouse.release.machinery import machinery_digest
from gatehouse.release.settled_verdict import settled
from gatehouse.release.tools import announce
from gatehouse.trusted.candidate import OUTPUTS, check_outputs
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL, VERDICT, Workspace

REPORTS = Path("reports")
PIPELINE = "src/pipeline"
"""Training code, which a change may edit without an owner: not part of a release."""
_CODE = ("packages", "vendor", "src", "bentofile.yaml", "requirements", "pyproject.toml")
_SHOWN = 5
"""Maximum number of changed files that an error names."""


@dataclass(frozen=True)
class JudgedCommit:
    """A commit and its verdict.

    Attributes:
        commit: its hash.
        time: when it was committed, in seconds since 1970.
        folder: its files, data, models and new evidence; if it passes, also its model card and the
            settled verdict.
        verdict: by the commit's own policy, without a base: the gates made the comparisons.
        machinery: digest of the judging code and of the image's sources.
    """

    commit: str
    time: int
    folder: Path
    verdict: Verdict
    machinery: str

    @property
    def passes(self) -> bool:
        return self.verdict.outcome is Outcome.PASS

    @property
    def model(self) -> Path:
        """The judged graph, which is served."""
        return self.folder / MODEL


def judge_commit(root: Path, folder: Path) -> JudgedCommit:
    """Measure and judge HEAD of the checkout at `root`.

    Args:
        root: the checkout, with the commit's data and models.
        folder: a new folder for the commit's files and the measurements.

    Raises:
        GatehouseError: the running code is not the commit's, the commit records no run, or its data
            and models are not here.
    """
    # Imported here: the signing job uses this module to check code, and has no graph library.
    from gatehouse.trusted.measuring import measure_all
    from gatehouse.trusted.reporting import make_card

    commit = commit_of("HEAD", root)
    check_code(root)
    if file_at(commit, LOCK, root) is None:
        raise GatehouseError(
            f"{LOCK} is not in HEAD: there is no recorded model to release; "
            "run `make run`, then commit dvc.lock and reports/"
        )
    export(root, commit, folder)
    _bring_outputs(root, folder)
    announce(f"measure and judge {commit[:12]}")
    # The verdict reports which gates could not measure, and why; the others are measured here.
    measured = measure_all(folder, draws_of(Workspace(folder)))
    verdict = verdict_on(Workspace(folder), unmeasured=measured.unmeasured)
    time = int(git("show", "--no-patch", "--format=%ct", commit, root=root))
    if verdict.outcome is Outcome.PASS:
        make_card(Workspace(folder), measured)
        settled(verdict).write(folder / VERDICT)
    return JudgedCommit(commit, time, folder, verdict, machinery_digest(root, commit))


def check_code(root: Path) -> None:
    """Refuse code that is not the commit's: no record would show which code judged.

    Raises:
        GatehouseError: the running code is outside the checkout, or was changed since HEAD.
    """
    if not is_library_of(root):
        raise GatehouseError(
            f"the gatehouse that runs is in {PACKAGE}, and is not this checkout's; run this "
            "one's: make image, or .venv/bin/gatehouse"
        )
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *_CODE)
    # Trusted jobs delete the pipeline's code. It must be deleted completely, or it counts as
    # changed.
    gone = () if os.path.lexists(root / PIPELINE) else (f" D {PIPELINE}/",)
    entries = git(*words, root=root).split("\0")
    changed = [entry[3:] for entry in entries if entry and not entry.startswith(gone)]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise GatehouseError(
            f"{', '.join(changed[:_SHOWN])}{more}: differs from HEAD, so the image would match no "
            "commit; commit it, or stash it (git stash --include-untracked)"
        )


def export(root: Path, commit: str, folder: Path) -> None:
    """Write the files of a commit into the new `folder`, except its reports and pipeline."""
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar")
    try:
        git("archive", "--format=tar", f"--output={archive.resolve()}", commit, root=root)
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    finally:
        archive.unlink(missing_ok=True)
    for left_out in (REPORTS, PIPELINE):
        shutil.rmtree(folder / left_out, ignore_errors=True)


def _bring_outputs(root: Path, folder: Path) -> None:
    lost = [path.as_posix() for path in OUTPUTS if not (root / path).exists()]
    if lost:
        raise GatehouseError(
            f"{', '.join(lost)}: not here; fetch what dvc.lock records (`gatehouse objects fetch`)"
            ", or make it (`make run`)"
        )
    for path in OUTPUTS:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / path).is_dir() else shutil.copyfile
        copy(root / path, target)
    check_outputs(folder)
