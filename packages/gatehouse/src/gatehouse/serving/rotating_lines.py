"""A rotated file of lines, on a disk that may fail."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from gatehouse.serving import metrics

logger = logging.getLogger(__name__)


class RotatingLines:
    """Write lines; if the disk fails, only lines are lost."""

    def __init__(self, path: Path, max_bytes: int, files: int) -> None:
        """Store the settings; the first line opens the file, as the disk may come later."""
        self._path = path
        self._max_bytes = max_bytes
        self._handler = RotatingFileHandler(
            path, backupCount=files - 1, encoding="utf-8", delay=True
        )
        self._torn = False

    def write(self, lines: Sequence[str]) -> None:
        """Write lines, which include their line ends; if that fails, they are lost and counted."""
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
            self.close()  # writing to a deleted file would lose lines unnoticed
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
        if not self._torn:  # log it once, not for each line until the disk is back
            logger.error("the inference log cannot be written: %s", error)
        self._torn = True
        self.close()

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        stream, self._handler.stream = self._handler.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):  # closing writes buffered lines
                stream.close()
