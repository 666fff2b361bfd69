"""The small pipeline, recorded once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gatehouse.lock.pipeline import record
from tests.gatehouse.repository import Repository, own_settings
from tests.gatehouse.tiny import ROOT


@pytest.fixture(scope="session")
def _pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("pipeline") / "work"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own_settings(tmp_path_factory.getbasetemp()).items():
            patch.setenv(name, value)
        record(Repository(root), ROOT / ".gitattributes")
        yield root


@pytest.fixture
def pipeline(_pipeline: Path, tmp_path: Path) -> Repository:
    root = tmp_path / "pipeline"
    shutil.copytree(_pipeline, root, symlinks=True)
    return Repository(root)
