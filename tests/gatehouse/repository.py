"""A tiny Git and DVC repository whose stages copy and hash, so that DVC really runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gatehouse.evidence import Gate
from tests.gatehouse.tiny import Finished, lay_out

MAKE = """\
import hashlib, json, os, pathlib, shutil, subprocess, sys

def sha(path):
    return "sha256:" + hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()

if sys.argv[1] == "data":
    for part in ("raw", "prepared"):
        shutil.copytree(f"source/data/{part}", f"data/{part}", dirs_exist_ok=True)
elif sys.argv[1] == "model":
    import onnx
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    commit = os.environ.get("GATEHOUSE_COMMIT") or head.strip()
    os.makedirs("models", exist_ok=True)
    for name in ("model.onnx", "model.int8.onnx"):
        model = onnx.load(f"source/models/{name}")
        for stored in model.metadata_props:
            if stored.key == "gatehouse.commit":
                stored.value = json.dumps(commit)
        onnx.save(model, f"models/{name}")
else:
    os.makedirs("reports/evidence", exist_ok=True)
    for file in sorted(pathlib.Path("source/evidence").iterdir()):
        text = file.read_text()
        text = text.replace("MODEL-INT8", sha("models/model.int8.onnx"))
        text = text.replace("MODEL-FP32", sha("models/model.onnx"))
        pathlib.Path("reports/evidence", file.name).write_text(text)
"""

STAGES = {
    "stages": {
        "data": {
            "cmd": "python make.py data",
            "deps": ["source/data"],
            "outs": ["data/raw", "data/prepared"],
        },
        "model": {
            "cmd": "python make.py model",
            "deps": ["source/models", "data/prepared"],
            "outs": ["models/model.onnx", "models/model.int8.onnx"],
        },
        "evidence": {
            "cmd": "python make.py evidence",
            "deps": ["source/evidence", "models/model.onnx", "models/model.int8.onnx"],
            "outs": [{f"reports/evidence/{gate}.json": {"cache": False}} for gate in Gate],
        },
    }
}


@dataclass(frozen=True)
class Repository(Finished):
    """A Git and DVC repository: commit `sources` has no run, HEAD (`main`) records one."""

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, check=False, env=tool_path()
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def dvc(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD").strip()

    def state(self) -> str:
        """Refs, HEAD, index and work tree, in words."""
        return "\n".join(
            self.git(*command.split())
            for command in (
                "for-each-ref",
                "symbolic-ref HEAD",
                "status --porcelain",
                "ls-files --stage",
                "worktree list",
                "stash list",
            )
        )


def tool_path() -> dict[str, str]:
    """This environment's programs first, as in an activated environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path}


def own_settings(folder: Path) -> dict[str, str]:
    """The machine's git and DVC settings stay out, and DVC's caches stay in `folder`."""
    return {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(folder / "dvc-system"),
    }


def record(repository: Repository) -> None:
    """Make the two commits."""
    root = repository.root
    lay_out(root)
    source = root / "source"
    (source / "evidence").mkdir(parents=True)
    for gate in Gate:
        text = repository.evidence(gate).to_json()
        subject = repository.workspace.present()
        assert subject.model is not None
        assert subject.model_fp32 is not None
        text = text.replace(subject.model, "MODEL-INT8").replace(subject.model_fp32, "MODEL-FP32")
        (source / "evidence" / f"{gate}.json").write_text(text)
    for part in ("data", "models"):
        shutil.move(root / part, source / part)
    (root / "make.py").write_text(MAKE)
    (root / "dvc.yaml").write_text(json.dumps(STAGES))
    (root / ".gitignore").write_text("/data/\n/models/\n/.gatehouse/\n")
    repository.git("init", "-q", "-b", "main")
    repository.git("config", "user.name", "Tester")
    repository.git("config", "user.email", "tester@example.org")
    repository.dvc("init", "-q")
    repository.dvc("config", "core.autostage", "false")
    repository.commit("sources")
    repository.git("tag", "sources")
    repository.dvc("repro", "-q")
    repository.commit("a run")
