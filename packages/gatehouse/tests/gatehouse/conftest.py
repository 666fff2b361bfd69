"""Fixtures of the core's tests."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatehouse.policy import Policy, parse_policy
from tests.gatehouse import s3 as stand_in
from tests.gatehouse.repository import Repository, own_settings, record
from tests.gatehouse.tiny import POLICY, Finished, lay_out
from tests.shared import once


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
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(root: Path) -> None:
        root.mkdir()
        record(Repository(root))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in own_settings(tmp_path_factory.getbasetemp()).items():
            patch.setenv(name, value)
        return once(tmp_path_factory, "recorded", make)


@pytest.fixture
def repository(_recorded: Path, tmp_path: Path) -> Repository:
    """A copy of its own of the tiny repository."""
    root = tmp_path / "work"
    shutil.copytree(_recorded, root, symlinks=True)
    return Repository(root)


@pytest.fixture(scope="session")
def _s3() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(_s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an empty server on this machine that speaks S3; real keys are not seen."""
    from moto.moto_api._internal.models import moto_api_backend

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    moto_api_backend.reset()
    stand_in.forget_clients()
    yield _s3
    stand_in.forget_clients()
