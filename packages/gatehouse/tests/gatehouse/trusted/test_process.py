"""Attacks what runs a stranger's files: processes that hang, multiply or stay."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from gatehouse.trusted.process import Done, run_apart

PARENT = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("child").write_text(str(child.pid))
"""


def run(folder: Path, text: str, seconds: float, stop: threading.Event | None = None) -> object:
    words = [sys.executable, "-S", "-c", text]
    return run_apart(words, folder, {"PATH": os.environ["PATH"]}, seconds, stop)


def child_ends(folder: Path) -> bool:
    """Is the child gone, but for a zombie that nobody waits for? A signal takes a moment."""
    stat = Path("/proc", (folder / "child").read_text(), "stat")
    for _ in range(600):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("ends", ["time.sleep(600)", "while True: pass"])
def test_a_process_that_hangs_is_ended_with_its_children(tmp_path: Path, ends: str) -> None:
    """The child holds standard error open, by which waiting for the end took as long as it."""
    assert run(tmp_path, PARENT + ends, 2) is None
    assert child_ends(tmp_path)


@pytest.mark.parametrize("ends", ["child.stderr", "os._exit(3)"])
def test_a_child_that_stays_is_ended(tmp_path: Path, ends: str) -> None:
    """Whoever started it has ended, well or not; with it, standard error would never end."""
    text = PARENT.replace('600)"]', '600)"], stderr=subprocess.DEVNULL') + ends
    assert run(tmp_path, text, 60) is not None
    assert child_ends(tmp_path)


def test_what_it_said_is_kept(tmp_path: Path) -> None:
    """Exit code and standard error, whatever bytes these are."""
    done = run_apart(
        [sys.executable, "-S", "-c", "import os; os.write(2, b'\\xffbroken'); os._exit(7)"],
        tmp_path,
        {},
        60,
    )
    assert done is not None
    assert (done.code, done.errors) == (7, "\ufffdbroken")


def test_it_is_called_off(tmp_path: Path) -> None:
    """Another thread ends it, as an interrupted command does."""
    stop = threading.Event()
    timer = threading.Timer(1, stop.set)
    timer.start()
    assert run(tmp_path, "import time; time.sleep(600)", 600, stop) is None
    timer.join()


def test_what_it_answers_is_kept(tmp_path: Path) -> None:
    """Standard output, apart from what libraries say."""
    text = "import os; os.write(2, b'a warning'); os.write(1, b'{}')"
    done = run(tmp_path, text, 60)
    assert isinstance(done, Done)
    assert (done.code, done.errors, done.output) == (0, "a warning", b"{}")


@pytest.mark.parametrize("stream", [1, 2])
def test_a_flood_is_stopped(tmp_path: Path, stream: int) -> None:
    """Attacks memory and disk of the job: it ends at once, and nothing of the flood is taken."""
    done = run(tmp_path, f"import os\nwhile True: os.write({stream}, bytes(1 << 20))", 600)
    assert isinstance(done, Done)
    assert done.output == b""
    assert len(done.errors) <= 2_000_000
