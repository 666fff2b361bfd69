"""Run stages of `dvc repro` as forks of one process that has already imported what most need.

A dozen stages each start Python and import pandas, pydantic and the library, which takes half of a
first run. Python's fork server (`multiprocessing`) does that once. It starts with the second stage
that runs, because most runs have only one stage: the fingerprints. A stage gets the folder,
environment and streams that DVC would give it. Only Linux is supported: on macOS, some libraries do
not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

ALONE = "GATEHOUSE_STAGES_ALONE"
"""The environment variable that makes each stage start its own Python process."""
IMPORTED = (
    "gatehouse.cli", "gatehouse.judge_files", "gatehouse.measure", "gatehouse.table", "onnxruntime",
    "pandas", "pyarrow.parquet",
)  # fmt: skip

_LONGEST = 70
"""Longest path of the temporary folder, in bytes, in which the fork server's socket still fits: a
socket path has at most 107 bytes, of which the server adds about 35."""

Run = Callable[..., None]


def forking(run: Run, failed: Callable[[str, int], Exception]) -> Run:
    """Wrap DVC's `run(shell, command, cwd=, env=, **others)` to fork commands where possible.

    A command that is not a Python module, or that needs a shell, goes to `run`.

    Args:
        run: starts a shell for each command.
        failed: makes the error for a failed command from the command and its exit code.
    """
    too_long = len(os.fsencode(tempfile.gettempdir())) > _LONGEST
    if ALONE in os.environ or sys.platform != "linux" or too_long:
        return run
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    commands = 0

    def forked(shell: str | None, command: str, /, **options: Any) -> None:
        nonlocal commands
        commands += 1
        words = module_and_arguments(command)
        if words is None or commands == 1:
            run(shell, command, **options)
            return
        process = context.Process(target=_stage, args=(words, options["cwd"], options["env"]))
        process.start()
        process.join()
        if process.exitcode:
            raise failed(command, process.exitcode)

    return forked


def module_and_arguments(command: str) -> list[str] | None:
    """Return the module that a command runs and its arguments, or None if it needs a shell."""
    if set(command) & set("$`*?[]{}<>|&;~#\\\n"):
        return None
    match shlex.split(command):
        case ["gatehouse", *arguments]:
            return ["gatehouse.cli", *arguments]
        case ["python", "-P", "-m", module, *arguments]:
            return [module, *arguments]
    return None


def _stage(words: list[str], folder: str, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = words
    sys.modules.pop(words[0], None)  # runpy warns if the module it runs is already imported
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
