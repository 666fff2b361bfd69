"""A command in a process group of its own: it ends in time, and takes its children with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

_TICK = 0.5
"""Seconds between two looks at whether the work was called off."""
_DRAIN = 5.0
"""Seconds to wait for the output of a group that was killed."""


@dataclass(frozen=True)
class Done:
    """A command that ended by itself.

    Attributes:
        code: its exit code; minus the signal that ended it.
        errors: what it wrote to standard error.
    """

    code: int
    errors: str


def run_apart(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    stop: Event | None = None,
) -> Done | None:
    """Run a command; None where it did not end in time.

    Everything that it started is killed when it ends and at its limit. Only a process that made a
    session of its own escapes.

    Args:
        words: the program and its arguments.
        folder: where it runs.
        environment: all of its variables.
        seconds: how long it may take.
        stop: set by another thread, it ends the command at once.
    """
    until = monotonic() + seconds
    with subprocess.Popen(
        list(words),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
    ) as process:
        try:
            while True:
                try:
                    _, errors = process.communicate(timeout=min(_TICK, seconds))
                    return Done(process.returncode, errors)
                except subprocess.TimeoutExpired:
                    if monotonic() >= until or (stop is not None and stop.is_set()):
                        return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the whole group, also where its first process has ended already."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_DRAIN)
