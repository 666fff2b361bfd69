"""OCI layouts made by hand, with layers as wrong as a test wants them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Files = Sequence[tuple[str, bytes | None]]
"""Entries of a layer in order: name and bytes, or None for a folder."""


def entry(name: str, content: bytes | None = None, link: str | None = None) -> tarfile.TarInfo:
    """A plain file, a folder (no content) or a symbolic link."""
    info = tarfile.TarInfo(name)
    info.size = len(content or b"")
    info.type = tarfile.REGTYPE if content is not None else tarfile.DIRTYPE
    if link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, link
    return info


def layer(files: Files, links: Mapping[str, str] | None = None) -> bytes:
    """A compressed layer."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in files:
            packed.addfile(entry(name, content), io.BytesIO(content or b""))
        for name, link in (links or {}).items():
            packed.addfile(entry(name, link=link))
    return stream.getvalue()


def make_layout(
    folder: Path, layers: Sequence[bytes], labels: Mapping[str, str] | None = None
) -> str:
    """An OCI layout in `folder`; the digest of its image."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        return f"sha256:{name}"

    def put_json(value: object) -> str:
        return put(json.dumps(value).encode())

    config = put_json({"config": {"Labels": dict(labels or {}), "User": "65532:65532"}})
    listed = [{"digest": put(content)} for content in layers]
    digest = put_json({"config": {"digest": config}, "layers": listed})
    (folder / "index.json").write_text(json.dumps({"manifests": [{"digest": digest}]}))
    return digest
