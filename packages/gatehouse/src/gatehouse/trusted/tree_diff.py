"""Compares the Git trees of two commits in the trusted checkout: which paths differ.

The comparison uses nothing that a run reports. It covers links, modes and submodules, because Git's
entries include them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.git import file_at, git_bytes
from gatehouse.ownership import OWNERSHIP_FILE, STEERING, Kind, Ownership, load_at
from gatehouse.typed import parse_yaml

STAGES = "dvc.yaml"

_MAKES = (
    ".github/actions/",
    ".github/workflows/",
    "Makefile",
    "pyproject.toml",
    "requirements/",
    "scripts/",
    "packages/gatehouse/",
    "vendor/",
)
"""Paths that define a run, whatever a border file calls them."""

_WORDS = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "model_card.yaml",
    "policy.yaml",
    "docs/",
    "reports/",
    "acceptances/",
    "deploy/",
    "tests/",
    "dvc.lock",
)
"""Paths that no stage reads or that a run writes; changes to them do not affect training."""

Entries = dict[str, str]
"""Mode, kind and hash of each file of a commit, by path."""


def entries_of(commit: str, root: Path, *paths: str) -> Entries:
    """Return the files of a commit, or those below `paths`.

    Raises:
        GatehouseError: the commit is not in the checkout.
    """
    output = git_bytes("ls-tree", "-r", "-z", commit, "--", *paths, root=root)
    found = {}
    for line in output.decode(errors="surrogateescape").split("\0")[:-1]:
        entry, _, path = line.partition("\t")
        found[path] = entry
    return found


def differing(one: Entries, other: Entries, counts: Callable[[str], bool]) -> list[str]:
    """Return the paths, among those that count, that differ between two commits."""
    return sorted(
        path
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path) and counts(path)
    )


def unlike_runs(tip: str, head: str, root: Path) -> list[str]:
    """Return the paths that make a run of `head` differ from one of the default branch's tip.

    These are workflows, actions, scripts, locks, files that control DVC and Git, and the machinery
    by the tip's border file. In dvc.yaml only the stages count, without their dependencies.

    Raises:
        GatehouseError: a commit is not in the checkout.
    """
    try:
        border = load_at(tip, root)
    except GatehouseError:
        border = None
    old, new = entries_of(tip, root), entries_of(head, root)
    found = differing(old, new, lambda path: _makes(path, border))
    if STAGES in found and _stages(tip, root) == _stages(head, root) is not None:
        found.remove(STAGES)
    return found


def _makes(path: str, border: Ownership | None) -> bool:
    return (
        path.startswith(_MAKES)
        or path == OWNERSHIP_FILE.as_posix()
        or _steers(path)
        or (border is not None and border.kind_of(path) is Kind.MACHINERY)
    )


def _stages(commit: str, root: Path) -> dict[str, Any] | None:
    """Return the stages of dvc.yaml, or None if it can't be read."""
    try:
        parsed = parse_yaml(file_at(commit, Path(STAGES), root) or "", STAGES)
    except GatehouseError:
        return None
    stages = parsed.get("stages") if isinstance(parsed, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        return None
    kept = {
        name: {key: value for key, value in stage.items() if key not in ("desc", "deps")}
        for name, stage in stages.items()
    }
    return {**parsed, "stages": kept}


def equal_inputs(
    one: str, other: str, root: Path, *, brought: Mapping[str, bytes] | None = None
) -> bool:
    """Return whether two commits train alike. Every path counts except those that no stage reads.

    The rows are not compared; the caller must check them by their SHA-256.

    Args:
        one: a commit.
        other: another one.
        root: the checkout that has both.
        brought: files, by path, that replace files of `one` or are added to them.

    Raises:
        GatehouseError: a commit is not in the checkout.
    """
    before = entries_of(one, root) | {
        path: f"100644 blob {_hash(content, root)}" for path, content in (brought or {}).items()
    }
    return not differing(before, entries_of(other, root), _trains)


def _hash(content: bytes, root: Path) -> str:
    """Return the hash that Git gives a file with these bytes."""
    return git_bytes("hash-object", "--stdin", root=root, stdin=content).decode().strip()


def _trains(path: str) -> bool:
    return not path.startswith(_WORDS) or _steers(path)


def _steers(path: str) -> bool:
    """Return whether the file controls DVC or Git, in any folder."""
    return any(name in STEERING for name in path.split("/"))
