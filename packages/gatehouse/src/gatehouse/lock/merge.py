"""Three-way merge of `dvc.lock`, stage by stage instead of line by line.

If lines of one stage came from two sides, they would describe a run that never happened. A stage is
therefore taken whole from one side, or left out: DVC then runs it again, or takes it from its run
cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.comments import CommentedMap

from gatehouse.errors import GatehouseError
from gatehouse.lock.file import SCHEMA, dump_lock, parse_lock

_ABSENT = object()


class _ConflictError(Exception):
    """Both sides changed a value in different ways."""


@dataclass(frozen=True)
class Merged:
    """A merged lock file.

    Attributes:
        text: text as DVC writes it.
        left_out: names of the stages that both sides changed differently; DVC runs them again.
    """

    text: str
    left_out: tuple[str, ...]


def merge_locks(base: str | None, ours: str | None, theirs: str | None) -> Merged:
    """Merge two lock files with a common ancestor.

    A stage that only one side changed (or added, or removed) is taken from that side. A stage that
    both changed in the same way is kept, and one that both changed differently is left out.

    Args:
        base: text of the common ancestor's lock file; None or empty if there was none.
        ours: text of our lock file; None or empty if we removed it.
        theirs: text of their lock file; None or empty if they removed it.

    Raises:
        GatehouseError: a text is not a lock file, or both sides changed something outside stages.
    """
    names = ("the common ancestor", "ours", "theirs")
    old, mine, other = (
        parse_lock(text, f"dvc.lock of {name}") if text else CommentedMap(schema=SCHEMA)
        for text, name in zip((base, ours, theirs), names, strict=True)
    )
    merged = CommentedMap()
    for key in _keys(mine, other):
        if key == "stages":
            continue
        try:
            _take(merged, key, _three_way(key, old, mine, other))
        except _ConflictError:
            raise GatehouseError(
                f"dvc.lock: {key}: both sides changed it; keep one side's by hand"
            ) from None
    stages, left_out = CommentedMap(), []
    sides = [lock.get("stages") or {} for lock in (old, mine, other)]
    for stage in _keys(sides[1], sides[2]):
        try:
            _take(stages, stage, _three_way(stage, *sides))
        except _ConflictError:
            left_out.append(stage)
    merged["stages"] = stages
    return Merged(dump_lock(merged), tuple(left_out))


def _keys(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return our keys in our order, then the keys that only they have."""
    return [*ours, *(key for key in theirs if key not in ours)]


def _take(target: CommentedMap, key: str, value: Any) -> None:
    if value is not _ABSENT:
        target[key] = value


def _three_way(
    key: str, base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Any:
    old, mine, other = (side.get(key, _ABSENT) for side in (base, ours, theirs))
    if _same(mine, other) or _same(old, other):
        return mine
    if _same(old, mine):
        return other
    raise _ConflictError


def _same(one: Any, other: Any) -> bool:
    """Compare values as written: unlike Python, treat 1 and true as different."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return dump_lock(CommentedMap(value=one)) == dump_lock(CommentedMap(value=other))
