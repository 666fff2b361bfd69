"""The image of each environment: one entry, by digest, in the overlay's `kustomization.yaml`.

A release writes staging's entry, and production's is copied from staging's. Only the characters of
the value change, so the commit is a diff of one line, and `git revert` undoes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.typed import parse_yaml, read_text, write_text
from gatehouse.yaml_text import Key, set_values

STAGING = Path("deploy/overlays/staging/kustomization.yaml")
PRODUCTION = Path("deploy/overlays/production/kustomization.yaml")

ENTRY = "model"  # the image's name in deploy/base
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NOTHING = "sha256:" + "0" * 64  # the template's value until the first release
# The grammar of the OCI distribution reference: host, optional port, lower-case path.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"[A-Za-z0-9.-]+(?::[0-9]+)?(?:/{_PART})+")
# Without any of these, Docker reads the first part as a name on Docker Hub, while other tools read
# it as a host.
_HOST = re.compile(r"[^/]*[.:][^/]*/.*|localhost/.*")


@dataclass(frozen=True)
class Image:
    """An image that can be pulled: `name` such as ghcr.io/owner/name, `digest` sha256:<64 hex>."""

    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"


@dataclass(frozen=True)
class Change:
    """The images of an environment before and after; equal if nothing changed."""

    before: Image
    after: Image


def parse_image(reference: str) -> Image:
    """Parse `name@sha256:<64 hex>` as an image.

    Raises:
        GatehouseError: it has a tag, has no digest, or is not an image reference.
    """
    name, at, digest = reference.partition("@")
    if not at:
        raise GatehouseError(
            f"'{reference}': names no digest, and a tag can be moved; write NAME@sha256:DIGEST"
        )
    _check_digest(digest, f"'{name}'")
    if digest == _NOTHING:
        raise GatehouseError(f"'{reference}': is the placeholder for no image; name a real one")
    if not _NAME.fullmatch(name):
        raise GatehouseError(
            f"'{name}': is not an image's name; write it as ghcr.io/owner/name, in lower case, "
            "with no tag"
        )
    if not _HOST.fullmatch(name):
        raise GatehouseError(
            f"'{name}': names no registry, and programs do not agree where that is; write it in "
            f"full, such as ghcr.io/{name} or docker.io/{name}"
        )
    return Image(name, digest)


def image_of(overlay: Path) -> Image:
    """Return the image that an overlay's `kustomization.yaml` names.

    Raises:
        GatehouseError: the file is unreadable, has not exactly one entry for the image, or the
            entry has a tag or a malformed digest.
    """
    return _read(read_text(overlay), overlay)[1]


def stage(image: Image, root: Path = Path()) -> Change:
    """Write `image` into the staging overlay.

    Raises:
        GatehouseError: the overlay is unreadable or has not exactly one entry for the image.
    """
    return _write(root / STAGING, image)


def promote(root: Path = Path()) -> Change:
    """Copy staging's image to the production overlay.

    Raises:
        GatehouseError: nothing was released yet, staging names no image by digest, or an overlay is
            unreadable or has not exactly one entry for the image. Nothing is written then.
    """
    staged = image_of(root / STAGING)
    if staged.digest == _NOTHING:
        raise GatehouseError(f"{STAGING}: holds no image yet; nothing was released, so that there "
                             "is nothing to promote")  # fmt: skip
    return _write(root / PRODUCTION, parse_image(str(staged)))


def _check_digest(digest: str, where: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise GatehouseError(f"{where}: '{digest}' is not a digest; write sha256: and 64 of 0-9a-f")


def _write(path: Path, image: Image) -> Change:
    text = read_text(path)
    place, before = _read(text, path)
    new = {"newName": image.name, "digest": image.digest}
    changes: dict[Key, str] = {("images", place, key): value for key, value in new.items()}
    changed = set_values(text, changes, path)
    if changed != text:
        write_text(path, changed)
    return Change(before, image)


def _read(text: str, path: Path) -> tuple[int, Image]:
    """Return the index of the image's entry in the list `images`, and the image."""
    place, entry = _entry(parse_yaml(text, path), path)
    if "newTag" in entry:
        raise GatehouseError(
            f"{path}: {ENTRY} has a tag (newTag), which can be moved; take it out, the digest says "
            "it all"
        )
    for key in ("newName", "digest"):
        if not isinstance(entry.get(key), str):
            raise GatehouseError(f"{path}: {ENTRY} has no {key}; write one in its entry")
    _check_digest(entry["digest"], f"{path}: {ENTRY}")
    return place, Image(str(entry["newName"]), str(entry["digest"]))


def _entry(overlay: Any, path: Path) -> tuple[int, Any]:
    """Return the image's only entry in a parsed `kustomization.yaml`, and its index in the list."""
    images = overlay.get("images") if isinstance(overlay, dict) else None
    entries = images if isinstance(images, list) else []
    found = [(place, each) for place, each in enumerate(entries)
             if isinstance(each, dict) and each.get("name") == ENTRY]  # fmt: skip
    if len(found) != 1:
        raise GatehouseError(f"{path}: images: has {len(found)} entries with name: {ENTRY}; it "
                             "must have exactly one")  # fmt: skip
    return found[0]
