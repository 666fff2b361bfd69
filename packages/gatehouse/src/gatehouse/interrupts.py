"""Ctrl-C: end the command and its child processes with one line.

A terminal sends SIGINT to every process of a command. Without this module, each one would end by
itself, with its own traceback or in the middle of writing a file.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_GRACE = 5.0
"""Seconds before a process that ignores SIGTERM is killed."""


@contextmanager
def shielded() -> Iterator[None]:
    """Ignore SIGINT in this process meanwhile, and in the processes started inside the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python sets no handlers outside the main thread
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_with_children(process: int) -> None:
    """End a process and all processes it started; return when they are gone."""
    import psutil  # a dependency of DVC

    with shielded():
        running = []
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(process)
            running = [top, *top.children(recursive=True)]
        for each in running:
            with suppress(psutil.NoSuchProcess):
                each.terminate()
        for each in psutil.wait_procs(running, timeout=_GRACE)[1]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
