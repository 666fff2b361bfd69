"""Pods for real: podman plays what kustomize renders, changed a little to stand for a cluster."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.objects import only, render

# Where the host allows no higher limits, podman's own default fails.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""


@dataclass
class Podman:
    """podman with settings and names of its own in `folder`; `variables` let it into a registry."""

    folder: Path
    variables: dict[str, str]
    images: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.own = uuid.uuid4().hex[:8]
        (self.folder / "containers.conf").write_text(SETTINGS)

    def run(self, *words: str, code: int | None = 0) -> str:
        """A podman command; its standard output, where it succeeds, and else all."""
        done = subprocess.run(
            words,
            env=os.environ
            | self.variables
            | {"CONTAINERS_CONF": str(self.folder / "containers.conf")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return (done.stdout if done.returncode == 0 else done.stdout + done.stderr).strip()

    def play(self, overlay: Path, name: str, port: int) -> Pod:
        """Start the Deployment that an overlay renders to, on a port of the loopback.

        Changed is what stands for the cluster: a name of its own, the port of the host, and no
        probes, which podman would run inside the container, with a curl that is not there.
        """
        deployment = only(render(overlay), "Deployment")
        deployment["metadata"]["name"] = f"gatehouse-{self.own}-{name}"
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        self.images.add(container["image"])
        container["ports"][0] |= {"hostIP": "127.0.0.1", "hostPort": port}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            ready = container.pop(probe)["httpGet"]["path"]
            if probe == "readinessProbe":
                path = ready
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(deployment))
        self.run("podman", "play", "kube", str(file))
        return Pod(self, file, deployment, f"http://127.0.0.1:{port}{path}")

    def remove_images(self) -> None:
        """Take away what was pulled, if another test has not."""
        if self.images:
            self.run("podman", "rmi", *self.images, code=None)


@dataclass
class Pod:
    """A played Deployment."""

    podman: Podman
    file: Path
    deployment: Any
    ready_url: str

    def wait(self, seconds: float = 60) -> None:
        """Until it says that it is ready, as a readiness probe would."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.ready_url, timeout=5) as answer:  # noqa: S310
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        said = self.podman.run("podman", "logs", "--tail", "40", self.container, code=None)
        raise AssertionError(f"{self.ready_url}: not ready; {said}")

    @property
    def container(self) -> str:
        """The name of its one container."""
        return f"{self.deployment['metadata']['name']}-pod-0-model"

    def down(self) -> None:
        """End it as a cluster does, and remove it; `play kube --down` alone kills it at once."""
        grace = self.deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        self.podman.run("podman", "stop", "--ignore", "--time", str(grace), self.container)
        self.podman.run("podman", "play", "kube", "--down", str(self.file))
