"""Attacks the job from a process that opens the candidate: what it can reach, where and as whom."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatehouse.trusted.isolation import FIRST_USER, Isolation, Level, find_isolation
from gatehouse.trusted.process import Done

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A candidate's folder, below one that only its owner may enter."""
    (tmp_path / "candidate").mkdir(mode=0o755)
    (tmp_path / "candidate/contract.yaml").write_text("version: 1\n")
    tmp_path.chmod(0o700)
    return tmp_path / "candidate"


@pytest.fixture(params=[Level.USER, Level.NETWORK])
def apart(folder: Path, request: pytest.FixtureRequest) -> Isolation:
    """Each level, where this machine allows it."""
    made = Isolation(request.param, folder)
    done = made.run([sys.executable, "-S", "-c", ""], ENVIRONMENT, 60)
    if done is None or done.code:
        pytest.skip(f"not possible here: {request.param} ({done.errors if done else 'too long'})")
    return made


@pytest.fixture
def listener() -> Iterator[tuple[str, int]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()


def run(apart: Isolation, text: str, seconds: float = 60, **more: Any) -> Done | None:
    return apart.run([sys.executable, "-S", "-c", text], ENVIRONMENT, seconds, **more)


def answer(apart: Isolation, text: str, **more: Any) -> Any:
    done = run(apart, f"import json, os, pathlib, sys\n{text}", **more)
    assert done is not None
    assert done.code == 0, done.errors
    return json.loads(done.output)


def test_no_network_is_reached(apart: Isolation, listener: tuple[str, int]) -> None:
    """A listener on this machine, which a process beside the job does reach."""
    text = f"import socket\ntry:\n    socket.create_connection({listener!r}, 5)\n    print(1)\n"
    text += "except OSError:\n    print(0)\n"
    assert answer(Isolation(Level.NONE, apart.folder), text) == 1
    assert answer(apart, text) == 0


def test_no_other_process_is_seen(apart: Isolation) -> None:
    """Attacks the memory and environment of the job's processes, which may hold a token."""
    own = answer(apart, "print(json.dumps([n for n in os.listdir('/proc') if n.isdigit()]))")
    assert len(own) <= 3
    assert str(os.getpid()) not in own or os.getpid() <= 3


def test_only_the_environment_that_it_is_given(
    apart: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a token that was left in the environment of the step."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    found = answer(apart, "print(json.dumps(dict(os.environ)))")
    assert set(found) <= {"PATH", "HOME", "PWD", "LC_CTYPE"}
    assert found["HOME"] != os.environ.get("HOME")


def test_no_right_comes_back(apart: Isolation) -> None:
    """Attacks root by a program that gives rights, such as sudo."""
    text = "s = pathlib.Path('/proc/self/status').read_text()\nprint(json.dumps(s))"
    status = dict(line.split(":\t") for line in answer(apart, text).splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}


def test_the_home_and_closed_folders_are_hidden(
    apart: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks what lies there: keys, other work, what the steps hand to each other."""
    home = apart.folder.parent
    (home / "fetched.json").write_text("{}")
    monkeypatch.setenv("HOME", str(home))
    text = f"print(json.dumps(sorted(str(p) for p in pathlib.Path({str(home)!r}).rglob('*'))))"
    below = [path for path in answer(Isolation(apart.level, apart.folder), text)
             if str(apart.folder) in path]  # fmt: skip
    assert below == [str(apart.folder), str(apart.folder / "contract.yaml")]
    exists = f"print(json.dumps(os.path.exists({str(home / 'fetched.json')!r})))"
    assert answer(Isolation(apart.level, apart.folder), exists) is False


def test_another_user_changes_nothing(folder: Path) -> None:
    """Attacks the candidate, which is judged by its bytes after it was measured."""
    apart = find_isolation(folder, "contract.yaml")
    if apart.level is not Level.USER:
        pytest.skip(f"this machine allows {apart.level} at most: no root, no sudo")
    text = "r = [os.getuid(), os.getgid(), os.getgroups()]\n"
    text += "for mode in 'r', 'a':\n    try:\n        open('contract.yaml', mode)\n"
    text += "        r.append(mode)\n    except OSError:\n        pass\n"
    text += "try:\n    open('new', 'w')\n    r.append('new')\nexcept OSError:\n    pass\n"
    text += "print(json.dumps(r))"
    for user in (FIRST_USER, FIRST_USER + 3):
        assert answer(apart, text, user=user) == [user, user, [], "r"]


def test_it_ends_in_time_with_its_children(apart: Isolation) -> None:
    """Also where it made a session of its own, by which a process beside the job escapes."""
    text = "import os, time\nif os.fork() == 0:\n    os.setsid()\ntime.sleep(600)"
    assert run(apart, text, 1.5) is None
    for _ in range(600):  # the kernel takes a moment
        if not any(b"os.setsid()\ntime.sleep(600)" in _bytes(path)
                   for path in Path("/proc").glob("[0-9]*/cmdline")):  # fmt: skip
            return
        time.sleep(0.1)
    pytest.fail("a process stayed")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("signal", [6, 9, 11])
def test_a_signal_is_told(apart: Isolation, signal: int) -> None:
    """A graph that crashes its reader reads the same at each level."""
    done = run(apart, f"import os; os.kill(os.getpid(), {signal})")
    assert done is not None
    assert done.code == -signal


def test_a_machine_that_allows_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each way is tried once, and the log says what is not possible; measuring goes on."""
    tools = folder.parent / "tools"
    tools.mkdir()
    (tools / "unshare").write_text("#!/bin/sh\necho unshare: not permitted >&2\nexit 1\n")
    (tools / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert find_isolation(folder, "contract.yaml").level is Level.NONE
    output = capsys.readouterr().out
    assert output.count("unshare: not permitted") >= 1
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert find_isolation(folder, "contract.yaml").level is Level.NONE


def test_who_is_not_root_asks_sudo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on GitHub's runners: sudo asks for no password, and only root's `timeout` ends it."""
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    command = Isolation(Level.USER, folder).command(["x"], ENVIRONMENT, 60, FIRST_USER)
    assert command[:7] == ["sudo", "-n", "--", "timeout", "--signal=KILL", "60", "unshare"]
    assert Isolation(Level.NETWORK, folder).command(["x"], ENVIRONMENT, 60, 0)[0] == "unshare"
