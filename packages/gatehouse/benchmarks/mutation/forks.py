"""Tests in a fork of this process, so that their libraries are loaded once."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Run:
    """What one run of pytest came to; `seconds` of each test only for the order."""

    code: int | None
    seconds: float
    failed: str | None = None
    tests: dict[str, float] = field(default_factory=dict)
    output: str = ""


class Watch:
    """A pytest plugin: sets the order of the tests, and keeps what failed and the times."""

    def __init__(self, times: dict[str, float]) -> None:
        self.times = times
        self.seconds: dict[str, float] = {}
        self.failed: str | None = None

    def pytest_configure(self) -> None:
        from hypothesis import Phase, settings

        quick = (Phase.explicit, Phase.reuse, Phase.generate)
        settings.register_profile("mutants", settings.default, phases=quick)
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: self.times.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid


def run_tests(files: Iterable[str], times: dict[str, float], limit: float) -> Run:
    """Run test files in a fork of this process; the code is None when they take too long."""
    folder = Path(tempfile.mkdtemp(prefix="m"))
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        _child(folder, list(files), times)
    try:
        code = _wait(child, started + limit)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what the tests left running
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
    run = Run(code, time.perf_counter() - started)
    with suppress(OSError, ValueError):
        run.failed, run.tests = json.loads((folder / "watch.json").read_text("utf-8"))
    with suppress(OSError):
        run.output = (folder / "output.txt").read_text("utf-8", errors="replace")
    shutil.rmtree(folder, ignore_errors=True)
    return run


def _child(folder: Path, files: list[str], times: dict[str, float]) -> None:
    """In the fork: run pytest, write what it saw, and end."""
    code = 99
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None
        sys.path.pop(0)  # this script's folder
        pytest = importlib.import_module("pytest")
        # Loaded before pytest could rewrite their asserts, which no test needs.
        quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
        words = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *quiet]
        watch = Watch(times)
        base = f"--basetemp={folder / 'base'}"
        code = int(pytest.main([*words, base, *files], plugins=[watch]))
        (folder / "watch.json").write_text(json.dumps([watch.failed, watch.seconds]), "utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _wait(child: int, until: float) -> int | None:
    while time.perf_counter() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None
