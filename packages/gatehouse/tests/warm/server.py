"""The process that has imported the libraries, and is copied; see tests/warm."""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.warm.joining import Rights

CLIENT = Path(__file__).with_name("client.py")
LIBRARIES = (
    "click", "fairlearn.metrics", "great_expectations", "onnx", "onnxruntime.quantization",
    "pandas", "pyarrow.parquet", "pydantic", "ruamel.yaml", "scipy.stats", "sklearn.metrics",
    "torch.onnx",
)  # fmt: skip


@contextmanager
def warm_process(folder: Path) -> Iterator[Path]:
    """A process that waits, as long as the context; `folder` goes on others' PYTHONPATH."""
    address = folder / "socket"
    words = [sys.executable, "-P", "-m", "tests.warm.server", str(address)]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": root})
    shutil.copyfile(CLIENT, folder / "sitecustomize.py")
    if os.geteuid() == 0:  # it can become each user that asks
        folder.chmod(0o755)
    try:
        yield folder  # until it is ready, others begin by themselves
    finally:
        process.kill()
        process.wait()


def _serve(address: str) -> None:
    for name in LIBRARIES:
        with suppress(ImportError):  # of a smaller set
            import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]  # of this checkout, not of theirs
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen(64)
        if os.geteuid() == 0:
            Path(f"{address}.new").chmod(0o777)
        Path(f"{address}.new").rename(address)  # there from when on it answers
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _watch(connection)
            connection.close()


def _watch(connection: socket.socket) -> None:
    """Start the copy and say how it ended; it ends with who asked for it."""
    head, streams, _, _ = socket.recv_fds(connection, 8, 3)
    size, message = int.from_bytes(head, "big"), b""
    while len(message) < size:
        message += connection.recv(size - len(message))
    rights = Rights.of_peer(connection)
    rights.lead_children()
    copy = os.fork()
    if copy == 0:
        connection.close()
        rights.hold()
        _become(json.loads(message), streams)
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(copy)
    if ended not in select.select([ended, connection.fileno()], [], [])[0]:
        os.kill(copy, signal.SIGKILL)
    _, status = os.waitpid(copy, 0)
    with suppress(OSError):
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: dict[str, Any], streams: list[int]) -> None:
    """Run the command as the process that asked would have."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        time.tzset()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.prefix, sys.exec_prefix = asked["prefix"], asked["exec_prefix"]
        sys.executable, sys.argv, sys.path = asked["executable"], asked["argv"], asked["path"]
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 as long as the process
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        code = _run(asked)
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:
        traceback.print_exc()
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code & 0xFF)


def _run(asked: dict[str, Any]) -> int:
    kind, name = asked["kind"], asked["name"]
    if not asked["safe_path"]:
        sys.path.insert(0, asked["cwd"] if kind == "module" else str(Path(name).parent))
    if kind == "module":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(name, run_name="__main__")
    return 0


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    _serve(sys.argv[1])
