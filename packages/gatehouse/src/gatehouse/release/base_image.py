"""A base image from Debian packages, for use without a registry; it contains no compiler."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gatehouse.release.layout import Layout
from gatehouse.release.tools import run

SUITE = "bookworm"
"""The Debian release; the packages are installed for its Python."""

_PACKAGES = "python3,ca-certificates,usr-is-merged"
"""The last one provides `usrmerge`, which would otherwise install all of Perl, 47 MB."""
_MERGED = "/usr/share/mmdebstrap/hooks/merged-usr"
"""mmdebstrap's own steps that give the image its merged /usr."""
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def make_base(folder: Path, time: int) -> Layout:
    """Make a base image with mmdebstrap and buildah, as an OCI layout in the new `folder`.

    Args:
        folder: of the layout.
        time: of the image and its files, in seconds since 1970.

    Raises:
        GatehouseError: one of the two is not installed, or Debian's mirror can't be reached.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gatehouse-base-") as scratch:
        root = Path(scratch) / "root.tar"
        run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}",
             f"--hook-dir={_MERGED}",
             *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT), SUITE, root],
            "make a base image of Debian's packages",
            SOURCE_DATE_EPOCH=str(time),
        )  # fmt: skip
        container = run(["buildah", "from", "scratch"], "begin an image").strip()
        try:
            run(["buildah", "add", "--quiet", container, root, "/"], "fill the base image")
            run(
                ["buildah", "commit", "--quiet", f"--timestamp={time}", "--format=oci",
                 "--identity-label=false", "--disable-compression=false", container,
                 f"oci:{folder}:base"],
                "store the base image",
            )  # fmt: skip
        finally:
            run(["buildah", "rm", container], "clean up")
    return Layout(folder)
