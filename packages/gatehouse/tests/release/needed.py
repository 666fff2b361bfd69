"""What the tests of the whole chain need of a machine: Debian's packages of these names."""

from __future__ import annotations

import importlib.util
import shutil

from tests.github.needed import missing

TOOLS = (
    ("buildah", "buildah"),
    ("podman", "podman"),
    ("runc", "runc"),
    ("skopeo", "skopeo"),
    ("docker-registry", "docker-registry"),
    ("htpasswd", "apache2-utils"),
    ("mmdebstrap", "mmdebstrap"),
    ("openssl", "openssl"),
    ("cosign", "cosign, of trixie"),
)


def lost_tools() -> list[str]:
    """Packages of the chain that are not here."""
    lost = [package for tool, package in TOOLS if shutil.which(tool) is None]
    if importlib.util.find_spec("cyclonedx_py") is None:
        lost.append("cyclonedx-bom (make .venv/.installed-dev)")
    return lost


def need_tools() -> None:
    """Skip where a program or package of the chain is not here."""
    if lost := lost_tools():
        missing(f"Debian's packages: {'; '.join(lost)}")
