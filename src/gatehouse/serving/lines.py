"""A rotated file of lines, written by a thread of its own."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Thread

from gatehouse.serving import metrics

_WAITING = 10_000
"""Requests whose lines may wait for the disk; more are lost, and counted."""

_EVERY = 0.2
"""Seconds between two writes: waking a thread for each request would cost more than writing."""

logger = logging.getLogger(__name__)


class RotatingLines:
    """Takes lines at once and writes them soon; a disk that fails costs lines, nothing else."""

    def __init__(self, path: Path, max_bytes: int, files: int) -> None:
        """Nothing is opened before the first line: the disk may come later."""
        self._path = path
        self._max_bytes = max_bytes
        self._handler = RotatingFileHandler(
            path, backupCount=files - 1, encoding="utf-8", delay=True
        )
        self._torn = False
        self._waiting: deque[Sequence[str]] = deque()
        self._stop = Event()
        self._thread = Thread(target=self._work, name="inference log", daemon=True)
        self._thread.start()

    def write(self, lines: Sequence[str]) -> None:
        """Take lines, each with its end; where too many wait they are lost, and counted."""
        if len(self._waiting) < _WAITING:
            self._waiting.append(lines)
        else:
            metrics.LOG_LOST.labels("queue").inc(len(lines))

    def close(self) -> None:
        """Write what waits, for at most some seconds, and stop."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while not self._stop.wait(_EVERY):
            self._write_waiting()
        self._write_waiting()
        self._close()

    def _write_waiting(self) -> None:
        lines: list[str] = []
        while self._waiting:
            lines += self._waiting.popleft()
        if not lines:
            return
        try:
            self._append("".join(lines))
        except (OSError, ValueError) as error:
            self._failed(error)
            metrics.LOG_LOST.labels("disk").inc(len(lines))
        else:
            metrics.LOGGED.inc(len(lines))

    def _append(self, text: str) -> None:
        handler = self._handler
        if handler.stream is not None and not self._path.exists():
            self._close()  # what is written into a file that was taken away is lost unseen
        if handler.stream is not None and handler.stream.tell() >= self._max_bytes:
            handler.doRollover()
        if handler.stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handler.stream = handler._open()
        # A line that a failure cut short must not spoil the next one.
        handler.stream.write("\n" + text if self._torn else text)
        handler.stream.flush()
        self._torn = False

    def _failed(self, error: Exception) -> None:
        if not self._torn:  # told once, and not for each line until the disk is back
            logger.error("the inference log cannot be written: %s", error)
        self._torn = True
        self._close()

    def _close(self) -> None:
        stream, self._handler.stream = self._handler.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):  # closing writes what is left
                stream.close()
