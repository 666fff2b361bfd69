"""Fetches outputs that a record names by digest into a new folder, and checks them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Protocol

from gatehouse.errors import GatehouseError
from gatehouse.objects.record import MANIFEST_BYTES, Member, Output, read_manifest
from gatehouse.objects.remote import Store
from gatehouse.remote import reason

MEGABYTE = 1_000_000
MEGABYTES = 50_000
"""Default limit on the size of all outputs together."""
_CHUNK = 1 << 20


class LostError(GatehouseError):
    """An object is in neither the cache nor the remote, or cannot be reached."""


class _Bar(Protocol):
    def update(self, n: float | None = 1) -> bool | None: ...


def fetch(
    outputs: Iterable[Output], folder: Path, store: Store, megabytes: int = MEGABYTES
) -> None:
    """Write the outputs' files into `folder`, at their paths.

    Shows a progress bar on a terminal.

    Args:
        outputs: outputs that a record's schema accepted.
        folder: a new folder, so that nothing in it can lead elsewhere.
        store: source of the objects.
        megabytes: maximum total size.

    Raises:
        LostError: an object is not available.
        GatehouseError: an object does not match its address, or is too large. The caller must
            remove the files written so far.
    """
    from tqdm import tqdm

    wanted = list(outputs)
    total = sum(output.size or 0 for output in wanted)
    if total > megabytes * MEGABYTE:
        raise _too_large(megabytes)
    left = megabytes * MEGABYTE
    bar: Any
    with tqdm(total=total, unit="B", unit_scale=True, desc="fetch", disable=None) as bar:
        for output in wanted:
            left -= _fetch(output, folder / output.path, store, left, megabytes, bar)


def _fetch(output: Output, target: Path, store: Store, left: int, megabytes: int, bar: _Bar) -> int:
    """Write the output's files and return their size in bytes."""
    limit = left if output.size is None else min(left, output.size)
    object_ = _Object(store, output, limit, megabytes, bar)
    if output.kind == "file":
        target.parent.mkdir(parents=True, exist_ok=True)
        object_.save(output.md5, target, output.path)
    else:
        members = object_.manifest()
        target.mkdir(parents=True)
        for member in members:
            file = target / member.path
            file.parent.mkdir(parents=True, exist_ok=True)
            object_.save(member.md5, file, f"{output.path}/{member.path}")
        if output.files not in (None, len(members)):
            raise GatehouseError(
                f"{output.path}: has {len(members):,} files, and its record says "
                f"{output.files:,}; write the record again (make run)"
            )
    if output.size not in (None, object_.size):
        raise GatehouseError(
            f"{output.path}: has {object_.size:,} bytes, and its record says {output.size:,}; "
            "write the record again (make run)"
        )
    return object_.size


class _Object:
    """The objects of one output; counts the bytes written."""

    def __init__(self, store: Store, output: Output, limit: int, megabytes: int, bar: _Bar) -> None:
        self.store = store
        self.output = output
        self.limit = limit
        self.megabytes = megabytes
        self.bar = bar
        self.size = 0

    def manifest(self) -> tuple[Member, ...]:
        content = bytearray()
        address = f"{self.output.md5}.dir"

        def take(stream: IO[bytes]) -> None:
            while chunk := stream.read(_CHUNK):
                content.extend(chunk)
                if len(content) > MANIFEST_BYTES:
                    raise GatehouseError(
                        f"the manifest of {self.output.path} has more than "
                        f"{MANIFEST_BYTES // MEGABYTE} MB; keep fewer files in it"
                    )

        self._read(address, self.output.path, take)
        if _md5(content).hexdigest() != self.output.md5:
            raise _other(self.output.path)
        return read_manifest(bytes(content), self.output.path)

    def save(self, md5: str, target: Path, name: str) -> None:
        """Write a new file, whose bytes must have the digest."""
        digest = _md5()

        def take(stream: IO[bytes]) -> None:
            with target.open("xb") as file:
                while chunk := stream.read(_CHUNK):
                    self.size += len(chunk)
                    if self.size > self.limit:
                        raise self._over(name)
                    digest.update(chunk)
                    file.write(chunk)
                    self.bar.update(len(chunk))

        self._read(md5, name, take)
        if digest.hexdigest() != md5:
            raise _other(name)

    def _read(self, md5: str, name: str, take: Any) -> None:
        try:
            with self.store.open(md5) as stream:
                take(stream)
        except GatehouseError:
            raise
        except Exception as error:  # each remote's library raises its own classes
            why = reason(error, hidden="://" in str(error))
            raise LostError(f"{name}: {why}") from None

    def _over(self, name: str) -> GatehouseError:
        if self.output.size is not None and self.limit == self.output.size:
            return _other(name)
        return _too_large(self.megabytes)


def _md5(content: bytes | bytearray = b"") -> Any:
    return hashlib.md5(content, usedforsecurity=False)


def _other(name: str) -> GatehouseError:
    return GatehouseError(
        f"{name}: what DVC's cache or remote holds is not what dvc.lock records; take the damaged "
        "copy away there, and push it again (dvc push)"
    )


def _too_large(megabytes: int) -> GatehouseError:
    return GatehouseError(
        f"what is recorded has more than {megabytes:,} MB; allow more (--megabytes; on GitHub the "
        "repository variable CANDIDATE_MB), or record less"
    )
