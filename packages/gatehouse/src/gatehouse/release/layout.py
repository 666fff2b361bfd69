"""An image as a folder: the OCI image layout, in which every file is named by its SHA-256."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from gatehouse.errors import GatehouseError

_GONE = ".wh."
_ALL_GONE = ".wh..wh..opq"


@dataclass(frozen=True)
class Layout:
    """The single image in `folder`."""

    folder: Path

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of the image's manifest, by which the image is pulled.

        Raises:
            GatehouseError: there is no image, or more than one.
        """
        try:
            index = json.loads((self.folder / "index.json").read_text("utf-8"))
            (entry,) = index["manifests"]
            return str(entry["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            raise GatehouseError(
                f"{self.folder}: is not a folder with one OCI image; build it: make image"
            ) from None

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest, which names the image's config and layers by digest.

        Raises:
            GatehouseError: it does not, for example because it lists images for several platforms.
        """
        manifest = self._json(self.digest)
        try:
            named = [manifest["config"], *manifest["layers"]]
            whole = all(isinstance(each["digest"], str) for each in named)
        except (KeyError, TypeError):
            whole = False
        if not whole:
            raise GatehouseError(
                f"{self.folder}: its manifest is not that of one image, with a config and layers; "
                "build one: make image"
            )
        return manifest

    @cached_property
    def config(self) -> dict[str, Any]:
        """The image's configuration: user, environment, labels."""
        digest = self.manifest["config"]["digest"]
        return self._object(self._json(digest).get("config") or {}, digest)

    @property
    def labels(self) -> dict[str, Any]:
        return self._object(self.config.get("Labels") or {}, "its labels")

    def file(self, name: str) -> bytes:
        """Return the bytes of a file as a container sees it, by its path without a leading slash.

        Raises:
            GatehouseError: the image has no such regular file, or a layer does not match the
                manifest.
        """
        for layer in reversed(self.manifest["layers"]):
            blob = self._checked(layer["digest"])
            try:
                found = _in_layer(blob, PurePosixPath(name))
            except (tarfile.TarError, OSError, EOFError) as error:
                raise GatehouseError(f"{blob}: is not a readable layer ({error})") from None
            if found is not None:
                return found
        raise GatehouseError(f"the image has no file /{name}")

    def digests(self, folder: str) -> dict[str, str]:
        """Return the `sha256:<hex>` of each file below `folder` as a container sees it, by path.

        Args:
            folder: its path without a leading slash.

        Raises:
            GatehouseError: the folder contains other entries than regular files and folders, or a
                layer does not match the manifest.
        """
        within = PurePosixPath(folder)
        found: dict[str, str] = {}
        gone: list[PurePosixPath] = []
        for layer in reversed(self.manifest["layers"]):
            blob = self._checked(layer["digest"])
            try:
                here, hides = _digests_in_layer(blob, within)
            except (tarfile.TarError, OSError, EOFError) as error:
                raise GatehouseError(f"{blob}: is not a readable layer ({error})") from None
            for path, digest in here.items():
                if not any(_hides(each, path) for each in gone):
                    found.setdefault(path.relative_to(within).as_posix(), digest)
            gone += hides
        return found

    def _json(self, digest: str) -> dict[str, Any]:
        try:
            value = json.loads(self._checked(digest).read_bytes())
        except (ValueError, RecursionError):
            raise GatehouseError(f"{self.folder}: {digest} is not JSON") from None
        return self._object(value, digest)

    def _object(self, value: Any, what: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise GatehouseError(f"{self.folder}: {what} is not a JSON object")
        return value

    def _checked(self, digest: str) -> Path:
        kind, _, name = digest.partition(":")
        if kind != "sha256" or len(name) != 64 or not name.isalnum():
            raise GatehouseError(f"{self.folder}: '{digest}' is not a SHA-256 digest")
        path = self.folder / "blobs/sha256" / name
        try:
            with path.open("rb") as stream:
                same = hashlib.file_digest(stream, "sha256").hexdigest() == name
        except OSError as error:
            raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None
        if not same:
            raise GatehouseError(f"{path}: is not what its name says; the image was changed")
        return path


def _path(entry: tarfile.TarInfo) -> PurePosixPath:
    """Return the path of a layer's entry, from the root.

    Raises:
        GatehouseError: the name contains `..`, so that it refers to another place than it seems to.
    """
    path = PurePosixPath(entry.name.lstrip("/"))
    if ".." in path.parts:
        raise GatehouseError(f"/{path} of the image has '..' in its name; build it again")
    return path


def _in_layer(blob: Path, wanted: PurePosixPath) -> bytes | None:
    """Return the bytes of a file in a layer, or None if the layer does not contain it.

    Raises:
        GatehouseError: the layer deletes the file, or replaces it by another kind of entry.
    """
    content: bytes | None = None
    hidden = False
    with tarfile.open(blob, mode="r:*") as layer:
        for entry in layer:
            path = _path(entry)
            if path == wanted:
                stream = layer.extractfile(entry) if entry.isreg() else None
                if stream is None:
                    raise GatehouseError(f"/{wanted} of the image is not a plain file")
                content = stream.read()  # if it occurs twice, the last one counts
            elif path in wanted.parents and path.parts and not entry.isdir():
                raise GatehouseError(f"/{path} of the image is no folder")
            hidden = hidden or _hides(path, wanted)
    if content is None and hidden:
        raise GatehouseError(f"the image has no file /{wanted}: an upper layer takes it away")
    return content


def _digests_in_layer(
    blob: Path, within: PurePosixPath
) -> tuple[dict[PurePosixPath, str], list[PurePosixPath]]:
    """Return the digests of a layer's files below `within` by path, and its whiteouts."""
    found: dict[PurePosixPath, str] = {}
    gone = []
    with tarfile.open(blob, mode="r:*") as layer:
        for entry in layer:
            path = _path(entry)
            if path.name.startswith(_GONE):
                gone.append(path)
            elif within in path.parents or path == within or path in within.parents:
                stream = layer.extractfile(entry) if entry.isreg() else None
                if stream is not None and within in path.parents:
                    digest = hashlib.sha256(stream.read()).hexdigest()
                    found[path] = f"sha256:{digest}"
                elif not entry.isdir():
                    raise GatehouseError(
                        f"/{path} of the image is neither a plain file nor a folder"
                    )
    return found, gone


def _hides(path: PurePosixPath, wanted: PurePosixPath) -> bool:
    """Return whether an entry is a whiteout that deletes the file of the lower layers."""
    if path.name == _ALL_GONE:
        return path.parent in wanted.parents
    gone = path.with_name(path.name.removeprefix(_GONE)) if path.name else path
    return path.name.startswith(_GONE) and gone in (wanted, *wanted.parents)
