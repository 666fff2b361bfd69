"""A fork with a finished small run, and the commands that release it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.clone import Clone
from tests.release.registry import Registry
from tests.shared import LEAN

PASSWORD = "a key's password"


@dataclass(frozen=True)
class Chain:
    """Where the pieces lie.

    Attributes:
        clone: the fork, whose HEAD passes.
        registry: of its images.
        keys: a folder with cosign.key and cosign.pub.
    """

    clone: Clone
    registry: Registry
    keys: Path

    @property
    def name(self) -> str:
        return f"{self.registry.host}/octo/model"

    @property
    def private(self) -> str:
        return str(self.keys / "cosign.key")

    @property
    def public(self) -> str:
        return str(self.keys / "cosign.pub")

    def gatehouse(self, *words: str, code: int = 0, **variables: str) -> str:
        """A command of the fork's own code; what it said."""
        return self.run(
            str(self.clone.python), "-m", "gatehouse.cli", *words, code=code, **variables
        )

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        environment = os.environ | self.registry.variables
        environment |= {
            "COSIGN_PASSWORD": PASSWORD,
            "PYTHONPATH": os.pathsep.join([self.clone.places, LEAN]),
            "PATH": os.pathsep.join([str(self.clone.python.parent), os.environ["PATH"]]),
            **self.clone.variables,
        }
        done = subprocess.run(
            words,
            cwd=self.clone.root,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stderr + done.stdout  # so that the last line is of what was asked
        assert done.returncode == code, output
        return output

    def train(self) -> None:
        """Data and models, committed. They are measured when the image is built."""
        self.run("dvc", "repro", "--quiet", "quantize")
        self.clone.commit("A model")

    def build(self, base: str) -> None:
        self.gatehouse("image", "build", "--base", base)

    def push(self, name: str | None = None, key: str | None = None) -> str:
        """Push, sign and attest what was built; the image by its digest."""
        output = self.gatehouse("image", "push", name or self.name, "--key", key or self.private)
        return output.splitlines()[-1]

    def refused(self, image: str, key: str | None = None) -> str:
        """Verify an image that must be refused; why it was."""
        output = self.gatehouse("image", "verify", image, "--key", key or self.public, code=1)
        assert "verified" not in output
        return output


def make_keys(folder: Path) -> Path:
    """A new key pair of cosign in the new `folder`."""
    folder.mkdir()
    subprocess.run(
        ["cosign", "generate-key-pair"],
        cwd=folder,
        env=os.environ | {"COSIGN_PASSWORD": PASSWORD},
        check=True,
        capture_output=True,
    )
    return folder
