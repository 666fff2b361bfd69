"""Puts the files that records name into a checkout, like `dvc pull`, but by digest.

It writes only to allowed places and never through a link. If an object is not available, the
existing files stay.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.objects.allowed_places import FETCHED
from gatehouse.objects.fetch import MEGABYTE, MEGABYTES, fetch
from gatehouse.objects.record import (
    LOCK_BYTES,
    Member,
    Output,
    manifest_of,
    read_lock,
    read_tracked,
)
from gatehouse.objects.remote import Store, open_plain
from gatehouse.typed import parse_yaml

LOCK = Path("dvc.lock")
PARAMS = Path("params.yaml")
_WORK = Path(".gatehouse")


@dataclass
class Brought:
    """Result for each output.

    Attributes:
        here: paths that are now in place, or in the requested folder.
        lost: why each of the other outputs was not available.
    """

    here: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def named(records: Path, paths: Sequence[str] = ()) -> list[Output]:
    """Return the outputs that the records in a folder name.

    Args:
        records: folder with the layout of a checkout; only records are read, and no link is
            followed.
        paths: limits the result to these paths. By default, it has the outputs in `dvc.lock` and
            the table that params.yaml reads, if a `.dvc` file tracks it.

    Raises:
        GatehouseError: a requested record is missing, or does not match our schema.
    """
    lock = _text(records / LOCK)
    outs = read_lock(lock, str(LOCK)) if lock is not None else {}
    kept = {path: output for path, output in outs.items() if FETCHED.fullmatch(path)}
    kept = dict(sorted(kept.items()))
    if not paths:
        table = table_of(records)
        tracked = None if table is None else _tracked(records, table)
        return [*kept.values(), *([tracked] if tracked else [])]
    found = []
    for path in paths:
        output = kept.get(path) or _tracked(records, path)
        if output is None:
            raise GatehouseError(
                f"{path}: no record names it; {LOCK} names {', '.join(kept) or 'nothing'}, and "
                f"there is no {path}.dvc"
            )
        found.append(output)
    return found


def _tracked(records: Path, path: str) -> Output | None:
    text = _text(records / f"{path}.dvc")
    return None if text is None else read_tracked(text, f"{path}.dvc")


def table_of(records: Path) -> str | None:
    """Return the file that the settings read; parsed as text, since no code of a change may run."""
    text = _text(records / PARAMS)
    if text is None:
        return None
    found = parse_yaml(text, PARAMS)
    for key in ("data", "file", "path"):
        if not isinstance(found, dict):
            return None
        if key == "file" and found.get("source") != "file":
            return None
        if key == "path" and found.get("url"):
            return None
        found = found.get(key)
    return found if isinstance(found, str) and not Path(found).is_absolute() else None


def _text(path: Path) -> str | None:
    """Return a record's text, or None if it does not exist."""
    try:
        with open_plain(path) as stream:
            content = stream.read(LOCK_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise GatehouseError(f"{path}: is not a plain file ({error.strerror or error})") from None
    except ValueError:
        raise GatehouseError(f"{str(path)!r}: is not a file name") from None
    if len(content) > LOCK_BYTES:
        raise GatehouseError(
            f"{path}: has more than {LOCK_BYTES:,} bytes; take what is not needed out"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise GatehouseError(f"{path}: is not UTF-8 text; take it from the base again") from None


def bring(
    outputs: Sequence[Output],
    root: Path,
    store: Store,
    *,
    megabytes: int = MEGABYTES,
    cache: bool = False,
) -> Brought:
    """Put each output in its place in the checkout at `root`; correct files stay.

    Args:
        outputs: the outputs that `named` found.
        root: the checkout.
        store: source of the objects.
        megabytes: maximum total size to fetch.
        cache: fill DVC's cache too, so that DVC treats the outputs as up to date.

    Raises:
        GatehouseError: a place can't be written, or leads outside the checkout.
    """  # fmt: skip
    done, left = Brought(), megabytes
    for output in outputs:
        target = place_of(root, output.path)
        if not is_recorded(target, output):
            with _new_folder(root) as folder:
                try:
                    fetch([output], folder, store, left)
                except GatehouseError as error:
                    done.lost.append(str(error))
                    continue
                left -= _size(folder) // MEGABYTE
                put_in_place(folder / output.path, target, folder / "old")
        if cache:
            fill_cache(output, target, store)
        done.here.append(output.path)
    return done


def bring_apart(
    outputs: Sequence[Output], folder: Path, store: Store, megabytes: int = MEGABYTES
) -> Brought:
    """Fetch the outputs into a new folder with the layout of a checkout.

    Raises:
        GatehouseError: the folder already exists.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise GatehouseError(f"{folder}: is there already; name a new folder") from None
    done, left = Brought(), megabytes
    for output in outputs:
        try:
            fetch([output], folder, store, left)
        except GatehouseError as error:
            shutil.rmtree(folder / output.path, ignore_errors=True)
            (folder / output.path).unlink(missing_ok=True)
            done.lost.append(str(error))
            continue
        left -= _size(folder / output.path) // MEGABYTE
        done.here.append(output.path)
    return done


def take(outputs: Sequence[Output], source: Path, root: Path, store: Store) -> Brought:
    """Put outputs in place from the folder `source`, which `bring_apart` filled.

    Each is checked against its record again, and DVC's cache is filled too.

    Raises:
        GatehouseError: a place can't be written, or leads outside the checkout.
    """
    done = Brought()
    for output in outputs:
        target = place_of(root, output.path)
        if not is_recorded(target, output):
            if not is_recorded(source / output.path, output):
                done.lost.append(f"{output.path}: is not in {source} as its record says")
                continue
            with _new_folder(root) as folder:
                new = folder / "new"
                copy = shutil.copytree if output.kind == "folder" else shutil.copyfile
                copy(source / output.path, new)
                put_in_place(new, target, folder / "old")
        fill_cache(output, target, store)
        done.here.append(output.path)
    return done


def place_of(root: Path, path: str) -> Path:
    """Return the path of an output, and create the folders above it.

    Raises:
        GatehouseError: the path or a folder above it is a link, or the folder is not a folder.
    """
    here = root
    *above, last = path.split("/")
    for part in above:
        here = here / part
        with contextlib.suppress(FileExistsError):
            here.mkdir()
        if not stat.S_ISDIR(here.lstat().st_mode):
            raise GatehouseError(f"{here}: is a link or a file; put a folder in its place")
    if (here / last).is_symlink():
        raise GatehouseError(f"{here / last}: is a link; take it away")
    return here / last


def put_in_place(new: Path, target: Path, old: Path) -> None:
    """Move `new` to `target`; an existing target is moved to `old` first."""
    if target.exists():
        target.rename(old)
    new.rename(target)


def fill_cache(output: Output, place: Path, store: Store) -> None:
    """Copy an output's objects into DVC's cache in its layout: named by digest, read-only."""
    if output.kind == "file":
        _keep(place, store.cached(output.md5))
        return
    members = tuple(
        Member(file.relative_to(place).as_posix(), dvc_md5(file))
        for file in place.rglob("*")
        if file.is_file()
    )
    for member in members:
        _keep(place / member.path, store.cached(member.md5))
    manifest = store.cached(f"{output.md5}.dir")
    if not manifest.exists():
        with tempfile.TemporaryDirectory(dir=_made(manifest.parent)) as folder:
            part = Path(folder) / "manifest"
            part.write_bytes(manifest_of(members))
            _keep(part, manifest)


def _keep(file: Path, object_: Path) -> None:
    if object_.exists():
        return
    part = _made(object_.parent) / f"{object_.name}.{os.getpid()}.part"
    try:
        shutil.copyfile(file, part)
        part.chmod(0o444)
        part.replace(object_)
    finally:
        part.unlink(missing_ok=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def is_recorded(place: Path, output: Output) -> bool:
    """Return whether only plain files are there, with the recorded digest."""
    if place.is_symlink() or not place.exists():
        return False
    files = [place, *place.rglob("*")] if place.is_dir() else [place]
    if any(not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) for mode in map(_mode, files)):
        return False
    return dvc_md5(place) == output.recorded


def _mode(path: Path) -> int:
    return path.lstat().st_mode


def _size(folder: Path) -> int:
    files = [folder, *folder.rglob("*")]
    return sum(file.lstat().st_size for file in files if file.is_file())


@contextlib.contextmanager
def _new_folder(root: Path) -> Iterator[Path]:
    """Create a temporary folder on the checkout's disk, where no stage and no DVC command looks."""
    work = place_of(root, f"{_WORK}/new").parent
    folder = Path(tempfile.mkdtemp(prefix="fetch-", dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
