"""The Kubernetes objects of `deploy/`: as written, and as kustomize renders them."""

from __future__ import annotations

import copy
import functools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.github.needed import missing

ROOT = Path(__file__).parents[4]
DEPLOY = ROOT / "deploy"
ENVIRONMENTS = ("staging", "production")
TOOLS = ROOT / ".venv/tools/node_modules"


def render(folder: Path) -> list[Any]:
    """What `kustomize build` makes of a folder."""
    if shutil.which("kustomize") is None:
        missing("kustomize (Debian 13 and newer: apt-get install kustomize)")
    words = ["kustomize", "build", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def environment(name: str) -> list[Any]:
    """All that an environment's overlay renders to."""
    return copy.deepcopy(_rendered(name))


@functools.cache
def _rendered(name: str) -> list[Any]:
    return render(DEPLOY / "overlays" / name)


def as_template(root: Path) -> None:
    """Make the overlays below `root` those of the template: a fork's own name what it released."""
    for name in ENVIRONMENTS:
        file = root / "deploy/overlays" / name / "kustomization.yaml"
        text = re.sub(r"(?m)^( +newName: ).*", r"\1ghcr.io/OWNER/NAME", file.read_text("utf-8"))
        file.write_text(re.sub(r"(?m)^( +digest: ).*", rf"\1sha256:{'0' * 64}", text), "utf-8")


def load(path: Path) -> list[Any]:
    """The objects of a file, as written."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def namespaces() -> dict[str, Any]:
    """The namespaces that whoever runs the cluster makes, by name."""
    return {each["metadata"]["name"]: each for each in load(DEPLOY / "admission/namespaces.yaml")}


def only(objects: list[Any], kind: str) -> Any:
    """The one object of a kind."""
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def pods(objects: list[Any]) -> Any:
    """The pod template of the Deployment."""
    return only(objects, "Deployment")["spec"]["template"]


def problems(objects: list[Any]) -> list[str]:
    """What does not fit the published schemas; a key that they don't have does not fit either."""
    if shutil.which("node") is None or not (TOOLS / "@kubernetes-models").is_dir():
        missing("the schemas of Kubernetes (node and npm, then `make .venv/.installed-dev`)")
    checker = _checker()
    assert checker.stdin is not None
    assert checker.stdout is not None
    checker.stdin.write(json.dumps(objects) + "\n")
    checker.stdin.flush()
    output = checker.stdout.readline()
    assert output, "the checker has ended; the reason is above"
    found: list[str] = json.loads(output)
    return found


@functools.cache
def _checker() -> subprocess.Popen[str]:
    """One for the whole process: loading the types takes seconds. It ends with its input."""
    script = Path(__file__).with_name("schemas.mjs")
    return subprocess.Popen(
        ["node", str(script), str(TOOLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
