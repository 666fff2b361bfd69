"""Attacks stages that are forks: another folder or environment, a lost failure, no shell."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from gatehouse.forked import ALONE, module_and_arguments
from gatehouse.run import reproduce

PROBE = """\
import json, os, pathlib, sys
stage = os.environ["DVC_STAGE"]
pathlib.Path(f"{stage}.json").write_text(json.dumps({
    "folder": os.getcwd(), "words": sys.argv[1:], "name": __name__,
    "fork": "pandas" in sys.modules, "asked": os.environ.get("ASKED"),
}))
print(f"{stage} ran")
sys.exit(int(sys.argv[-1]))
"""
STAGES = """\
stages:
  first: {cmd: python -P -m probe 0, outs: [first.json]}
  second: {cmd: python -P -m probe 'a b' 0, deps: [first.json], outs: [second.json]}
  third: {cmd: cd . && python -P -m probe 0, deps: [second.json], outs: [third.json]}
  last: {cmd: python -P -m probe LAST, deps: [third.json], outs: [last.json]}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of four stages, each of which writes down how it was run."""
    for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / name))
    monkeypatch.delenv(ALONE, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "root"), *sys.path]))
    root = tmp_path / "root"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    (root / "probe.py").write_text(PROBE)
    (root / "dvc.yaml").write_text(STAGES.replace("LAST", "0"))
    return root


def ran(root: Path, stage: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / f"{stage}.json").read_text())
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="stages are forks on Linux alone")
def test_a_fork_runs_as_the_command_would(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Attacks arguments, folder, environment and streams of a stage that is a fork."""
    assert reproduce(root=repository, ASKED="yes")
    same = {"folder": str(repository), "name": "__main__", "asked": "yes"}
    assert ran(repository, "first") == {**same, "words": ["0"], "fork": False}
    assert ran(repository, "second") == {**same, "words": ["a b", "0"], "fork": True}
    assert ran(repository, "third") == {**same, "words": ["0"], "fork": False}
    assert ran(repository, "last") == {**same, "words": ["0"], "fork": True}
    assert capfd.readouterr().out.split("\n")[:4] == [
        f"{stage} ran" for stage in ("first", "second", "third", "last")
    ]


def test_a_fork_that_fails_ends_the_run(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Attacks an exit code that is lost between the fork and DVC."""
    (repository / "dvc.yaml").write_text(STAGES.replace("LAST", "3"))
    assert not reproduce(root=repository)
    assert "exited with 3" in capfd.readouterr().err


def test_stages_can_start_a_python_of_their_own(repository: Path) -> None:
    """Attacks the way out: for a debugger, or what must see each process begin."""
    assert reproduce(root=repository, **{ALONE: "1"})
    assert not ran(repository, "last")["fork"]


def test_a_long_path_of_temporary_files_is_no_error(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the fork server's socket, whose path must be short."""
    place = tmp_path / ("long" * 30)
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    assert reproduce(root=repository)
    assert not ran(repository, "last")["fork"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gatehouse measure data", ["gatehouse.cli", "measure", "data"]),
        ("python -P -m pipeline.own 'a b'", ["pipeline.own", "a b"]),
        ("python -P src/own.py", None),
        ("python -m pipeline.own", None),
        ("gatehouse card > card.md", None),
        ("gatehouse card; rm -r data", None),
        ("gatehouse measure $GATE", None),
        ("gatehouse measure *", None),
        ("A=1 gatehouse card", None),
    ],
)
def test_what_needs_a_shell_gets_one(command: str, expected: list[str] | None) -> None:
    """Attacks commands of a fork's own stages, which a shell must read."""
    assert module_and_arguments(command) == expected
