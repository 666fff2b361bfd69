"""A pipeline stage as a command: it prints one line with the result or the error."""

from __future__ import annotations

import sys
from collections.abc import Callable

from gatehouse import exits
from gatehouse.errors import GatehouseError


def run_stage(work: Callable[[], str | None]) -> int:
    """Run `work`, print its result and return the exit code.

    A user's error prints a message on standard error and returns `exits.ERROR`, without a
    traceback. Ctrl-C does the same with `exits.INTERRUPTED`.
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
