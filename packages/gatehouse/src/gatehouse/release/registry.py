"""Push to and pull from a registry with skopeo, checking that the digest does not change."""

from __future__ import annotations

from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.release.layout import Layout
from gatehouse.release.promote import Image, parse_image
from gatehouse.release.tools import run


def push(image: Layout, name: str, tag: str) -> Image:
    """Push an image to the repository `name` of a registry, with a tag for people.

    Raises:
        GatehouseError: `name` is invalid, or the registry refuses.
    """
    target = parse_image(f"{name}@{image.digest}")
    run(
        ["skopeo", "copy", "--quiet", "--preserve-digests", f"oci:{image.folder}",
         f"docker://{name}:{tag}"],
        f"push to {name}",
    )  # fmt: skip
    return target


def pull(image: Image, folder: Path) -> Layout:
    """Pull an image by its digest into the new `folder`.

    Raises:
        GatehouseError: the registry has no such image, or refuses, or returned another image.
    """
    run(
        ["skopeo", "copy", "--quiet", "--preserve-digests", f"docker://{image}",
         f"oci:{folder}:image"],
        f"pull {image}",
    )  # fmt: skip
    layout = Layout(folder)
    if layout.digest != image.digest:
        raise GatehouseError(f"{image}: what was pulled has the digest {layout.digest}")
    return layout
