"""Judge the data and models in a folder, for a CI that has no gates itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gatehouse.acceptance.record import read_folder
from gatehouse.base import find_base, take_base, write_record
from gatehouse.draws import draws_of
from gatehouse.errors import GatehouseError
from gatehouse.judge_files import verdict_on
from gatehouse.released import with_past
from gatehouse.run import PICTURE, REPORT, write_verdict_and_report
from gatehouse.sealed import with_sealed
from gatehouse.trusted.archive import NAME
from gatehouse.trusted.basis import hand_over
from gatehouse.trusted.candidate import add_commit_files
from gatehouse.trusted.measuring import measure_all
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace

FOLDERS = (Path("data/raw"), Path("models"))
"""Folders of a candidate whose files are judged."""


def judge_change(commit: str, files: Path, out: Path, root: Path = Path()) -> Verdict:
    """Measure and judge a commit's data and models by the checkout's code, policy and data.

    Args:
        commit: the candidate's commit, which the checkout has fetched; it provides contract,
            policy, settings and the texts of the model card.
        files: the folder with the candidate's data/raw and models; it is only read, and links in
            it are not followed.
        out: folder for report.md, verdict.svg and verdict.json.
        root: a checkout of the target branch, whose commit is the base.

    Returns:
        The verdict by the base's policy.

    Raises:
        GatehouseError: the commit lacks a file, the base's data can't be fetched, or a folder of
            the candidate is a link.
    """
    folder = root / ".gatehouse/candidate"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _copy(files, folder)
        add_commit_files(folder, commit, root)
        base = find_base("HEAD", root)
        take_base(base, root)
        base = with_past(base, root, lambda each: take_base(each, root))
        base = with_sealed(base, root, folder)
        hand_over(base, root, folder)
        write_record(base.record, folder)
        candidate = Workspace(folder)
        measured = measure_all(folder, draws_of(candidate))
        verdict = verdict_on(
            candidate, base, unmeasured=measured.unmeasured, acceptances=read_folder(root)
        )
        write_verdict_and_report(candidate, verdict, base)
        out.mkdir(parents=True, exist_ok=True)
        for path in (REPORT, PICTURE, VERDICT):
            shutil.copyfile(folder / path, out / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return verdict


def _copy(files: Path, folder: Path) -> None:
    """Copy only the candidate's regular files, since a link could name any file of this machine."""
    for place in FOLDERS:
        for part in (files / place.parts[0], files / place):
            if part.is_symlink():
                raise GatehouseError(f"{part}: is a link; put the candidate's folder there")
        (folder / place).mkdir(parents=True)
        if not (files / place).is_dir():
            continue  # the gates report which files are missing
        for entry in os.scandir(files / place):
            path = place / entry.name
            if entry.is_file(follow_symlinks=False) and NAME.fullmatch(path.as_posix()):
                shutil.copyfile(entry.path, folder / path, follow_symlinks=False)
