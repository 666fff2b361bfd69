"""Makes the example comments and pictures of this folder, by the real workflows.

    PYTHONPATH=packages/gatehouse .venv/bin/python packages/gatehouse/docs/examples/make.py

act runs pull-request.yml, pipeline.yml and gates.yml in a clone of this checkout, against the
tests' stand-in for GitHub. One change is harmless and passes; one is bad, loosens the policy, and
fails. Takes a few minutes.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from tests.end_to_end.clone import Clone
from tests.github.api import GitHub
from tests.workflows.world import World, make_fork

FOLDER = Path(__file__).parent


def harmless(fork: Clone) -> None:
    """More rows, and more dropout."""
    fork.gatehouse("set", "data.simulated.rows=50000", "train.torch_mlp.dropout=0.15")


def bad(fork: Clone) -> None:
    """Drifted rows, biased labels, a network that hardly learned, and a limit that allows it."""
    fork.gatehouse(
        "set", "data.simulated.drift=0.1", "data.simulated.label_bias=0.35",
        "train.torch_mlp.epochs=2",
    )  # fmt: skip
    fork.replace("policy.yaml", "at_least: -0.01", "at_least: -0.05")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        made = Path(name, "fork")
        make_fork(made, settings={})
        for title, change in (("pass", harmless), ("fail", bad)):
            folder = Path(name, title)
            shutil.copytree(made / "origin.git", folder / "origin.git")
            with GitHub(folder, "octo/model", origin=folder / "origin.git") as github:
                world = World.copy_of(made, folder, github)
                pull = world.open(change)
                world.through(pull)
                print(f"{title}: {world.status(pull.head_sha)}")
                text, picture = world.said(pull).rstrip() + "\n", f"verdict-{title}.svg"
                address = re.search(r"\]\((\S+/raw/([0-9a-f]{40})/(reports/verdict\.svg))\)", text)
                assert address, "the comment shows no picture"
                drawn = github.git.git("show", f"{address[2]}:{address[3]}")
                (FOLDER / picture).write_text(f"{drawn}\n", encoding="utf-8")
                text = text.replace(address[1], picture)  # that repository is a stand-in's
                (FOLDER / f"comment-{title}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
