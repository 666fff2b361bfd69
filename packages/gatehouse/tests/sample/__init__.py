"""The template's own files that a repository made from it changes first, for tests to speak of.

There contract, policy, settings and model card in the root are of its own rows and model, and what
its tests are to find can't hang on that: they read the sample's, which lie here.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gatehouse.codeowners import OWNERS_FILE
from gatehouse.ownership import OWNERSHIP_FILE, PLACEHOLDER, parse

SAMPLE = Path(__file__).parent
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml")


def lay_sample(root: Path, *names: str) -> None:
    """Copy the sample's files of these names into `root`, in place of others; without names all."""
    for name in names or FILES:
        shutil.copyfile(SAMPLE / name, root / name)


def template_ownership() -> str:
    """The template's ownership.txt, in which the placeholder owns everything."""
    return (SAMPLE / OWNERSHIP_FILE.name).read_text("utf-8")


def tracked() -> list[str]:
    """The paths of this repository that Git has."""
    words = ["git", "ls-files", "-z"]
    done = subprocess.run(words, cwd=SAMPLE.parents[3], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this is no Git repository")
    return done.stdout.decode().split("\0")[:-1]


def lay_owners(root: Path, owners: str = PLACEHOLDER) -> None:
    """Write the template's ownership.txt into `root`, with these owners, and its CODEOWNERS."""
    text = template_ownership().replace(PLACEHOLDER, owners)
    for path, content in ((OWNERSHIP_FILE, text), (OWNERS_FILE, parse(text).codeowners())):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content, "utf-8")
