"""The template's own files that a repository made from it changes first, for tests to speak of.

There contract, policy, settings and model card in the root are of its own rows and model, and what
its tests are to find can't hang on that: they read the sample's, which lie here.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from gatehouse.github.owners import OWNERS_FILE, PLACEHOLDER

SAMPLE = Path(__file__).parent
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml")


def lay_sample(root: Path, *names: str) -> None:
    """Copy the sample's files of these names into `root`, in place of others; without names all."""
    for name in names or FILES:
        shutil.copyfile(SAMPLE / name, root / name)


def template_owners() -> str:
    """This repository's code owners as the template has them: the placeholder owns everything."""
    text = (SAMPLE.parents[1] / OWNERS_FILE).read_text("utf-8")
    return re.sub(r"(?m)^([^#\s]\S*[ \t]+)@.*$", rf"\1{PLACEHOLDER}", text)
