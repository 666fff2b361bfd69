"""The machine: programs, disk, .venv and the clone."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gatehouse import places
from gatehouse.digest import file_digest
from gatehouse.doctor.disk import check_disk
from gatehouse.doctor.environment import check_environment
from gatehouse.doctor.finding import Finding, Level
from gatehouse.doctor.tools import check_tools
from gatehouse.doctor.work_tree import LARGE, check_git
from gatehouse.places import LIBRARY_LOCK
from tests.gatehouse.template.repositories import Scratch, scratch


def told(findings: Iterable[Finding], level: Level) -> list[str]:
    return [each.text for each in findings if each.level is level]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, with every program that is looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("git", "make", "buildah", "node", "gh", "skopeo", "cosign"):
        (folder / name).write_text("#!/bin/sh\necho version 99.1\n")
        (folder / name).chmod(0o755)
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.11"\n')
    return folder


def test_tools(programs: Path) -> None:
    """Attacks: a program that is missing, one that is too old, and a Python that nobody tried."""
    root = programs.parent
    assert {each.level for each in check_tools(root)} == {Level.FINE}
    (programs / "make").write_text("#!/bin/sh\necho GNU Make 3.79.1\n")
    for name in ("git", "gh", "buildah"):
        (programs / name).unlink()
    (root / "pyproject.toml").write_text('[project]\nrequires-python = "<3"\n')
    found = list(check_tools(root))
    problems = told(found, Level.PROBLEM)
    assert problems[:2] == ["git is not on PATH", "make is 3.79.1"]
    assert "only <3 was tried" in problems[2]
    warnings = "\n".join(told(found, Level.WARNING))
    assert "can build nothing here" in warnings
    assert "gh is not on PATH" in warnings


@pytest.mark.parametrize(
    ("free", "level"), [(50e9, Level.FINE), (3e9, Level.WARNING), (5e8, Level.PROBLEM)]
)
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: Level) -> None:
    """Attacks: a disk that fills in the middle of a run."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (found,) = check_disk(tmp_path)
    assert found.level is level


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks: no environment, one of an older lock, another one's command; markers count."""
    assert told(check_environment(tmp_path), Level.PROBLEM)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    packages = tmp_path / ".venv/lib/python3.11/site-packages"
    for name, version in (("my_tool", "1.2"), ("torch", "2.13.0+cpu")):
        folder = packages / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (tmp_path / ".venv/.installed-run").touch()
    lock = tmp_path / "requirements/run.txt"
    lock.parent.mkdir()
    lock.write_text(
        "# a comment\nMy.Tool==1.2 \\\n    --hash=sha256:00\ntorch==2.13.0\n"
        'wintool==3 ; sys_platform == "none" \\\n    --hash=sha256:00\n'
    )
    assert [each.level for each in check_environment(tmp_path)] == [Level.FINE]
    lock.write_text("my-tool==1.3\nother==2\n")
    (problem,) = check_environment(tmp_path)
    assert problem.level is Level.PROBLEM
    assert "my-tool is 1.2, not 1.3, other is missing" in problem.text
    assert problem.fix == "make setup"
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert "is the gatehouse of /usr" in told(check_environment(tmp_path), Level.WARNING)[0]


def test_the_wheel_of_a_small_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks: a wheel that the lock does not name, and an installation of an earlier one."""
    installed = tmp_path / "site/gatehouse"
    for folder in (installed, tmp_path / "vendor", tmp_path / "requirements"):
        folder.mkdir(parents=True)
    (installed / "judge.py").write_text("")
    monkeypatch.setattr(places, "PACKAGE", installed)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.installed-run").touch()
    (tmp_path / "requirements/run.txt").touch()
    wheel, lock = tmp_path / "vendor/gatehouse-1.0-py3-none-any.whl", tmp_path / LIBRARY_LOCK
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("gatehouse/judge.py", "")
    digest = file_digest(wheel).removeprefix("sha256:")
    lock.write_text(f"gatehouse==1.0 --hash=sha256:{digest}\n")
    assert told(check_environment(tmp_path), Level.FINE)[-1] == (
        "gatehouse is vendor/gatehouse-1.0-py3-none-any.whl, as requirements/gatehouse.txt locks it"
    )
    (installed / "judge.py").write_text("earlier")
    (found,) = told(check_environment(tmp_path), Level.PROBLEM)
    assert found == "the gatehouse that runs is not vendor/gatehouse-1.0-py3-none-any.whl"
    lock.write_text(f"gatehouse==1.0 --hash=sha256:{'0' * 64}\n")
    (found,) = told(check_environment(tmp_path), Level.PROBLEM)
    assert "is not what requirements/gatehouse.txt locks" in found


@pytest.fixture
def clone(tmp_path: Path) -> Scratch:
    """A clone in order, of a repository whose default branch is main."""
    origin = scratch(tmp_path / "origin")
    origin.commit("a run", {"dvc.lock": "schema: '2.0'\n"})
    origin.git("clone", "-q", str(origin.root), str(tmp_path / "clone"))
    made = Scratch(tmp_path / "clone")
    for setting in ("user.name=Tester", "user.email=tester@example.org"):
        made.git("config", *setting.split("="))
    made.git("config", "merge.gatehouse-lock.driver", "true")
    return made


def test_git(clone: Scratch, tmp_path: Path) -> None:
    """Attacks: uncommitted work, another default branch, data in Git, a clone without drivers."""
    assert {each.level for each in check_git(clone.root)} == {Level.FINE}
    clone.git("config", "--unset", "merge.gatehouse-lock.driver")
    large = "x" * (LARGE + 1)
    clone.commit("big", {"rows.csv": large, "vendor/gatehouse-1.0.whl": large, "dvc.lock": None})
    (clone.root / "new.txt").touch()
    clone.git("branch", "-q", "trunk")
    clone.git("push", "-q", "origin", "trunk")
    clone.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    found = list(check_git(clone.root))
    assert told(found, Level.PROBLEM) == []
    for part in ("1 file is not committed, such as new.txt", "default branch is trunk",
                 "no merge drivers", "1 files over 1 MB", "no dvc.lock"):  # fmt: skip
        assert any(part in text for text in told(found, Level.WARNING)), part
    assert all(each.fix for each in found if each.level is Level.WARNING)

    clone.git("remote", "remove", "origin")
    assert "there is no remote" in told(check_git(clone.root), Level.WARNING)
    assert "no commit to work from" in told(check_git(tmp_path), Level.PROBLEM)[0]
