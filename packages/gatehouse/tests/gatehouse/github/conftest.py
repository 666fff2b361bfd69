"""Fixtures of the tests of what runs on GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gatehouse.github.asking import ask
from tests.gatehouse.github.change import Change
from tests.gatehouse.github.desk import Desk
from tests.gatehouse.github.fork import Fork, make_fork
from tests.gatehouse.github.gh import Gh, lay_clone, put_on_path
from tests.gatehouse.github.hub import Hub
from tests.gatehouse.github.talk import Talk
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
def asking(fork: Fork) -> Fork:
    """The same, whose policy asks where a model comes from; its gates find nothing else."""
    return ask(fork)


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


@pytest.fixture
def desk(hub: Hub) -> Desk:
    """Pull request 1 of `hub`, judged and about to be published."""
    return Desk(hub)


@pytest.fixture
def change(hub: Hub) -> Change:
    """Pull request 1 of `hub`, which fails a rule that owners may accept."""
    return Change(hub)


@pytest.fixture
def talk(hub: Hub) -> Talk:
    """The same, once the gates' answer is stored."""
    return Talk(hub)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with owners as the working directory, and no program on PATH but `bin`."""
    monkeypatch.chdir(lay_clone(tmp_path / "clone"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "clone"


@pytest.fixture
def gh(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Gh:
    """A new repository on GitHub, which the stand-in on PATH reaches."""
    return put_on_path(clone.parent, monkeypatch)
