"""`dvc` as `gatehouse run` starts it: it prints errors, and a line if nothing had to run.

DVC's other messages (each command, which stages are up to date, which command to type next) go to
Python's standard output; its errors, warnings and progress bars go to standard error. The stages
inherit both streams from the process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Run DVC's command line and return its exit code."""
    heard, sys.stdout = sys.stdout, Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    from dvc.cli import main as dvc
    from dvc.repo import Repo
    from dvc.stage import run as commands
    from dvc.stage.exceptions import StageCmdFailedError

    from gatehouse.forked import forking

    ran: list[Any] = []
    reproduce = Repo.reproduce

    def noted(*arguments: Any, **options: Any) -> Any:
        stages = reproduce(*arguments, **options)
        ran.extend(stages)
        return stages

    Repo.reproduce = noted
    commands._run = forking(commands._run, StageCmdFailedError)
    code: int = dvc()
    if code == 0 and all(stage.always_changed for stage in ran):
        print("Every stage is up to date; nothing ran.", file=heard)
    return code


if __name__ == "__main__":
    sys.exit(main())
