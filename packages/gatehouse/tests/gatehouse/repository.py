"""A tiny Git and DVC repository: its stages copy and measure, so DVC and the gates really run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import BaseRecord, write_record
from tests.gatehouse.tiny import Finished, lay_out
from tests.shared import NAMES

MAKE = """\
import json, os, pathlib, shutil, subprocess, sys

if sys.argv[1] == "data":
    for part in ("raw", "prepared"):
        shutil.copytree("source/data/" + part, "data/" + part, dirs_exist_ok=True)
elif sys.argv[1] == "model":
    import onnx
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    commit = os.environ.get("GATEHOUSE_COMMIT") or head.strip()
    os.makedirs("models", exist_ok=True)
    for name in ("model.onnx", "model.int8.onnx"):
        model = onnx.load("source/models/" + name)
        for stored in model.metadata_props:
            if stored.key == "gatehouse.commit":
                stored.value = json.dumps(commit)
        onnx.save(model, "models/" + name)
    os.makedirs("reports/train/plots", exist_ok=True)
    pathlib.Path("reports/train/metrics.json").write_text('{"log_loss": 0.5}')
    pathlib.Path("reports/train/plots/loss.png").write_bytes(bytes([255, 0]))
else:
    words = [sys.executable, "-m", "gatehouse.cli", "measure"]
    sys.exit(subprocess.run(words).returncode)
"""

STAGES = {
    "stages": {
        "data": {
            "cmd": "python make.py data",
            "deps": ["source/data"],
            "outs": ["data/raw", {"data/prepared": {"cache": False}}],
        },
        "model": {
            "cmd": "python make.py model",
            "deps": ["source/models", "data/prepared"],
            "outs": [
                "models/model.onnx",
                "models/model.int8.onnx",
                {"reports/train/metrics.json": {"cache": False}},
                {"reports/train/plots": {"cache": False}},
            ],
        },
        "evidence": {
            "cmd": "python make.py evidence",
            "deps": [
                "contract.yaml",
                "data/raw",
                "data/prepared",
                "models/model.onnx",
                "models/model.int8.onnx",
                "reports/base.json",
            ],
            "params": [{"policy.yaml": ["measure"]}],
            "outs": [{f"reports/evidence/{gate}.json": {"cache": False}} for gate in NAMES],
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
    source.mkdir()
    for part in ("data", "models"):
        shutil.move(root / part, source / part)
    (root / "make.py").write_text(MAKE)
    write_record(BaseRecord(), root)
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
