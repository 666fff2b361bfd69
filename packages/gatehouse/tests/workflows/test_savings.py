"""Attacks what saves minutes: whatever a job leaves out must be what would have passed again."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.definitions import REPOSITORY, load

WORKFLOWS = REPOSITORY / ".github/workflows"
PULL_REQUEST, PIPELINE = (load(WORKFLOWS / f"{name}.yml") for name in ("pull-request", "pipeline"))


def script_of(workflow: Any, job: str, name: str) -> str:
    """The script of a step."""
    (found,) = (each for each in workflow["jobs"][job]["steps"] if each["name"] == name)
    return str(found["run"])


def bash(script: str, folder: Path, **variables: str) -> str:
    """Run a step as GitHub does where it says `shell: bash`; what it printed."""
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    given = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(
        words, cwd=folder, env=given, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("same", [True, False])
def test_the_pipeline_installs_once_where_the_locks_are_the_same(
    same: bool, tmp_path: Path
) -> None:
    """Attacks the packages of other locks, and a .venv that the change brings itself."""
    before, after = (
        script_of(PIPELINE, "pipeline", name)
        for name in (
            "Put the packages by", "Take the packages again, where the locks are the same"
        )
    )  # fmt: skip
    here, temporary = tmp_path / "checkout", tmp_path / "temporary"
    temporary.mkdir()

    def lay(packages: str, lock: str) -> None:
        for name, text in ((".venv/packages", packages), ("requirements/run.txt", lock)):
            (here / name).parent.mkdir(parents=True)
            (here / name).write_text(text)

    lay("ours", "one")
    bash(before, here, RUNNER_TEMP=str(temporary))
    lay("the change's", "one" if same else "two")
    bash(after, here, RUNNER_TEMP=str(temporary))
    assert (here / ".venv/packages").read_text() == ("ours" if same else "the change's")
    assert sorted(path.name for path in here.iterdir()) == [".venv", "requirements"]


CHANGED = {"a.py": "1", "--all-files": "hostile", "two words.md": "1", "new\nline.md": "1"}


@pytest.mark.parametrize(
    ("machinery", "change", "all_files"),
    [
        ("false", CHANGED, False),
        ("false", {}, False),
        ("true", CHANGED, True),
        ("", CHANGED, True),
        ("false", CHANGED | {".pre-commit-config.yaml": "2"}, True),
        ("false", {"pyproject.toml": "2"}, True),
        ("false", CHANGED | {"kept.py": None}, True),
    ],
    ids=["free", "nothing", "machinery", "unknown", "hooks", "settings", "a file that is gone"],
)
def test_what_is_checked_of_a_change(
    machinery: str, change: dict[str, str | None], all_files: bool, tmp_path: Path
) -> None:
    """Attacks the checks by a name that reads as an option, and by what decides on other files."""
    recorder = '#!/bin/sh\nprintf "%s\\0" "$@" >>called\n'
    files = {".venv/bin/pre-commit": recorder, "kept.py": "1", "pyproject.toml": "1",
             ".pre-commit-config.yaml": "1", "Makefile": "check:\n\t@touch all\n"}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".venv/bin/pre-commit").chmod(0o755)
    commit = "git add -A . && git -c user.name=n -c user.email=n@example.com commit -qm one"
    bash(f"git init -q && {commit} && git tag base", tmp_path)
    for name, now in change.items():
        (tmp_path / name).unlink() if now is None else (tmp_path / name).write_text(now)
    bash(f"{commit} --allow-empty", tmp_path)
    script = script_of(PULL_REQUEST, "checks", "Static checks")
    bash(script, tmp_path, BASE="base", MACHINERY=machinery)
    assert (tmp_path / "all").exists() == all_files
    called = tmp_path / "called"
    words = called.read_text().split("\0")[:-1] if called.exists() else []
    expected = ["run", "--show-diff-on-failure", "--files", *(f"./{name}" for name in change)]
    assert sorted(words) == (sorted(expected) if change and not all_files else [])
    bash(script, tmp_path, BASE="no commit", MACHINERY="false")
    assert (tmp_path / "all").exists()


def install(folder: Path, target: str, lock: str) -> subprocess.CompletedProcess[str]:
    """Install as scripts/install.sh does, from the folder of wheels, into a new folder."""
    words = ["pip", "install", "--no-config", "--no-index", "--find-links", "wheels"]
    words += ["--target", target, "--require-hashes", "--requirements", "lock.txt"]
    (folder / "lock.txt").write_text(lock)
    environment = os.environ | {"UV_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "uv", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_wheel_is_held_against_the_locks_and_a_cache_is_not(tmp_path: Path) -> None:
    """Attacks an installation by what it finds there: why no job takes uv's cache or a .venv.

    docs/runners.md rests on it.
    """
    wheel = tmp_path / "wheels/tiny-1-py3-none-any.whl"
    wheel.parent.mkdir()
    files = {
        "tiny.py": "", "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1",
        "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        "tiny-1.dist-info/RECORD": "",
    }  # fmt: skip
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    lock = f"tiny==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    done = install(tmp_path, "first", lock)
    assert done.returncode == 0, done.stderr

    (unpacked,) = (tmp_path / "cache").rglob("tiny.py")
    unpacked.unlink()  # it is one file with what was installed
    unpacked.write_text("poisoned = True\n")
    assert install(tmp_path, "second", lock).returncode == 0
    assert "poisoned" in (tmp_path / "second/tiny.py").read_text()

    shutil.rmtree(tmp_path / "cache")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("evil.py", "poisoned = True\n")
    refused = install(tmp_path, "third", lock)
    assert refused.returncode != 0
    assert "Hash mismatch for `tiny==1`" in refused.stderr
    assert not (tmp_path / "third/evil.py").exists()
