"""The table's location, and what `params.yaml` may say about it: no path on this machine."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from gatehouse.adopt.table import Table, open_table
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.remote import check_url, download

_WORK = Path(".gatehouse")
_PASSING = (_WORK, Path("data/raw"), Path("data/prepared"), Path("data/cache"))
"""Folders whose files the pipeline writes and deletes."""
_ENDING = re.compile(r"(\.(csv|tsv|tab|txt|data|dat|parquet|pq|parq|gz))+$", re.IGNORECASE)
_UNPLAIN = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Found:
    """The table, and how the pipeline will find it.

    Attributes:
        table: the rows, on this machine.
        title: its name, from the file's name.
        settings: of `data.file` in params.yaml.
        copy: where the file must be copied to; None if it stays.
        note: message about the copy.
    """

    table: Table
    title: str
    settings: dict[str, Any]
    copy: Path | None
    note: str | None


@contextlib.contextmanager
def find(place: str) -> Iterator[Found]:
    """Provide the table at a path or URL; a downloaded one exists only inside the block.

    A file in the repository stays where it is, and so does a URL without secrets. Any other file is
    copied to data/own, with an extension that the pipeline knows.

    Raises:
        GatehouseError: the file is missing, unreadable, or not a table.
    """
    # A local path that is written as a URL is still local.
    if "://" not in place or place.startswith("file://"):
        path = Path(unquote(urlsplit(place).path) if "://" in place else place)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "there is no such file"
            raise GatehouseError(f"{place}: {what}; name a CSV or Parquet file, or a URL")
        yield _found(open_table(path, place), path.name, _in_repository(path), None)
        return
    shown_url = check_url(place)
    _WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_WORK, prefix="init-") as folder:
        path = Path(folder) / "part"
        download(place, shown_url, path)
        sha256 = file_digest(path).removeprefix("sha256:")
        name = PurePosixPath(unquote(urlsplit(place).path)).name or "table"
        # A query may contain a signature, and everyone with access to the repository can read
        # params.yaml.
        stays = {"url": place, "sha256": sha256} if shown_url == place else None
        yield _found(open_table(path, shown_url), name, None, stays)


def _found(table: Table, name: str, path: Path | None, url: dict[str, Any] | None) -> Found:
    from gatehouse.pipeline.sources.file import OWN, FileSettings

    title = _ENDING.sub("", name) or name
    settings: dict[str, Any] = {
        "path": OWN.as_posix(), "url": None, "sha256": None, **vars(table.dialect),
    }  # fmt: skip
    copy, note = None, None
    if path is not None:
        settings["path"] = path.as_posix()
    settings |= url or {}
    named = FileSettings(**settings).format
    right = named == table.ending or (named == ".csv.gz" and table.ending == ".csv")
    if (path is None and url is None) or not right:
        copy = OWN / (_UNPLAIN.sub("-", title) + table.ending)
        settings |= {"path": copy.as_posix(), "url": None, "sha256": None}
        note = f"copied to {copy.as_posix()}, which Git ignores"
    return Found(table, title, settings, copy, note)


def _in_repository(path: Path) -> Path | None:
    """Return the path from the repository's root if the file is inside it, else None."""
    whole, root = path.resolve(), Path.cwd().resolve()
    if not whole.is_relative_to(root):
        return None
    inside = whole.relative_to(root)
    return None if any(inside.is_relative_to(folder) for folder in _PASSING) else inside


def copy_file(found: Found) -> None:
    """Copy the table to the location from `find`, if there is one."""
    if found.copy is not None and found.copy.resolve() != found.table.path.resolve():
        found.copy.parent.mkdir(parents=True, exist_ok=True)
        part = found.copy.with_name(f".{found.copy.name}.part")
        shutil.copyfile(found.table.path, part)
        part.replace(found.copy)
