"""Ctrl-C: the command that was typed ends with one line, and ends what it started.

A terminal sends SIGINT to every process of a command. Each would end by itself, with a traceback of
its own or in the middle of a file.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_GRACE = 5.0
"""Seconds until a process that does not end by SIGTERM is killed."""


@contextmanager
def shielded() -> Iterator[None]:
    """Processes that are started here ignore SIGINT, and so does this one meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python sets no handlers there
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end_with_children(process: int) -> None:
    """End a process, and all that it has started; returns when they are gone."""
    import psutil  # which DVC needs

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
