"""A base image of Debian's packages, made once for all tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import once


def base_image(factory: pytest.TempPathFactory) -> str:
    """What `gatehouse image base` makes, as `--base` takes it."""
    folder = once(factory, "base-image", _make)
    return f"oci:{folder / '.gatehouse/base-image'}"


def _make(folder: Path) -> None:
    folder.mkdir()
    command = [sys.executable, "-m", "gatehouse.cli", "image", "base"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("oci:.gatehouse/base-image")
