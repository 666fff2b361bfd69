"""The program that builds images: buildah, podman or docker, whichever is installed."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.release.layout import Layout
from gatehouse.release.tools import ToolError, found, run

CONTAINERFILE = Path(__file__).with_name("Containerfile")
BUILDERS = ("buildah", "podman", "docker")

_PINNED = re.compile(r"[^@]+@sha256:[0-9a-f]{64}|oci:[^:@]+")
_BASE_DIGEST = "org.opencontainers.image.base.digest"


def check_base(base_image: str) -> None:
    """Refuse a base image whose name may later refer to other content.

    Raises:
        GatehouseError: it is neither named by digest nor a folder.
    """
    if not _PINNED.fullmatch(base_image):
        raise GatehouseError(
            f"the base image '{base_image}' can change under its name; write NAME@sha256:DIGEST, "
            "or oci:FOLDER"
        )


def base_digest(base_image: str, image: Layout) -> str:
    """Return the `sha256:<hex>` of the manifest of the base that `image` was built on."""
    folder, digest = base_image.removeprefix("oci:"), base_image.partition("@")[2]
    recorded = (image.manifest.get("annotations") or {}).get(_BASE_DIGEST)
    return str(recorded or digest or Layout(Path(folder)).digest)


def build_layout(
    context: Path, base_image: str, labels: Mapping[str, str], time: int, folder: Path
) -> Layout:
    """Build the image from the files in `context`, as an OCI layout with compressed layers.

    Args:
        context: a folder with `site` and `bento`.
        base_image: one that passed `check_base`.
        labels: of the image.
        time: of the image and of every file in it, in seconds since 1970.
        folder: a new folder.

    Raises:
        GatehouseError: there is no builder, or it failed.
    """
    builder = next(filter(found, BUILDERS), None)
    if builder is None:
        raise GatehouseError(
            "none of buildah, podman and docker is installed, and one of them builds the image "
            "(Debian and Ubuntu: apt-get install buildah)"
        )
    with _stored(base_image, builder) as base:
        options = [f"--build-arg=BASE_IMAGE={base}", f"--file={CONTAINERFILE}", "--quiet"]
        options += [f"--label={key}={value}" for key, value in labels.items()]
        # The only step that runs code makes bytecode, which needs no privileges.
        isolation = os.environ.get("BUILDAH_ISOLATION", "chroot")
        name = f"localhost/gatehouse:{time}"
        try:
            for words in _commands(builder, options, time, context, folder, name):
                run(words, f"build the image by {builder}", BUILDAH_ISOLATION=isolation)
        finally:
            if builder == "podman":
                _remove(name, builder)
    return Layout(folder)


@contextlib.contextmanager
def _stored(base_image: str, builder: str) -> Iterator[str]:
    """Provide the base under a name that is the same on every machine."""
    if not base_image.startswith("oci:"):
        yield base_image
        return
    if builder == "docker":
        raise GatehouseError(f"{base_image}: docker takes its base from a registry; name one there")
    layout = Layout(Path(base_image.removeprefix("oci:")))
    name = f"localhost/gatehouse-base:{layout.digest[7:19]}"
    run(
        ["skopeo", "copy", "--quiet", f"oci:{layout.folder}", f"containers-storage:{name}"],
        f"take the base image {base_image}",
    )
    try:
        yield name
    finally:
        _remove(name, builder)


def _remove(name: str, builder: str) -> None:
    """Delete the image from the user's image store."""
    # It does not exist if the build failed, and cannot be deleted while another build uses it; that
    # build then deletes it.
    with contextlib.suppress(ToolError):
        run([builder, "rmi", name], f"remove {name} from the images here")


def _commands(
    builder: str, options: list[str], time: int, context: Path, folder: Path, name: str
) -> list[list[str]]:
    if builder == "docker":
        output = f"type=oci,tar=false,dest={folder},rewrite-timestamp=true"
        options += ["--provenance=false", "--sbom=false", f"--output={output}"]
        options += [f"--build-arg=SOURCE_DATE_EPOCH={time}"]
        return [["docker", "buildx", "build", *options, str(context)]]
    # The builder's version must not be in the digest.
    options += [f"--timestamp={time}", "--format=oci", "--layers=false", "--identity-label=false"]
    if builder == "buildah":
        options += ["--disable-compression=false", f"--tag=oci:{folder}:image"]
        return [["buildah", "build", *options, str(context)]]
    return [
        ["podman", "build", *options, f"--tag={name}", str(context)],
        ["podman", "push", "--quiet", name, f"oci:{folder}:image"],
    ]
