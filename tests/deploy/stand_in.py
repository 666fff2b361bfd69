"""A tiny image in place of the real one: it is ready at once, and predicts with its own name.

What it shares with the real image is what a rollout sees of it: it runs as nobody with a read-only
root, listens on port 3000, is ready at /readyz, and says in each prediction which model made it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass

from tests.deploy.podman import Podman
from tests.github.needed import missing


@dataclass(frozen=True)
class Served:
    """An image, and how to ask it.

    Attributes:
        reference: name@sha256:digest.
        path: of predictions.
        body: of a request for one, as JSON.
        model: the digest that its predictions name as their model.
    """

    reference: str
    path: str
    body: str
    model: str


def build(podman: Podman, model: str) -> Served:
    """An image of busybox alone, whose predictions name `model`."""
    busybox = shutil.which("busybox")
    if busybox is None:
        missing("busybox (Debian: apt-get install busybox-static)")
    root = podman.folder / f"root-{model}"
    (root / "www/cgi-bin").mkdir(parents=True)
    (root / "bin").mkdir()
    shutil.copy(busybox, root / "bin/busybox")
    for page in ("livez", "readyz"):
        (root / "www" / page).write_text("ok\n")
    answer = json.dumps({"model": model, "probability": 0.5})
    script = root / "www/cgi-bin/predict"
    # The request is read whole: to close before would reset the connection.
    script.write_text(f"""#!/bin/busybox sh
/bin/busybox head -c "$CONTENT_LENGTH" >/dev/null
printf 'Content-Type: application/json\\r\\n\\r\\n%s' '{answer}'
""")
    script.chmod(0o755)
    name = f"localhost/stand-in-{podman.own}"
    container = podman.run("buildah", "from", "scratch")
    podman.run("buildah", "copy", container, str(root), "/")
    command = json.dumps(["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"])
    podman.run("buildah", "config", "--entrypoint", command, "--user", "65532:65532", container)
    podman.run("buildah", "commit", "--rm", container, f"{name}:{model}")
    digest = podman.run("podman", "image", "inspect", "--format", "{{.Digest}}", f"{name}:{model}")
    return Served(f"{name}@{digest}", "/cgi-bin/predict", "{}", model)


def remove(podman: Podman, served: Served) -> None:
    """Take the image away again."""
    podman.run("podman", "rmi", "--force", served.reference, code=None)
