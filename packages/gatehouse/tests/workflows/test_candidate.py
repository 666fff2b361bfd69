"""Attacks the size of a candidate, and how long GitHub keeps it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.workflows.definitions import REPOSITORY, load, steps_of

SCRIPT = steps_of(load(REPOSITORY / ".github/actions/candidate/action.yml"))[0]["run"]


def name_it(folder: Path, remote: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the step in a folder with a candidate of 3 MB; its outputs are in `folder`/output."""
    for name in ("data/raw", "models", "reports/train"):
        (folder / name).mkdir(parents=True)
    (folder / "dvc.lock").touch()
    (folder / "models/model.onnx").write_bytes(bytes(3_000_000))
    (folder / ".venv/bin").mkdir(parents=True)
    gatehouse = folder / ".venv/bin/gatehouse"
    gatehouse.write_text(f'#!/bin/sh\n[ "$1" = github ] && echo key || echo "{remote}"\n')
    gatehouse.chmod(0o755)
    environment = {
        "MEGABYTES": "500", "DAYS": "", "ROWS": "", "GITHUB_OUTPUT": str(folder / "output"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", SCRIPT],
        cwd=folder,
        env=environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("remote", "days", "kept"),
    [("", "", 90), ("s3://bucket", "", 30), ("", "7", 7), ("s3://bucket", "400", 400)],
)
def test_how_long_it_is_kept(remote: str, days: str, kept: int, tmp_path: Path) -> None:
    """Attacks a bill for copies of what the DVC remote has, and an idle setting."""
    done = name_it(tmp_path, remote, DAYS=days)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "output").read_text() == f"days={kept}\nkey=key\n"


@pytest.mark.parametrize("days", ["0", "-3", "1.5", "401", "a week", "7; echo", "07"])
def test_wrong_days_are_said(days: str, tmp_path: Path) -> None:
    done = name_it(tmp_path, DAYS=days)
    assert done.returncode == 1
    assert f"::error::the repository variable CANDIDATE_DAYS is '{days}'" in done.stdout


@pytest.mark.parametrize("size", ["", "0", "much", "1.5", "-1"])
def test_a_wrong_size_is_said(size: str, tmp_path: Path) -> None:
    done = name_it(tmp_path, MEGABYTES=size)
    assert done.returncode == 1
    assert f"::error::the repository variable CANDIDATE_MB is '{size}'" in done.stdout


def test_a_large_candidate_is_refused(tmp_path: Path) -> None:
    done = name_it(tmp_path, MEGABYTES="2")
    assert done.returncode == 1
    assert "over the 2 MB of the repository variable CANDIDATE_MB" in done.stdout
