"""Pushes outputs to the remote by digest, and never overwrites existing objects."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.objects.bring import is_recorded
from gatehouse.objects.record import Member, Output, manifest_of
from gatehouse.objects.remote import Remote, Store
from gatehouse.remote import reason


def push(outputs: Sequence[Output], folder: Path, store: Store) -> tuple[int, int]:
    """Push the outputs in `folder`; return how many objects were pushed and how many existed.

    Shows a progress bar on a terminal.

    Args:
        outputs: outputs that a record's schema accepted; missing ones are skipped.
        folder: folder with the layout of a checkout.
        store: has the remote to push to.

    Raises:
        GatehouseError: there is no remote, a file does not match its record, or the remote does
            not accept it.
    """
    from tqdm import tqdm

    if store.remote is None:
        raise GatehouseError(
            ".dvc/config: names no default remote to push to; "
            "dvc remote add --default storage FOLDER|URL"
        )
    here = [output for output in outputs if (folder / output.path).exists()]
    for output in here:
        if not is_recorded(folder / output.path, output):
            raise GatehouseError(
                f"{folder / output.path}: is not what its record says; record it again (make run)"
            )
    pushed = there = 0
    with tempfile.TemporaryDirectory(prefix="gatehouse-push-") as scratch:
        objects = [each for output in here for each in _objects(output, folder, Path(scratch))]
        for md5, file in tqdm(objects, unit="objects", desc="push", disable=None):
            if _put(store.remote, md5, file):
                pushed += 1
            else:
                there += 1
    return pushed, there


def _objects(output: Output, folder: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Yield address and file of each object; a folder's manifest, which names the rest, is last."""
    place = folder / output.path
    if output.kind == "file":
        yield output.md5, place
        return
    files = [file for file in sorted(place.rglob("*")) if file.is_file()]
    members = tuple(Member(f.relative_to(place).as_posix(), dvc_md5(f)) for f in files)
    for member in members:
        yield member.md5, place / member.path
    manifest = scratch / output.md5
    manifest.write_bytes(manifest_of(members))
    yield f"{output.md5}.dir", manifest


def _put(remote: Remote, md5: str, file: Path) -> bool:
    try:
        if remote.has(md5):
            return False
        remote.put(md5, file)
    except Exception as error:  # each remote's library raises its own classes
        raise GatehouseError(
            f"the DVC remote {remote.name} ({remote.url}) does not take objects "
            f"({reason(error, hidden='://' in str(error))}); give the key the right to write"
        ) from None
    return True
