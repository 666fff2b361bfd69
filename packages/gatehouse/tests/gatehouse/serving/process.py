"""The service as a process of its own, asked over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gatehouse.places import code_path
from tests.loopback import free_port

ROOT = Path(__file__).parents[5]
OWN = (sys.executable, "-m", "gatehouse.serving")
WITHIN = 120.0
"""Seconds that a busy machine may take; nothing is measured by it."""


@dataclass(frozen=True)
class Process:
    """A running service."""

    popen: subprocess.Popen[bytes]
    client: httpx.Client
    port: int
    log: Path


def environment(root: Path, **variables: str) -> dict[str, str]:
    """This one, without settings of a service, and with a BentoML home of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GATEHOUSE_SERVE_", "BENTO"))}
    own = {
        "PYTHONPATH": code_path(ROOT),
        "BENTOML_HOME": str(root / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    return kept | own | variables


@contextmanager
def running(
    root: Path, command: tuple[str, ...] = OWN, port: int | None = None, **variables: str
) -> Iterator[Process]:
    """The service of `root`, ready; it is told to end afterwards, and must."""
    port = port or free_port()
    given = environment(root, GATEHOUSE_SERVE_PORT=str(port), **variables)
    log = root / "service.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(command, cwd=root, env=given, stdout=output, stderr=output)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=WITHIN)
    try:
        _wait(popen, client, log)
        yield Process(popen, client, port, log)
    finally:
        client.close()
        popen.send_signal(signal.SIGINT)  # to SIGTERM it would answer for seconds more
        try:
            popen.wait(WITHIN)
        finally:
            popen.kill()


def _wait(popen: subprocess.Popen[bytes], client: httpx.Client, log: Path) -> None:
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        assert popen.poll() is None, log.read_text()
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready after {WITHIN:g} s: {log.read_text()}")
