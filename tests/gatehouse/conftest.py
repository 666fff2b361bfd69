"""Fixtures of the core's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatehouse.policy import Policy, parse_policy
from tests.gatehouse.repository import Repository, own_settings, record
from tests.gatehouse.tiny import POLICY, Finished, lay_out


@pytest.fixture
def policy() -> Policy:
    return parse_policy(POLICY, "policy.yaml")


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    """A finished run without a base, whose verdict is pass."""
    root = tmp_path / "work"
    root.mkdir()
    lay_out(root)
    run = Finished(root)
    run.write_all()
    return run


Command = Callable[..., Result]


@pytest.fixture
def gatehouse(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `gatehouse` in this process, in a folder."""
    from gatehouse.cli import main

    def run(*arguments: str, cwd: Path) -> Result:
        monkeypatch.chdir(cwd)
        result = CliRunner().invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(
            result.exception
        )
        return result

    return run


@pytest.fixture(autouse=True)
def _own_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name, value in own_settings(tmp_path_factory.getbasetemp()).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("recorded") / "work"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own_settings(tmp_path_factory.getbasetemp()).items():
            patch.setenv(name, value)
        record(Repository(root))
        yield root


@pytest.fixture
def repository(_recorded: Path, tmp_path: Path) -> Repository:
    """A copy of its own of the tiny repository."""
    root = tmp_path / "work"
    shutil.copytree(_recorded, root, symlinks=True)
    return Repository(root)
