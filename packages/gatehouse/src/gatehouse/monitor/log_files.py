"""Files of an inference log or of labels: a path or any fsspec URL, compressed or not."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from gatehouse.errors import GatehouseError
from gatehouse.remote import cannot, reason, shown

LOG = ("jsonl", "ndjson", "json", "parquet")
"""Extensions of the files read from a folder, before the suffixes of rotation and compression."""
_PACKED = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zst": "zstd"}


@dataclass(frozen=True)
class File:
    """One file on an fsspec file system."""

    system: Any
    path: str
    name: str
    """The name in messages, without secrets."""

    @property
    def is_parquet(self) -> bool:
        return ".parquet" in self.name.rpartition("/")[2]

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file's bytes, decompressed according to its name.

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
        except Exception as error:  # each kind of remote and of compression raises its own classes
            why = reason(error, hidden=self.path != self.name)
            raise GatehouseError(
                f"{self.name}: cannot be read ({why}); was it cut short?"
            ) from None


def find(url: str, endings: tuple[str, ...] = LOG) -> list[File]:
    """Return the files of a path or URL: a file, the files below a folder, or those of a pattern.

    They are ordered newest first, as rotation numbers them (`x`, `x.1`, `x.2`). If a file is
    rotated meanwhile, it is read twice, which is detected, and no file is skipped.

    Args:
        url: a path or any fsspec URL.
        endings: extensions of the files to use in a folder.

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
        # Try it as a pattern only now: names and signed URLs may contain these characters as well.
        marked = any(mark in path for mark in "*?[")
        return [each for each in system.glob(path) if system.isfile(each)] if marked else []
    if kind != "directory":
        return [path]
    packed = "|".join(_PACKED)
    named = re.compile(rf"\.({'|'.join(endings)})([.-][\d-]+)?(\.({packed}))?$")
    return [each for each in system.find(path) if named.search(each)]


def _order(path: str) -> tuple[str, int]:
    """Return a sort key: by name, each followed by its rotated files."""
    rotated = re.search(r"(\.[a-z]\w*)\.(\d+)(\.\w+)?$", path)
    return (path[: rotated.end(1)], int(rotated[2])) if rotated else (path, 0)


def oldest_first(found: list[File]) -> list[File]:
    """Return files of `find` in the order they were written, by name: `x.2`, `x.1`, `x`."""

    def order(file: File) -> tuple[str, int]:
        name, number = _order(file.path)
        return name, -number

    return sorted(found, key=order)
