"""Ctrl-C, as a terminal sends it: to all processes of the command at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.forked import ALONE
from gatehouse.lock.file import parse_lock
from gatehouse.run import _keep_whole
from tests.sample import lay_sample
from tests.shared import LEAN

STAGE = """\
import os, pathlib, sys, time
pathlib.Path("metrics.json").write_text("{}")
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""
STAGES = """\
stages:
  first: {cmd: python -P -c "print('made')", deps: [params.yaml]}
  second: {cmd: python -P SLOW ../started, deps: [slow.py], outs: [metrics.json: {cache: false}]}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose second stage takes ten minutes."""
    for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / name))
    root = tmp_path / "root"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    lay_sample(root, "params.yaml", "contract.yaml", "policy.yaml")
    (root / "slow.py").write_text(STAGE)
    (root / "dvc.yaml").write_text(STAGES.replace("SLOW", "slow.py"))
    return root


def interrupted(
    root: Path, *words: str, ready: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    """A command that gets SIGINT with all of its processes, as soon as it is `ready`."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gatehouse.cli", *words],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, LEAN])},
    )  # fmt: skip
    try:
        while not ready():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return subprocess.CompletedProcess(words, process.returncode, out, errors)


@pytest.mark.parametrize("slow", ["slow.py", "-m slow"])
def test_an_interrupted_run_says_one_line_and_leaves_whole_files(
    repository: Path, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks tracebacks of each process, a stage that goes on alone, and half a dvc.lock.

    A stage that is a file has a Python of its own; one that is a module is a fork.
    """
    monkeypatch.delenv(ALONE, raising=False)
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setenv("PYTHONPATH", str(repository))  # of dvc alone, below
    monkeypatch.syspath_prepend(repository)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    (repository / "dvc.yaml").write_text(STAGES.replace("SLOW", slow))
    started = repository.parent / "started"

    def pid() -> str:
        return started.read_text()

    done = interrupted(repository, "run", ready=lambda: started.is_file() and bool(pid()))
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
    assert done.stdout == "made\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid()), 0)
    lock = (repository / "dvc.lock").read_text()
    assert set(parse_lock(lock, "dvc.lock")["stages"]) == {"first"}
    assert not list(repository.rglob("*.part"))
    (repository / "slow.py").write_text("open('metrics.json', 'w').write('{}')\n")
    words = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    subprocess.run(words, cwd=repository, check=True, timeout=120)


def test_an_interrupted_command_says_one_line(repository: Path) -> None:
    """Attacks click's own word and exit code, of a command that waits for its input."""
    pipe = repository / "contract.yaml"
    pipe.unlink()
    os.mkfifo(pipe)

    def reads() -> bool:
        try:
            written.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody has opened the other end
            return False
        return True

    written: list[int] = []
    done = interrupted(repository, "prepare", ready=reads)
    os.close(written[0])
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("before", [None, b"schema: '2.0'\n"])
def test_half_a_lock_is_put_back(tmp_path: Path, before: bytes | None) -> None:
    """Attacks DVC, which writes dvc.lock in place, ended in the middle of it."""
    lock = tmp_path / "dvc.lock"
    lock.write_bytes(b"schema: '2.0'\nstages:\n  a: {cmd: 'x")
    _keep_whole(lock, before)
    assert (lock.read_bytes() if lock.exists() else None) == before
