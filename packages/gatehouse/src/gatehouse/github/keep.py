"""Keep the judged files in the DVC remote: a trusted job pushes them after judging.

These are the candidate's data and models; for a retraining, also the table of rows that it read.
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
from gatehouse.objects.allowed_places import TABLES
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
    """Return the candidate's data and models, with their digests."""
    return _below(files, [path.as_posix() for path in OUTPUTS])


def objects_of(files: Mapping[str, str]) -> dict[str, str]:
    """Return the same, and the files of an included table."""
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
    """Push the candidate's files to the remote of the checkout at `root`; return a description.

    The files are only read as bytes. The archive is downloaded again, and is used only if the
    SHA-256 of each file is that of the judged one.

    Args:
        repository: accessed with a token that may read artifacts.
        event: of a run of "Pipeline" that ended.
        judged: the folder from the judging job.
        work: a new folder.
        root: the trusted checkout.
        limit: maximum size of a candidate in megabytes.

    Raises:
        GatehouseError: the archive differs from the judged one, or the remote refuses it.
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
    # The bytes were judged by their SHA-256; the MD5 only determines where they are stored.
    kept += [Output(path.as_posix(), dvc_md5(folder / path), "file") for path in tables_in(folder)]
    pushed, there = push(kept, folder, open_store(root))
    return f"pushed {pushed:,} of {pushed + there:,} objects; the remote has the others"
