"""Fixtures of the workflows' tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.github.api import GitHub
from tests.shared import once
from tests.workflows.act import act_binary
from tests.workflows.world import World, make_fork


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs a whole workflow in a fork is slow."""
    for item in items:
        if {"world", "slim_world"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def _fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    act_binary()
    return once(tmp_path_factory, "fork", make_fork)


@pytest.fixture
def world(_fork: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of its own of the fork, on a stand-in for GitHub."""
    origin = tmp_path / "origin.git"
    shutil.copytree(_fork / "origin.git", origin)
    with GitHub(tmp_path, origin=origin) as github:
        yield World.copy_of(_fork, tmp_path, github)


@pytest.fixture
def slim_world(slim_fork: Path, tmp_path: Path) -> Iterator[World]:
    """The same of a small fork, with its own tests and hooks."""
    act_binary()
    origin = tmp_path / "origin.git"
    shutil.copytree(slim_fork / "origin.git", origin)
    with GitHub(tmp_path, origin=origin) as github:
        yield World.copy_of(slim_fork, tmp_path, github)
