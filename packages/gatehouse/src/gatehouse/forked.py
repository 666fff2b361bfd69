"""Stages of `dvc repro` as forks of one process, which has imported what most of them need.

A dozen stages each start Python and import pandas, pydantic and the library: half of a first run.
Python's own fork server (`multiprocessing`) does that once. It starts with the second stage that
runs, since in most runs there is one alone: the fingerprints. A stage gets the folder, environment
and streams that DVC would give it. Only Linux has it: on macOS, libraries do not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any

ALONE = "GATEHOUSE_STAGES_ALONE"
"""The environment variable with which each stage starts a Python of its own."""
IMPORTED = (
    "gatehouse.cli", "gatehouse.judge_files", "gatehouse.measure", "gatehouse.table", "onnxruntime",
    "pandas", "pyarrow.parquet",
)  # fmt: skip

Run = Callable[..., None]


def forking(run: Run, failed: Callable[[str, int], Exception]) -> Run:
    """DVC's `run(shell, command, cwd=, env=, **others)`, which forks what it can.

    A command that is no module of Python, or needs a shell, goes to `run`.

    Args:
        run: starts a shell for each command.
        failed: the error of a command, from its exit code.
    """
    if ALONE in os.environ or sys.platform != "linux":
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
    """The module that a command runs, and its arguments; None if a shell must look at it."""
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
    sys.modules.pop(words[0], None)  # runpy warns of a module that is imported and run
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
