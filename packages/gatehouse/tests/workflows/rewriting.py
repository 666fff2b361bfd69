"""A token for each job: act knows one token for a whole run and enforces no permissions.

GitHub gives each job a token with that job's permissions. So that this is tested, a copy of the
workflow is run in which each job reads a secret of its own, and the stand-in for GitHub's API holds
each call against what that job was granted.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.workflows.definitions import load

_TOKEN = re.compile(r"\b(github\.token|secrets\.GITHUB_TOKEN)\b")


def as_act_reads(text: str) -> str:
    """A workflow without `deployment: false`, which act 0.2 refuses; it makes no deployments."""
    return text.replace(", deployment: false}", "}")


def secret_of(job: str) -> str:
    """The name of the secret that a job's token stands under."""
    return "TOKEN_OF_" + re.sub(r"\W", "_", job).upper()


def grants_by_job(workflow: Path, *, read_only: bool) -> dict[str, dict[str, str]]:
    """What each job of a workflow is granted.

    Args:
        workflow: the file.
        read_only: as for a fork's pull request, where GitHub makes each write a read.

    Raises:
        AssertionError: permissions stand nowhere, or as one word for all.
    """
    definition = load(workflow)
    found = {}
    for name, job in definition["jobs"].items():
        grants = job.get("permissions", definition.get("permissions"))
        assert isinstance(grants, dict), f"{workflow.name}: {name}: permissions are not written out"
        found[str(name)] = {
            str(key): "read" if read_only and level == "write" else str(level)
            for key, level in grants.items()
        }
    return found


def with_tokens_of_jobs(workflow: Path, copy: Path) -> None:
    """Write a copy of a workflow in which each job reads its own token."""
    definition = YAML(typ="rt").load(as_act_reads(workflow.read_text("utf-8")))
    for name, job in definition["jobs"].items():
        _replace(job, f"secrets.{secret_of(str(name))}")
    yaml = YAML(typ="rt")
    yaml.width = 10_000
    with copy.open("w", encoding="utf-8") as file:
        yaml.dump(definition, file)


def _replace(node: Any, name: str) -> None:
    places = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(places):
        if isinstance(value, str):
            if _TOKEN.search(value):
                node[key] = type(value)(_TOKEN.sub(name, value))
        elif isinstance(value, dict | list):
            _replace(value, name)
