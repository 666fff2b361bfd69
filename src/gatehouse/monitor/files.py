"""Files of an inference log or of labels: a path or any fsspec URL, packed or not."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from gatehouse.errors import GatehouseError

_LOG = re.compile(r"\.(jsonl|ndjson|json|parquet)(\.\d+)?(\.(gz|bz2|xz|zst))?$")
_PACKED = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zst": "zstd"}


def shown(url: str) -> str:
    """The URL without user, password and query, which may hold a signature."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@dataclass(frozen=True)
class File:
    """One file on a file system of fsspec."""

    system: Any
    path: str
    name: str
    """For messages: without what may be secret."""

    @property
    def is_parquet(self) -> bool:
        return ".parquet" in self.path.rpartition("/")[2]

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes, unpacked as its name says.

        Raises:
            GatehouseError: it cannot be read, or was cut short.
        """
        import lzma
        import zlib

        packed = _PACKED.get(self.path.rpartition(".")[2])
        try:
            with self.system.open(self.path, "rb") as raw:
                if packed is None:
                    yield raw
                    return
                from fsspec.compression import compr

                if packed not in compr:
                    raise GatehouseError(
                        f"{self.name}: reading {packed} needs a package that is not installed "
                        "(zstandard); add it to requirements/run.in, then `make lock`"
                    )
                with compr[packed](raw, mode="rb") as stream:
                    yield stream
        except GatehouseError:
            raise
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise GatehouseError(
                f"{self.name}: cannot be read ({_one_line(error)}); was it cut short?"
            ) from None


def find(url: str) -> list[File]:
    """The files that a path or URL names: one, those of a folder below it, or those of a pattern.

    Newest first, as rotation numbers them (`x`, `x.1`, `x.2`): a file that is rotated meanwhile is
    then read twice, which is seen, and none is passed over.

    Raises:
        GatehouseError: there are none, or they can't be reached.
    """
    import fsspec

    name = shown(url)
    try:
        system, path = fsspec.core.url_to_fs(url)
        if any(mark in path for mark in "*?["):
            found = [each for each in system.glob(path) if system.isfile(each)]
        elif system.isdir(path):
            found = [each for each in system.find(path) if _LOG.search(each)]
        else:
            found = [path] if system.exists(path) else []
    except ImportError as error:
        raise GatehouseError(
            f"{name}: reading it needs a package that is not installed ({_one_line(error)}); "
            "add it to requirements/run.in, then `make lock`"
        ) from None
    except Exception as error:  # each kind of remote raises classes of its own
        # A message may repeat what the URL holds of passwords and signatures.
        reason = (_one_line(error) if url == name else "") or type(error).__name__
        raise GatehouseError(
            f"{name}: cannot be reached ({reason}); check the name, the network, and the "
            "credentials that fsspec finds"
        ) from None
    if not found:
        raise GatehouseError(
            f"{name}: there is no such file, or no .jsonl or .parquet file in that folder"
        )
    return [File(system, each, shown(each)) for each in sorted(found, key=_order)]


def _order(path: str) -> tuple[str, int]:
    number = re.search(r"\.(\d+)(\.\w+)?$", path)
    return (path[: number.start()], int(number[1])) if number else (path, 0)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
