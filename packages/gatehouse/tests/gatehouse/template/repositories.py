"""Scratch repositories: a template in versions, and forks of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from gatehouse.ownership import parse
from gatehouse.template.report import CHANGELOG

Files = dict[str, str | None]

CONTRACT = "version: 1\nname: template\ncolumns:\n  age: {type: integer}\n"
PARAMS = """\
    # Settings.
    data:
      source: simulated    # where rows come from
    train:
      seed: 0
      torch_mlp:
        epochs: 16         # at most
        batch: 1024
    """
POLICY = """\
    version: 1
    measure:
      confidence: 0.95
      latency: {calls: 300, batch: 256}
    rules:
      accuracy-floor:
        gate: accuracy
        at_least: 0.83
    """
BORDER = """\
# Whose.
*  owned  @OWNER

README.md  free
CHANGELOG.md  free
params.yaml  free
model_card.yaml  free
data/  free
src/pipeline/  free

docs/  free

dvc.lock  generated
reports/verdict.json  generated

# The library
packages/  machinery
.github/workflows/  machinery
requirements/  machinery
"""
FIRST: Files = {
    "contract.yaml": CONTRACT,
    "params.yaml": dedent(PARAMS),
    "policy.yaml": dedent(POLICY),
    "model_card.yaml": "version: 1\nname: theirs\n",
    "README.md": "# Gatehouse\n\nA template.\n",
    CHANGELOG: "# Changelog\n\n## [Unreleased]\n\n## [1.0.0]\n- The first one.\n",
    "dvc.yaml": "stages: {}\n",
    ".github/workflows/gates.yml": f"steps:\n  - uses: a/checkout@{'1' * 40} # v1\n  - run: a\n",
    ".github/CODEOWNERS": parse(BORDER).codeowners(),
    ".github/ownership.txt": BORDER,
    "deploy/overlays/staging/kustomization.yaml": "newName: ghcr.io/OWNER/NAME\n",
    "deploy/argocd/project.yaml": "repo: https://github.com/OWNER/NAME.git\nkind: a\n",
    "docs/guide.md": "".join(f"line {n}\n" for n in range(30)),
    "docs/old.md": "old\n",
    "examples/one/a.py": "a = 1\n",
    "requirements/run.txt": "torch==1\nnumpy==1\n",
    "packages/judge.py": "".join(f"judge {n}\n" for n in range(30)),
    "packages/gate.py": "".join(f"gate {n}\n" for n in range(30)),
    "src/pipeline/train.py": "".join(f"train {n}\n" for n in range(30)),
    "src/pipeline/network.py": "".join(f"net {n}\n" for n in range(30)),
}


@dataclass(frozen=True)
class Scratch:
    """A Git repository with a work tree."""

    root: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def commit(self, message: str, files: Files) -> str:
        """Write the files, of which None is deleted, and commit."""
        for path, text in files.items():
            file = self.root / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def state(self) -> str:
        """Branches, HEAD, index and work tree, in words."""
        words = ("branch -v", "symbolic-ref HEAD", "status --porcelain", "worktree list")
        return "\n".join(self.git(*each.split()) for each in words)


def scratch(root: Path) -> Scratch:
    """A new repository."""
    root.mkdir(parents=True)
    made = Scratch(root)
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "Tester")
    made.git("config", "user.email", "tester@example.org")
    return made


def copied(template: Scratch, root: Path) -> Scratch:
    """What "Use this template" makes: the files of its HEAD in one new commit."""
    fork = scratch(root)
    files = template.git("ls-files").splitlines()
    fork.commit("Initial commit", {path: template.read(path) for path in files})
    return fork
