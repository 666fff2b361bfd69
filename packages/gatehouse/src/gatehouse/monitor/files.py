"""Files of an inference log or of labels: a path or any fsspec URL, packed or not."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from gatehouse.errors import GatehouseError
from gatehouse.remote import cannot, reason, shown

LOG = ("jsonl", "ndjson", "json", "parquet")
"""Endings of the files that are read of a folder, before what rotating and packing add."""
_PACKED = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zst": "zstd"}


@dataclass(frozen=True)
class File:
    """One file on a file system of fsspec."""

    system: Any
    path: str
    name: str
    """For messages: without what may be secret."""

    @property
    def is_parquet(self) -> bool:
        return ".parquet" in self.name.rpartition("/")[2]

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes, unpacked as its name says.

        Raises:
            GatehouseError: it cannot be read, or was cut short.
        """
        packed = _PACKED.get(self.name.rpartition(".")[2])
        try:
            with self.system.open(self.path, "rb") as raw:
                if packed is None:
                    yield raw
                    return
                from fsspec.compression import compr

                if packed not in compr:
                    raise GatehouseError(
                        f"{self.name}: reading {packed} needs a package that is not installed "
                        "(zstandard); add it to requirements/gates.in, then `make lock`"
                    )
                with compr[packed](raw, mode="rb") as stream:
                    yield stream
        except GatehouseError:
            raise
        except Exception as error:  # each kind of remote and of packing raises classes of its own
            why = reason(error, hidden=self.path != self.name)
            raise GatehouseError(
                f"{self.name}: cannot be read ({why}); was it cut short?"
            ) from None


def find(url: str, endings: tuple[str, ...] = LOG) -> list[File]:
    """The files that a path or URL names: one, those of a folder below it, or those of a pattern.

    Newest first, as rotation numbers them (`x`, `x.1`, `x.2`): a file that is rotated meanwhile is
    then read twice, which is seen, and none is passed over.

    Args:
        url: a path or any URL of fsspec.
        endings: which files of a folder are meant.

    Raises:
        GatehouseError: there are none, or they can't be reached.
    """
    import fsspec

    name = shown(url)
    try:
        system, path = fsspec.core.url_to_fs(url)
        found = _found(system, path, endings)
    except Exception as error:
        raise cannot(name, "reached", error, hidden=url != name) from None
    if not found:
        raise GatehouseError(
            f"{name}: there is no such file, or no file of that folder ends in "
            f"{', '.join('.' + ending for ending in endings)}"
        )
    return [File(system, each, shown(each)) for each in sorted(found, key=_order)]


def _found(system: Any, path: str, endings: tuple[str, ...]) -> list[str]:
    try:
        kind = system.info(path)["type"]
    except FileNotFoundError:
        # Only now a pattern: a name, or a signed URL, may hold these marks as well.
        marked = any(mark in path for mark in "*?[")
        return [each for each in system.glob(path) if system.isfile(each)] if marked else []
    if kind != "directory":
        return [path]
    packed = "|".join(_PACKED)
    named = re.compile(rf"\.({'|'.join(endings)})([.-][\d-]+)?(\.({packed}))?$")
    return [each for each in system.find(path) if named.search(each)]


def _order(path: str) -> tuple[str, int]:
    """Names in their order, and of each the rotated ones after it."""
    rotated = re.search(r"(\.[a-z]\w*)\.(\d+)(\.\w+)?$", path)
    return (path[: rotated.end(1)], int(rotated[2])) if rotated else (path, 0)


def oldest_first(found: list[File]) -> list[File]:
    """Files of `find` in the order in which they were written: `x.2`, `x.1`, `x`; by name."""

    def order(file: File) -> tuple[str, int]:
        name, number = _order(file.path)
        return name, -number

    return sorted(found, key=order)
