"""The recipes of the documentation, each done in a scratch fork as the pages say."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gatehouse.places import SOURCE, code_path
from tests.end_to_end.clone import REPOSITORY, Clone, copy_checkout
from tests.shared import LEAN

PAGE = REPOSITORY / SOURCE / "docs/extending.md"


def on_the_page() -> list[str]:
    """The parts of docs/extending.md that each show a kind of thing, whole."""
    parts = PAGE.read_text("utf-8").split("\n## ")[1:]
    assert all(part.partition("\n")[0].endswith(" of your own") for part in parts)
    return parts


def do(part: str, root: Path) -> None:
    """Do in a repository what a part of the page says."""
    (file,) = re.findall(r"(?m)Write it into `([\w/.]+)`:$", part)
    (code,) = re.findall(r"(?s)```python\n(.*?)```", part)
    (root / file).write_text(code, "utf-8")
    (settings,) = re.findall(r"Name it in `(\w+\.yaml)`", part)
    (shown,) = re.findall(r"(?s)```yaml\n(.*?)```", part)
    yaml = YAML()
    yaml.width = 1000
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    here = yaml.load(root / settings)
    _merge(here, yaml.load(shown))
    yaml.dump(here, root / settings)


def _merge(here: Any, more: Any) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(here.get(key), dict):
            _merge(here[key], value)
        else:
            here[key] = value


@dataclass(frozen=True)
class Fork:
    """A scratch fork: its own code, and the tools of this environment."""

    clone: Clone

    @property
    def root(self) -> Path:
        return self.clone.root

    def run(self, *command: str, folder: str = ".") -> tuple[int, str]:
        """Exit code and output of a command in the fork, as in a terminal of its own."""
        # A pytest that runs inside of another's process is no worker of it.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        settings = {
            # An editable installation points to this checkout: the fork's own code goes before.
            "PYTHONPATH": os.pathsep.join([code_path(self.root), LEAN]),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PRE_COMMIT_HOME": str(self.root.parent / "pre-commit"),
        }
        done = subprocess.run(
            command,
            cwd=self.root / folder,
            env=kept | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def pytest(self, *arguments: str, folder: str = ".") -> tuple[int, str]:
        words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
        return self.run(*words, folder=folder)

    def library(self, *arguments: str) -> tuple[int, str]:
        """The library's own tests, from its folder."""
        return self.pytest(*arguments, folder=SOURCE)

    def write(self, file: str, text: str) -> None:
        (self.root / file).write_text(text, "utf-8")


def make_fork(folder: Path) -> Fork:
    """A copy of this checkout as a repository of its own, with this environment's tools."""
    fork = Fork(copy_checkout(folder / "fork"))
    (fork.root / ".venv").symlink_to(sys.prefix)
    (fork.root / "reports").mkdir()
    shutil.copy(REPOSITORY / "reports/README.md", fork.root / "reports")
    with (fork.root / ".git/info/exclude").open("a") as file:
        file.write(".venv\n")
    return fork


def own_objects(fork: Fork) -> None:
    """docs/extending.md: one object of each kind."""
    for part in on_the_page():
        do(part, fork.root)


def own_limits(fork: Fork) -> None:
    """Other settings of the sample's, other limits, and a measurement that is made otherwise."""
    for file, old, new in (
        ("params.yaml", "rows: 48842", "rows: 20000"),
        ("contract.yaml", "valid: 0.16", "valid: 0.15"),
        ("policy.yaml", "at_least: 0.88", "at_least: 0.85"),
        ("policy.yaml", "resamples: 2000", "resamples: 1000"),
        ("policy.yaml", "sessions: 11, calls: 300", "sessions: 9, calls: 200"),
    ):
        fork.clone.replace(file, old, new)


def own_words(fork: Fork) -> None:
    """README, pages and model card written anew."""
    fork.write("README.md", "# Our model\n\nIt says who will leave.\n")
    fork.clone.replace("model_card.yaml", "name: Income over 50,000 dollars", "name: Ours")
    (fork.root / "docs").mkdir()
    fork.write("docs/index.md", "# Our pages\n\nOurs.\n")


def own_requirement(fork: Fork) -> None:
    """docs/adopting.md, "Another library": a line in run.in, and what `make lock` makes of it."""
    pin = f"acorn==1.0 \\\n    --hash=sha256:{hashlib.sha256(b'acorn').hexdigest()}\n"
    folder = fork.root / "requirements"
    with (folder / "run.in").open("a") as file:
        file.write("acorn\n")
    run = set(re.findall(r"(?m)^\S+==\S+", (folder / "run.txt").read_text("utf-8")))
    for lock in folder.glob("*.txt"):
        text = lock.read_text("utf-8")
        if run <= set(re.findall(r"(?m)^\S+==\S+", text)):
            lock.write_text(pin + text, "utf-8")


def own_owners(fork: Fork) -> None:
    """.github/ownership.txt: owners of one's own, and an owner for the code that trains."""
    replace, file = fork.clone.replace, ".github/ownership.txt"
    replace(file, "owned  @OWNER", "owned  @acme/ml @jane")
    replace(file, "src/pipeline/                 free", "src/pipeline/                 owned")
    code, told = fork.run("gatehouse", "github", "owners")
    assert code == 0, told


RECIPES: tuple[Callable[[Fork], None], ...] = (
    own_objects, own_limits, own_requirement, own_words, own_owners,
)  # fmt: skip


def own_table(fork: Fork, target: str, *options: str) -> None:
    """docs/adopting.md, "Your data": `gatehouse init` on a table with other columns."""
    lines = [
        f"{n},{20 + n * 7 % 50},{('north', 'south', 'east')[n % 3]},{('f', 'm')[n % 2]},"
        f"{'yes' if (n * 7 % 50) + n * 13 % 17 > 40 else 'no'},"
        f"{('basic', 'plus', 'pro')[(n * 7 % 50) // 20]},{100 + 3 * (n * 7 % 50) + n % 17}"
        for n in range(1500)
    ]
    head = "customer_id,age,region,gender,churned,plan,spent"
    (fork.root / "customers.csv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    policy = fork.root / "policy.yaml"  # init keeps the own gate, which looks at one column
    policy.write_text(
        policy.read_text("utf-8").replace("column: occupation", "column: plan"), "utf-8"
    )
    words = ("init", "customers.csv", "--target", target, *options, "--yes", "--force")
    code, told = fork.run("gatehouse", *words)
    assert code == 0, told
    assert "Written: contract.yaml, policy.yaml, params.yaml, model_card.yaml." in told
