"""Steps of a benchmark, each in a process of its own: none has another's memory or imports."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Step = Callable[[Path, int], dict[str, float] | None]
"""Is given a folder and a number of rows; what it measured is handed back."""


def asked_rows(
    description: str | None, default: Sequence[int], steps: Mapping[str, Step]
) -> list[int]:
    """The numbers of rows of `--rows`. In the process of a step, run it and end instead."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, nargs="+", default=default)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        what, folder, rows = arguments.step
        print(json.dumps(steps[what](Path(folder), int(rows))))
        raise SystemExit
    return list(arguments.rows)


def run_step(what: str, folder: str, rows: int) -> dict[str, float]:
    """What a step measured; of one that measures nothing, nothing."""
    command = [sys.executable, sys.argv[0], "--step", what, folder, str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout) or {}


def mebibytes() -> float:
    """The largest resident set of this process until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
