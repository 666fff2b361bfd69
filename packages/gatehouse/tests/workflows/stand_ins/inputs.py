"""What the stand-ins for actions share: inputs in, outputs out, an error that ends the step."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn


def inputs() -> dict[str, str]:
    """The action's inputs by name."""
    return {key: str(value) for key, value in json.loads(os.environ["INPUTS"]).items()}


def truth(values: dict[str, str], name: str) -> bool:
    """An input that is true or false."""
    if values[name] not in ("true", "false"):
        fail(f"{name}: expected true or false, found {values[name]!r}")
    return values[name] == "true"


def lines(text: str) -> list[str]:
    """The lines of an input that have something in them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def output(name: str, value: str) -> None:
    """Set an output of the step."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")


def workspace() -> Path:
    """The job's folder."""
    return Path(os.environ["GITHUB_WORKSPACE"]).resolve()


def inside(path: str) -> Path:
    """A path below the job's folder; an error where it leads out of it."""
    found = (workspace() / path).resolve()
    if not found.is_relative_to(workspace()):
        fail(f"path: {path!r} leads out of the workspace")
    return found


def fail(message: str) -> NoReturn:
    """End the step with an error."""
    print(f"::error::stand-in: {message}")
    sys.exit(1)
