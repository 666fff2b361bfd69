"""The sample's contract, policy, settings and model card, which most tests speak of.

In a repository of one's own the files of these names in the root say what its rows and its model
are, and what its tests are to find can't hang on that.
"""

from __future__ import annotations

import shutil
from pathlib import Path

SAMPLE = Path(__file__).parent
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml")


def lay_sample(root: Path, *names: str) -> None:
    """Copy the sample's files of these names into `root`, in place of others; without names all."""
    for name in names or FILES:
        shutil.copyfile(SAMPLE / name, root / name)
