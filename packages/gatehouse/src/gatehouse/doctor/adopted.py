"""Detect whether somebody set up this repository, or it is the template as cloned."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.git import git

SAMPLE = "adult-income"
"""Name of the template's own contract."""

_REPOSITORY = r"[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$"


def repository(root: Path) -> str | None:
    """Return owner/name of the remote `origin` on GitHub, or None if there is none."""
    try:
        url = git("remote", "get-url", "origin", root=root).strip()
    except GatehouseError:
        return None
    host = os.environ.get("GH_HOST", "github.com")
    found = re.search(rf"(?:^|[/@]){re.escape(host)}(?::\d+)?{_REPOSITORY}", url)
    return found[1] if found else None


def is_sample(root: Path) -> bool:
    """Return whether the contract is still the template's."""
    try:
        return load_contract(root / CONTRACT_FILE).name == SAMPLE
    except GatehouseError:
        return False


def is_set_up(root: Path) -> bool:
    """Return whether it is on GitHub with its own contract, or in CI; else it needs no guard."""
    return os.environ.get("CI") in ("true", "1") or (
        repository(root) is not None and not is_sample(root)
    )
