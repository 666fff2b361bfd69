"""Two commits compared by their Git trees, in the trusted checkout: which paths differ.

Nothing of it rests on what a run says. Links, modes and submodules count, since Git's entries do.
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
"""What makes a run, whatever a border file calls it."""

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
"""What no stage reads, or what a run writes: another text there trains nothing."""

Entries = dict[str, str]
"""Mode, kind and hash of each file of a commit, by its path."""


def entries_of(commit: str, root: Path, *paths: str) -> Entries:
    """The files of a commit, or those below `paths`.

    Raises:
        GatehouseError: the commit is not here.
    """
    output = git_bytes("ls-tree", "-r", "-z", commit, "--", *paths, root=root)
    found = {}
    for line in output.decode(errors="surrogateescape").split("\0")[:-1]:
        entry, _, path = line.partition("\t")
        found[path] = entry
    return found


def differing(one: Entries, other: Entries, counts: Callable[[str], bool]) -> list[str]:
    """The paths that differ between two commits, of those that count."""
    return sorted(
        path
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path) and counts(path)
    )


def unlike_runs(tip: str, head: str, root: Path) -> list[str]:
    """The paths by which a run of `head` is another run than one of the default branch's tip.

    These are workflows, actions, scripts, locks, what steers DVC and Git, and the machinery by the
    tip's border file. From dvc.yaml, only the stages count, without what they list as dependencies.

    Raises:
        GatehouseError: a commit is not here.
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
    """What dvc.yaml runs; None where it can't be read."""
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
    """Do two commits train alike? Every path counts but those that no stage reads.

    The rows are no part of it: whoever asks has to bind them by their SHA-256.

    Args:
        one: a commit.
        other: another one.
        root: the checkout that has both.
        brought: files, by path, that take the place of those of `one`, or come to them.

    Raises:
        GatehouseError: a commit is not here.
    """
    before = entries_of(one, root) | {
        path: f"100644 blob {_hash(content, root)}" for path, content in (brought or {}).items()
    }
    return not differing(before, entries_of(other, root), _trains)


def _hash(content: bytes, root: Path) -> str:
    """As Git names a file of these bytes."""
    return git_bytes("hash-object", "--stdin", root=root, stdin=content).decode().strip()


def _trains(path: str) -> bool:
    return not path.startswith(_WORDS) or _steers(path)


def _steers(path: str) -> bool:
    """Is it a file that steers DVC or Git, in whatever folder?"""
    return any(name in STEERING for name in path.split("/"))
