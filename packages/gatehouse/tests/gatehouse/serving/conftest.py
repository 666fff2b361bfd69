"""Fixtures of the service's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gatehouse.serving.place import Client, lay_out, serving


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with what is served."""
    return lay_out(tmp_path)


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    """The service with its defaults."""
    with serving(root) as client:
        yield client
