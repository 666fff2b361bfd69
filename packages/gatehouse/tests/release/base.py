"""A base image of Debian's packages, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.clone import copy_checkout
from tests.shared import once


def base_image(factory: pytest.TempPathFactory) -> str:
    """What `gatehouse image base` makes, as `--base` takes it."""
    folder = once(factory, "base-image", _make)
    return f"oci:{folder / '.gatehouse/base-image'}"


def _make(folder: Path) -> None:
    folder.mkdir()
    said = copy_checkout(folder).gatehouse("image", "base")
    assert "oci:.gatehouse/base-image" in said
