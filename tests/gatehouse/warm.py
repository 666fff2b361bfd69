"""Measures in a process of its own that need not import first what measuring needs: 5 s each time.

A process that has imported it all waits, and each measuring is done by a copy of it, by fork.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import Listener
from pathlib import Path

from gatehouse.evidence import Gate

ADDRESS = "TESTS_WARM_PROCESS"
"""The variable of the environment that has the socket's path."""

IMPORTED = (
    "fairlearn.metrics",
    "great_expectations",
    "onnxruntime",
    "scipy.stats",
    "sklearn.metrics",
    *(f"gatehouse.gates.{gate}" for gate in Gate),
)

MEASURE = f"""\
def measure():
    address = os.environ.get("{ADDRESS}")
    if not address:
        words = [sys.executable, "-m", "gatehouse.cli", "measure"]
        return subprocess.run(words).returncode
    from multiprocessing.connection import Client
    with Client(address, "AF_UNIX") as connection:
        connection.send((os.getcwd(), dict(os.environ)))
        return connection.recv()
"""
"""What a script of a stage asks by; the exit code of `gatehouse measure`."""


def _measured() -> object:
    from gatehouse.cli import main

    try:
        main(["measure"])
    except SystemExit as end:
        return end.code
    return "measuring did not end"


def _serve(address: str) -> None:
    with Listener(address, "AF_UNIX") as listener:
        for name in IMPORTED:  # threads, which no fork may meet, begin with the first work
            import_module(name)
        while True:
            with listener.accept() as connection:
                if os.fork():
                    continue
                folder, variables = connection.recv()
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(variables)
                connection.send(_measured())
                os._exit(0)


@contextlib.contextmanager
def warm_process() -> Iterator[str]:
    """The address of a process that waits; it ends with the context."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        address = str(Path(folder, "socket"))
        process = subprocess.Popen([sys.executable, "-P", __file__, address])
        try:
            while not Path(address).exists():
                assert process.poll() is None, "the process that waits has ended"
                time.sleep(0.05)
            yield address
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    _serve(sys.argv[1])
