"""A commit judged once more, from measurements made now: no stored verdict is believed.

The reports that are in Git may have come with any pull request; what is released rests on none of
them. The commit's files come from Git, its data and models from the checkout, where each must be
what the commit's `dvc.lock` records. What judges and builds is the checkout's code, which must be
the commit's too.
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
"""Code that trains, which a change may edit without an owner: no part of a release."""
_CODE = ("packages", "vendor", "src", "bentofile.yaml", "requirements", "pyproject.toml")
_SHOWN = 5
"""How many changed files an error names."""


@dataclass(frozen=True)
class JudgedCommit:
    """A commit and its verdict.

    Attributes:
        commit: its hash.
        time: when it was committed, in seconds since 1970.
        folder: its files, data and models and new evidence; where it passes also its model card and
            the settled verdict.
        verdict: by the commit's own policy, with no base: comparisons were the gates' affair.
        machinery: digest of the code that decides and that the image is built from.
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
        """The graph that was judged and is served."""
        return self.folder / MODEL


def judge_commit(root: Path, folder: Path) -> JudgedCommit:
    """Measure and judge HEAD of the checkout at `root`.

    Args:
        root: the checkout, with the commit's data and models.
        folder: to be made: the commit's files and what is measured.

    Raises:
        GatehouseError: the code that runs is not the commit's, the commit records no run, or its
            data and models are not here.
    """
    # Here: the job that signs checks code by this module, and has no library of graphs.
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
    # The verdict says what a gate could not measure, and why; the rest is measured here.
    measured = measure_all(folder, draws_of(Workspace(folder)))
    verdict = verdict_on(Workspace(folder), unmeasured=measured.unmeasured)
    time = int(git("show", "--no-patch", "--format=%ct", commit, root=root))
    if verdict.outcome is Outcome.PASS:
        make_card(Workspace(folder), measured)
        settled(verdict).write(folder / VERDICT)
    return JudgedCommit(commit, time, folder, verdict, machinery_digest(root, commit))


def check_code(root: Path) -> None:
    """Refuse code that is not the commit's: no record would tell by which judge it passed.

    Raises:
        GatehouseError: the code that runs lies elsewhere, or was changed since HEAD.
    """
    if not is_library_of(root):
        raise GatehouseError(
            f"the gatehouse that runs is in {PACKAGE}, and is not this checkout's; run this "
            "one's: make image, or .venv/bin/gatehouse"
        )
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *_CODE)
    # Trusted jobs take the pipeline's code away: all of it, or it counts as changed.
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
    """Write the files of a commit into the new `folder`, but for its reports and pipeline."""
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
