"""The image's Python packages: installed from the lock, listed with their licences."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.places import LIBRARY, LIBRARY_LOCK, VENDOR, wheel_of
from gatehouse.release.tools import run
from gatehouse.typed import write_text

LOCK = Path("requirements/serve.txt")
PYTHON = "3.11"
"""Python version in the base image."""

_CLASSIFIER = "License :: OSI Approved :: "
_PLATFORMS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def architecture() -> str:
    """Return the architecture of this machine and of the image: x86_64 or aarch64.

    Raises:
        GatehouseError: it is another one.
    """
    found = _PLATFORMS.get(platform.machine().lower())
    if found is None:
        raise GatehouseError(
            f"this machine is a {platform.machine()}; images are built on x86_64 and aarch64"
        )
    return found


def install(root: Path, folder: Path) -> None:
    """Install the service's dependencies into the new `folder`: only wheels, each by its SHA-256.

    No code of a package runs here. File modes do not depend on this machine's umask. If `root` has
    the library's source, the Bento contains it; otherwise, the library's wheel is installed as
    well.

    Raises:
        GatehouseError: a package has no wheel for the image, or another hash than the lock's.
    """
    _install(root / LOCK, folder)
    if not (root / LIBRARY).is_dir():
        vendored = ("--no-index", "--find-links", str(root / VENDOR)) if wheel_of(root) else ()
        _install(root / LIBRARY_LOCK, folder, *vendored)
    # Scripts that begin with the path of this machine's Python.
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)


def _install(lock: Path, folder: Path, *options: str | Path) -> None:
    run(
        [sys.executable, "-m", "uv", "pip", "install", "--target", folder,
         "--python-version", PYTHON, "--python-platform", f"{architecture()}-manylinux_2_28",
         "--only-binary", ":all:", "--require-hashes", "--no-deps", "--link-mode", "copy",
         *options, "--requirement", lock],
        f"install what {lock.name} locks",
    )  # fmt: skip


def same_modes(folder: Path) -> None:
    """Make the files in `folder` readable for everyone, and writable only for the owner."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def write_sbom(site: Path, project: Path, work: Path, path: Path, time: int) -> None:
    """Write the CycloneDX list of the packages in `site`; equal packages give equal bytes.

    Args:
        site: where they are installed.
        project: the `pyproject.toml` of the project that needs them.
        work: a scratch folder.
        path: of the list.
        time: the list's timestamp, in seconds since 1970.
    """
    # An environment that contains only these packages.
    run([sys.executable, "-m", "venv", "--without-pip", work], "make an environment for the SBOM")
    for packages in work.glob("lib*/python*/site-packages"):
        write_text(packages / "image.pth", f"{site.resolve()}\n")
    run(
        [sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", project,
         # A test checks the output against the schema; here, that would take most of the time.
         "--output-reproducible", "--no-validate", "--of", "JSON", "--output-file", path, work],
        "list the image's packages (cyclonedx-py)",
        SOURCE_DATE_EPOCH=str(time),
    )  # fmt: skip


def licence_list(sbom: Path) -> str:
    """Return the packages of a CycloneDX list with versions and licences, as Markdown."""
    components = json.loads(sbom.read_text("utf-8")).get("components", [])
    lines = ["# Licences of the packages in the image", "", "| package | version | licence |",
             "| :--- | :--- | :--- |"]  # fmt: skip
    for each in sorted(components, key=lambda each: str(each["name"]).lower()):
        licences = " ".join(", ".join(_licences(each)).replace("|", "/").split())
        lines.append(f"| {each['name']} | {each.get('version', '')} | {licences or 'not stated'} |")
    return "\n".join(lines) + "\n"


def _licences(component: dict[str, object]) -> list[str]:
    found = []
    entries = component.get("licenses")
    for entry in entries if isinstance(entries, list) else []:
        named = entry.get("license", {})
        # Some packages give the whole licence instead of its name; its first line is the name.
        text = entry.get("expression") or named.get("id") or named.get("name", "")
        found.append(str(text).removeprefix(_CLASSIFIER).strip().partition("\n")[0][:80])
    return sorted({text for text in found if text})
