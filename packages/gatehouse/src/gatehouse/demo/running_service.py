"""A service that runs during a block: from a folder, or from an image with podman."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError

_START = 120.0


@dataclass(frozen=True)
class Served:
    """A service on the loopback interface."""

    port: int
    model: str
    log: Path


@contextlib.contextmanager
def from_folder(root: Path, log: Path) -> Iterator[Served]:
    """Run `make serve` in a folder.

    Raises:
        GatehouseError: the service does not become ready.
    """
    port = _free_port()
    variables = {"GATEHOUSE_SERVE_PORT": str(port), "GATEHOUSE_SERVE_LOG": str(log)}
    log.mkdir(parents=True)
    errors = log.with_suffix(".errors")
    with errors.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "gatehouse.serving"],
            cwd=root,
            env=os.environ | variables,
            stdout=stream,
            stderr=stream,
        )
        try:
            yield Served(port, _model_of(port, errors, process), log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


@contextlib.contextmanager
def from_image(image: Path, log: Path) -> Iterator[Served]:
    """Run an image in an OCI layout with podman as a cluster would: without root, read-only.

    Raises:
        GatehouseError: podman fails, or the service does not become ready.
    """
    port = _free_port()
    log.mkdir(parents=True)
    log.chmod(0o777)  # the image's user does not exist on this machine
    # podman derives a name from the given path, which is invalid for most paths
    name = podman("pull", "--quiet", f"oci:{image.name}", folder=image.parent)
    container = podman(
        "run", "--detach", "--rm", "--read-only", "--cap-drop=all",
        "--publish", f"127.0.0.1:{port}:3000", "--volume", f"{log}:/var/log/model:Z",
        "--env", "GATEHOUSE_SERVE_LOG=/var/log/model", name,
    )  # fmt: skip
    try:
        yield Served(port, _model_of(port, None, None), log)
    finally:
        podman("stop", "--time", "20", container)
        podman("rmi", "--force", name)


def podman(*words: str, folder: Path | None = None) -> str:
    """Run a podman command in a folder; return the last line of its output.

    Raises:
        GatehouseError: podman is not installed, or the command failed.
    """
    try:
        done = subprocess.run(
            ["podman", *words], cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise GatehouseError("podman is not installed; run the demo without --image") from None
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise GatehouseError(f"podman {words[0]}: {reason[-1] if reason else 'failed'}")
    return (done.stdout.strip().splitlines() or [""])[-1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _model_of(port: int, errors: Path | None, process: subprocess.Popen[bytes] | None) -> str:
    """Return the digest of the served model, once the service is ready."""
    end = time.monotonic() + _START
    while time.monotonic() < end and (process is None or process.poll() is None):
        try:
            url = f"http://127.0.0.1:{port}/model"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(json.load(answer)["model"])
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    lines = errors.read_text("utf-8").strip().splitlines() if errors else []
    raise GatehouseError(
        f"the service does not get ready: {lines[-1] if lines else 'it says nothing'}"
    )
