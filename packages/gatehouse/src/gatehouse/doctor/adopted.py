"""Is this a repository that somebody set up, or the template as it was cloned?"""

from __future__ import annotations

import os
import re
from pathlib import Path

from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.git import git

SAMPLE = "adult-income"
"""Name of the contract that the template comes with."""

_REPOSITORY = r"[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$"


def repository(root: Path) -> str | None:
    """owner/name of the remote `origin` on GitHub; None where there is none."""
    try:
        url = git("remote", "get-url", "origin", root=root).strip()
    except GatehouseError:
        return None
    host = os.environ.get("GH_HOST", "github.com")
    found = re.search(rf"(?:^|[/@]){re.escape(host)}(?::\d+)?{_REPOSITORY}", url)
    return found[1] if found else None


def is_sample(root: Path) -> bool:
    """Is the contract still the template's?"""
    try:
        return load_contract(root / CONTRACT_FILE).name == SAMPLE
    except GatehouseError:
        return False


def is_set_up(root: Path) -> bool:
    """On GitHub with a contract of its own, or in CI. Before that it need not be guarded."""
    return os.environ.get("CI") in ("true", "1") or (
        repository(root) is not None and not is_sample(root)
    )
