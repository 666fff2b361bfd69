"""What rolls a release out: a cluster of one pod that does what Git says, and clients that ask."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from gatehouse.git import git
from gatehouse.release.promote import PRODUCTION, parse_image, promote, stage
from tests.deploy.objects import DEPLOY, as_template
from tests.loopback import free_port
from tests.release.podman import Pod, Podman
from tests.release.proxy import Proxy

_AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@x")


def ask(url: str, body: Any = None) -> Any:
    """What the service answers, from JSON to JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


@dataclass
class Client:
    """Asks for predictions without a pause, in a thread, and keeps what came.

    It keeps its connection until an answer says that it ends, as pools of connections do.
    """

    url: str
    row: dict[str, Any]
    models: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        parts, body = urllib.parse.urlsplit(self.url), json.dumps(self.row)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        while not stop.is_set():
            try:
                connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
                self.models.append(json.load(connection.getresponse())["model"])
            except Exception as error:
                self.failures.append(f"after {len(self.models)} answers: {error!r}")
                connection.close()
        connection.close()


@contextlib.contextmanager
def asking(url: str, row: dict[str, Any], count: int) -> Iterator[list[Client]]:
    """So many clients, that ask until the block ends."""
    clients, stop = [Client(url, row) for _ in range(count)], threading.Event()
    loops = [threading.Thread(target=each.run, args=[stop]) for each in clients]
    for loop in loops:
        loop.start()
    try:
        yield clients
    finally:
        stop.set()
        for loop in loops:
            loop.join()


@dataclass
class Cluster:
    """What Argo CD would do: make production what the repository's last commit says."""

    podman: Podman
    proxy: Proxy
    repository: Path
    pod: Pod | None = None
    synced: int = 0

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path, variables: dict[str, str]) -> Iterator[Self]:
        """A repository with the overlays in `folder`, and a proxy with no pod behind it yet."""
        repository = folder / "repository"
        shutil.copytree(DEPLOY, repository / "deploy")
        as_template(repository)
        git("init", "--quiet", root=repository)
        with Proxy().running() as proxy:
            made = cls(Podman(folder, variables), proxy, repository)
            made.commit("The template")
            try:
                yield made
            finally:
                if made.pod:
                    made.pod.down()
                made.podman.remove_images()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def commit(self, message: str) -> None:
        git("add", "deploy", root=self.repository)
        git(*_AUTHOR, "commit", "-qm", message, root=self.repository)

    def release(self, image: str) -> None:
        """By way of staging to production, a commit each."""
        stage(parse_image(image), self.repository)
        self.commit("Release")
        promote(self.repository)
        self.commit("Promote")
        self.sync()

    def revert(self) -> None:
        git(*_AUTHOR, "revert", "--no-edit", "HEAD", root=self.repository)
        self.sync()

    def sync(self) -> None:
        """A new pod, new connections to it once it is ready, and the old one told to end."""
        self.synced += 1
        port, old = free_port(), self.pod
        overlay = self.repository / PRODUCTION.parent
        self.pod = self.podman.play(overlay, f"sync-{self.synced}", port)
        self.pod.wait()
        self.proxy.switch(port)
        if old:
            old.down()
