"""Attacks a rollout and its rollback for real: podman plays what Git says, while requests go on.

The image is a stand-in (`stand_in.py`): what is tried is the way of a digest from staging through
production to pods and back, and whether a request is lost on it.
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatehouse.git import git
from gatehouse.release.promote import PRODUCTION, parse_image, promote, stage
from tests.deploy import stand_in
from tests.deploy.objects import DEPLOY, as_template, free_port
from tests.deploy.podman import Pod, Podman
from tests.deploy.proxy import Proxy
from tests.deploy.stand_in import Served


@dataclass
class Client:
    """Asks for predictions without a pause, in a thread, and keeps what came."""

    url: str
    body: str
    models: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask(self) -> str:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, self.body.encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            model: str = json.load(answer)["model"]
            return model

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.models.append(self.ask())
            except Exception as error:
                self.failures.append(f"after {len(self.models)} answers: {error!r}")


@dataclass
class Cluster:
    """What Argo CD would do: make production what the repository's last commit says."""

    podman: Podman
    proxy: Proxy
    repository: Path
    pod: Pod | None = None
    synced: int = 0

    def commit(self, message: str) -> None:
        git("add", "deploy", root=self.repository)
        git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", message,
            root=self.repository)  # fmt: skip

    def sync(self) -> None:
        """A new pod, requests to it once it is ready, and the old one away once it has none."""
        self.synced += 1
        port, old = free_port(), self.pod
        overlay = self.repository / PRODUCTION.parent
        self.pod = self.podman.play(overlay, f"sync-{self.synced}", port)
        self.pod.wait()
        self.proxy.switch(port)
        if old:
            old.down()


@pytest.fixture
def images(tmp_path: Path) -> Iterator[tuple[Podman, Served, Served]]:
    """Two images with different models; the real ones can stand here as well."""
    podman = Podman(tmp_path)
    served = stand_in.build(podman, "first"), stand_in.build(podman, "second")
    yield podman, *served
    for each in served:
        stand_in.remove(podman, each)


@pytest.fixture
def cluster(images: tuple[Podman, Served, Served], tmp_path: Path) -> Iterator[Cluster]:
    """A repository with the overlays, and a proxy with no pod behind it yet."""
    repository = tmp_path / "repository"
    shutil.copytree(DEPLOY, repository / "deploy")
    as_template(repository)
    git("init", "--quiet", root=repository)
    with Proxy().running() as proxy:
        made = Cluster(images[0], proxy, repository)
        made.commit("The template")
        try:
            yield made
        finally:
            if made.pod:
                made.pod.down()


def test_deploy_promote_revert(cluster: Cluster, images: tuple[Podman, Served, Served]) -> None:
    """Each step is seen in the predictions, and no request of the loop fails meanwhile."""
    _, first, second = images

    def release(image: Served) -> None:
        stage(parse_image(image.reference), cluster.repository)
        cluster.commit("Release")
        promote(cluster.repository)
        cluster.commit("Promote")
        cluster.sync()

    release(first)
    url = f"http://127.0.0.1:{cluster.proxy.port}{first.path}"
    client, *clients = [Client(url, first.body) for _ in range(4)]
    assert client.ask() == first.model
    stop = threading.Event()
    loops = [threading.Thread(target=each.run, args=[stop]) for each in clients]
    for loop in loops:
        loop.start()
    try:
        release(second)
        assert client.ask() == second.model
        changed = git("show", "--numstat", "--format=", root=cluster.repository).split()
        assert changed == ["1", "1", str(PRODUCTION)]

        git("-c", "user.name=x", "-c", "user.email=x@x", "revert", "--no-edit", "HEAD",
            root=cluster.repository)  # fmt: skip
        cluster.sync()
        assert client.ask() == first.model
    finally:
        stop.set()
        for loop in loops:
            loop.join()
    for each in clients:
        assert each.failures == []
        turns = [model for model, _ in itertools.groupby(each.models)]
        assert turns == [first.model, second.model, first.model]


def test_the_pod_is_confined(cluster: Cluster, images: tuple[Podman, Served, Served]) -> None:
    """Attacks manifests whose security context says less than it seems to."""
    podman, first, _ = images
    stage(parse_image(first.reference), cluster.repository)
    promote(cluster.repository)
    cluster.sync()
    assert cluster.pod
    container = cluster.pod.container

    def inside(*words: str, code: int = 0) -> str:
        return podman.run("podman", "exec", container, "/bin/busybox", *words, code=code)

    assert inside("id", "-u") == "65532"
    inside("touch", "/made", code=1)
    inside("touch", "/tmp/made")  # noqa: S108
    capabilities = inside("grep", "^CapEff", "/proc/self/status")
    assert int(capabilities.split()[1], 16) == 0
    assert inside("grep", "NoNewPrivs", "/proc/self/status").split()[1] == "1"
