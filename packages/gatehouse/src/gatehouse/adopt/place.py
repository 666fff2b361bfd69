"""Where the table comes from, and what `params.yaml` may say of it: no path of this machine."""

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
"""Folders whose files the pipeline writes and takes away."""
_ENDING = re.compile(r"(\.(csv|tsv|tab|txt|data|dat|parquet|pq|parq|gz))+$", re.IGNORECASE)
_UNPLAIN = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Found:
    """The table, and how the pipeline is to find it.

    Attributes:
        table: the rows, here.
        title: what it is called, from the file's name.
        settings: of `data.file` in params.yaml.
        copy: where the file must be copied to; None where it stays.
        note: what to say of the copy.
    """

    table: Table
    title: str
    settings: dict[str, Any]
    copy: Path | None
    note: str | None


@contextlib.contextmanager
def find(place: str) -> Iterator[Found]:
    """The table at a path or URL; one from a URL is here only as long as it is looked at.

    A file of the repository stays where it is, and so does a URL that tells no secret. Any other
    is to be copied into data/own, under an ending by which the pipeline knows it.

    Raises:
        GatehouseError: the file is missing, unreadable, or not a table.
    """
    # A path of this machine, written as a URL, is one still.
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
        # A query may hold a signature, and params.yaml is public to all who read the repository.
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
    """The path from the repository's root, where the file is inside of it."""
    whole, root = path.resolve(), Path.cwd().resolve()
    if not whole.is_relative_to(root):
        return None
    inside = whole.relative_to(root)
    return None if any(inside.is_relative_to(folder) for folder in _PASSING) else inside


def copy_file(found: Found) -> None:
    """Copy the table to where `find` said, if it said so."""
    if found.copy is not None and found.copy.resolve() != found.table.path.resolve():
        found.copy.parent.mkdir(parents=True, exist_ok=True)
        part = found.copy.with_name(f".{found.copy.name}.part")
        shutil.copyfile(found.table.path, part)
        part.replace(found.copy)
