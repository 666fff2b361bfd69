"""What was judged, kept in the DVC remote: pushed by a trusted job, once it was judged.

That is the candidate's data and models, and of a retraining also the table of rows that it read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import LOCK
from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.github.artifacts import download
from gatehouse.github.client import telling
from gatehouse.github.event import Event
from gatehouse.objects.place import TABLES
from gatehouse.objects.push import push
from gatehouse.objects.record import Output, read_lock
from gatehouse.objects.remote import open_store
from gatehouse.trusted.archive import unpack
from gatehouse.trusted.candidate import OUTPUTS, digests, tables_in
from gatehouse.trusted.judgement import JUDGED, Judgement
from gatehouse.typed import read_text

if TYPE_CHECKING:
    from github.Repository import Repository


def kept_files(files: Mapping[str, str]) -> dict[str, str]:
    """The candidate's data and models, with their digests."""
    return _below(files, [path.as_posix() for path in OUTPUTS])


def objects_of(files: Mapping[str, str]) -> dict[str, str]:
    """The same, and those of the table that came along."""
    return kept_files(files) | _below(files, TABLES)


def _below(files: Mapping[str, str], places: Sequence[str]) -> dict[str, str]:
    return {
        name: digest
        for name, digest in files.items()
        if any(name == path or name.startswith(f"{path}/") for path in places)
    }


def keep(
    repository: Repository, event: Event, judged: Path, work: Path, root: Path, limit: int
) -> str:
    """Push what the candidate brought to the remote of the checkout at `root`; in words.

    They are read as bytes and no more. The archive is downloaded again, and counts only where each
    file is the one that was judged, by its SHA-256.

    Args:
        repository: as a token that may read artifacts sees it.
        event: of a run of "Pipeline" that ended.
        judged: the folder that the judging job handed over.
        work: a new folder.
        root: the trusted checkout.
        limit: megabytes that a candidate may have.

    Raises:
        GatehouseError: the archive is not what was judged, or the remote does not take it.
    """
    answer = Judgement.read(judged / JUDGED)
    if answer.head != event.workflow_run.head_sha:
        raise GatehouseError(f"{JUDGED}: is of another commit ({answer.head})")
    if not answer.objects or answer.archive is None:
        return "nothing of this run is to be kept"
    archive, folder = work / "candidate.zip", work / "candidate"
    with telling("look up the candidate"):
        judged_archive = repository.get_artifact(answer.archive)
    download(judged_archive, archive, limit)
    unpack(archive, folder, limit)
    if objects_of(digests(folder)) != answer.objects:
        raise GatehouseError(
            "the run's archive is not the one that was judged; run the workflow again"
        )
    outputs = read_lock(read_text(folder / LOCK), "the candidate's dvc.lock")
    kept = [outputs[path.as_posix()] for path in OUTPUTS if (folder / path).exists()]
    # Its bytes were judged by their SHA-256; the MD5 is nothing but where they go.
    kept += [Output(path.as_posix(), dvc_md5(folder / path), "file") for path in tables_in(folder)]
    pushed, there = push(kept, folder, open_store(root))
    return f"pushed {pushed:,} of {pushed + there:,} objects; the remote has the others"
