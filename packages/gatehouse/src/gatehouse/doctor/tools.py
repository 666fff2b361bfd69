"""Programs that the commands need, and their versions."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from gatehouse.doctor.finding import Area, Finding
from gatehouse.release.builder import BUILDERS
from gatehouse.typed import read_text

AREA = Area("tools")
_SECONDS = 20
_NEEDED = {"git": (2, 25), "make": (3, 81)}
_WANTED = {
    "node": "the tests of the workflows are skipped without it (and npm)",
    "gh": "`make github-settings` and this command's look at GitHub need it (https://cli.github.com)",
    "skopeo": "pushing and pulling images need it (docs/release.md)",
    "cosign": "signing and verifying images need it (docs/release.md)",
}


def check_tools(root: Path) -> Iterator[Finding]:
    """Check that Git, make and Python have tested versions, and list other installed programs."""
    for name, least in _NEEDED.items():
        found, wanted = version(name), ".".join(map(str, least))
        if found is None:
            yield AREA.problem(f"{name} is not on PATH", f"install {name} {wanted} or newer")
        elif found < least:
            installed = ".".join(map(str, found))
            yield AREA.problem(f"{name} is {installed}", f"install {name} {wanted} or newer")
        else:
            yield AREA.fine(f"{name} {'.'.join(map(str, found))}")
    yield _python(root)
    builder = next(filter(shutil.which, BUILDERS), None)
    if builder:
        yield AREA.fine(f"{builder} builds images")
    else:
        yield AREA.warning(
            f"none of {', '.join(BUILDERS)} is on PATH: `make image` can build nothing here",
            "install one where images are built (GitHub's runners have them), such as buildah",
        )
    for name, why in _WANTED.items():
        if shutil.which(name):
            yield AREA.fine(name)
        else:
            yield AREA.warning(f"{name} is not on PATH: {why}", f"install {name} where you need it")


def version(program: str) -> tuple[int, ...] | None:
    """Return the first version in the output of `program --version`; None if it is not on PATH."""
    if shutil.which(program) is None:
        return None
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return tuple(map(int, found[0].split("."))) if found else ()


def _python(root: Path) -> Finding:
    from packaging.specifiers import SpecifierSet

    here = ".".join(map(str, sys.version_info[:3]))
    allowed = tomllib.loads(read_text(root / "pyproject.toml"))["project"]["requires-python"]
    if here not in SpecifierSet(allowed):
        return AREA.problem(
            f"Python is {here}, and only {allowed} was tried",
            "rm -rf .venv, then make setup PYTHON=/path/to/one of these",
        )
    return AREA.fine(f"Python {here}")
