"""Runs a command in its own process group, with a time limit, and kills its children at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import IO

_TICK = 0.5
"""Seconds between checks whether the command was stopped or wrote too much."""
_DRAIN = 5.0
"""Seconds to wait for a killed group to end."""
OUTPUT_LIMIT = 16_000_000
"""Maximum bytes of standard output; a command that writes more is killed."""
_ERRORS_LIMIT = 1_000_000


@dataclass(frozen=True)
class Done:
    """Result of a command that ended within its limits.

    Attributes:
        code: its exit code, or the negative number of the signal that ended it.
        errors: its standard error; only the beginning if it is long.
        output: its standard output.
    """

    code: int
    errors: str
    output: bytes = b""


def run_apart(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    stop: Event | None = None,
) -> Done | None:
    """Run a command; return None if it did not end in time.

    All processes that it started are killed when it ends or reaches its limit. Only a process that
    started a new session escapes.

    Args:
        words: the program and its arguments.
        folder: its working directory.
        environment: its complete environment.
        seconds: its time limit.
        stop: event that another thread can set to end the command at once.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _run(words, folder, environment, seconds, stop, output, errors)
        if code is None:
            return None
        message = _start_of(errors, _ERRORS_LIMIT).decode("utf-8", "replace")
        if _size(output) > OUTPUT_LIMIT:
            return Done(1, f"{message}\nerror: it wrote more than {OUTPUT_LIMIT:,} bytes")
        return Done(code, message, _start_of(output, OUTPUT_LIMIT))


def _run(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    stop: Event | None,
    output: IO[bytes],
    errors: IO[bytes],
) -> int | None:
    until = monotonic() + seconds
    with subprocess.Popen(
        list(words),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        process_group=0,
    ) as process:
        try:
            while True:
                try:
                    return process.wait(timeout=max(0.0, min(_TICK, until - monotonic())))
                except subprocess.TimeoutExpired:
                    if monotonic() >= until or (stop is not None and stop.is_set()):
                        return None
                    if max(_size(output), _size(errors)) > OUTPUT_LIMIT:
                        return 1
        finally:
            _end(process)


def _size(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_size


def _start_of(stream: IO[bytes], limit: int) -> bytes:
    stream.seek(0)
    return stream.read(limit)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, even if its first process has already ended."""
    # This user can't kill another user's processes; `isolation` handles those.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_DRAIN)
