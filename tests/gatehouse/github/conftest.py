"""Fixtures of the tests of what runs on GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gatehouse.github.fork import Fork, make_fork
from tests.gatehouse.github.hub import Hub
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import POLICY
from tests.github.api import GitHub

MAIN = {"dvc.lock": "one\n", "reports/report.md": "one\n", "policy.yaml": POLICY}


@pytest.fixture
def fork(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fork]:
    """A fork on a stand-in for GitHub."""
    folder = tmp_path / "hub"
    with GitHub(folder) as github:
        yield make_fork(github, repository, folder, monkeypatch)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A repository with main, the branch `change` and its pull request 1; no data, no model."""
    folder = tmp_path / "hub"
    with GitHub(folder) as github:
        made = Hub(github, folder, monkeypatch)
        base = made.commit("main", MAIN)
        made.commit("change", {"params.yaml": "seed: 1\n"}, base)
        made.open("change")
        yield made
