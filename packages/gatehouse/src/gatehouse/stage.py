"""A pipeline stage as a command: one line of what was done, or of what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

from gatehouse import exits
from gatehouse.errors import GatehouseError


def run_stage(work: Callable[[], str | None]) -> int:
    """Do the work and print what it returns; the exit code.

    A user's error is a message on standard error and `exits.ERROR`, never a traceback; so is
    Ctrl-C, with `exits.INTERRUPTED`.
    """
    try:
        done = work()
    except GatehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        return exits.ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return exits.INTERRUPTED
    if done:
        print(done)
    return exits.PASS
