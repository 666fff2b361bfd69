"""A process that measures: what crashes or hangs it ends it alone, and another takes its place."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

MEMORY = 8 << 30
SECONDS = 60

Job = Callable[..., str]


class UnexpectedError(AssertionError):
    """The job raised something that is no message to a user."""


class Worker:
    """Runs jobs one after the other in a process of their own."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def run(self, job: Job, *arguments: object) -> str:
        """What the job says; "crashed" or "ended" (after `SECONDS`) where it says nothing.

        Raises:
            UnexpectedError: the job raised an exception.
        """
        if self._process is None:
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()
        self._pipe.send((job, arguments))
        if not self._pipe.poll(SECONDS):
            self._end()
            return "ended"
        try:
            said, problem = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._end()
            return "crashed"
        if problem:
            raise UnexpectedError(problem)
        return str(said)

    def _end(self) -> None:
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.join()
            self._process = None


def _serve(pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # ONNX Runtime tells each broken graph on standard error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(EOFError):
        while True:
            job, arguments = pipe.recv()
            try:
                pipe.send((job(*arguments), None))
            except MemoryError:
                pipe.send(("out of memory", None))
            except Exception:
                pipe.send((None, traceback.format_exc()))
