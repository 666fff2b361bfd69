"""CPU seconds of commands and of all that they start, processes that they leave behind included."""

from __future__ import annotations

import ctypes
import os
import resource
from contextlib import suppress

_CHILD_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


def keep_orphans() -> None:
    """Become the parent of processes that a command leaves behind, so that their time counts."""
    ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_seconds() -> float:
    """Wait for all child processes, and return the CPU seconds of those so far."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
