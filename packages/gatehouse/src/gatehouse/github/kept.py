"""Candidates of earlier runs, which GitHub keeps for a while under a name that identifies them.

Any run can upload an archive of any name, so an archive is used only after each of its files was
compared with a `dvc.lock` that the reader trusts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import LOCK
from gatehouse.errors import GatehouseError
from gatehouse.github.artifacts import PREFIX, download
from gatehouse.github.client import telling
from gatehouse.objects.bring import take
from gatehouse.objects.record import read_lock
from gatehouse.objects.remote import open_store
from gatehouse.trusted.archive import unpack
from gatehouse.trusted.candidate import OUTPUTS, check_outputs
from gatehouse.trusted.candidate_key import INCOMPLETE, candidate_key
from gatehouse.typed import read_text

if TYPE_CHECKING:
    from github.Repository import Repository

_TRIED = 5


def bring_kept(
    repository: Repository, key: str, folder: Path, limit: int, check: Callable[[Path], object]
) -> bool:
    """Download an earlier candidate into `folder`; return False if none is left.

    Args:
        repository: accessed with a token that may read artifacts.
        key: of the candidate.
        folder: a new folder; `folder.zip` and `folder.part` next to it are used as temporary files.
        limit: maximum size in megabytes.
        check: raises GatehouseError unless the files in a folder are the wanted ones.
    """
    with telling("look for an earlier run's candidate"):
        listed = repository.get_artifacts(name=f"{PREFIX}{key}")
        found = [artifact for artifact in listed if not artifact.expired][:_TRIED]
    archive, part = folder.with_suffix(".zip"), folder.with_suffix(".part")
    for artifact in found:
        try:
            download(artifact, archive, limit)
            unpack(archive, part, limit)
            check(part)
            part.replace(folder)
            return True
        except GatehouseError as error:
            print(f"an archive named {PREFIX}{key} is not what its name says: {error}")
        finally:
            archive.unlink(missing_ok=True)
            shutil.rmtree(part, ignore_errors=True)
    return False


def take_kept(repository: Repository, root: Path, limit: int) -> str:
    """Restore the data and models that `dvc.lock` records; return a description.

    This avoids training again if there is no DVC remote, or if it may not be read. Existing files
    are kept.
    """
    key = candidate_key(root)
    missing = [path for path in OUTPUTS if not (root / path).exists()]
    if key == INCOMPLETE or not missing:
        return "there is nothing to take"
    folder = root / ".gatehouse" / "kept"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)

    def check(candidate: Path) -> None:
        shutil.copyfile(root / LOCK, candidate / LOCK)
        check_outputs(candidate)

    if not bring_kept(repository, key, folder, limit, check):
        return f"no run has left {PREFIX}{key}: what is missing is made again"
    outputs = read_lock(read_text(root / LOCK), str(LOCK))
    # Files that are not in DVC's cache count as changed, and would be made again.
    done = take([outputs[path.as_posix()] for path in missing], folder, root, open_store(root))
    for why in done.lost:
        print(f"missing: {why}")
    shutil.rmtree(folder)
    return f"taken from {PREFIX}{key} of an earlier run"
