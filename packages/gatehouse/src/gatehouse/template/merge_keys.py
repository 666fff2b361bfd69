"""Merge the settings of two versions of a YAML file: ours, plus the keys that only the new one has.

Texts are merged instead of data, so that comments and layout are kept.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.git import environment
from gatehouse.typed import parse_yaml
from gatehouse.yaml_text import MISSING, Key, add_key, dotted


@dataclass(frozen=True)
class MergedSettings:
    """A merged settings file.

    Attributes:
        text: the file.
        notes: what was added, and what needs attention, one line each.
    """

    text: str
    notes: tuple[str, ...]


def merge_texts(old: str, mine: str, theirs: str, *, ours: bool = False) -> str | None:
    """Return git's three-way merge of texts, or None if there are conflicts.

    With `ours`, conflicts are resolved with our lines.
    """
    with tempfile.TemporaryDirectory(prefix="gatehouse-merge-") as folder:
        paths = [Path(folder) / name for name in ("mine", "old", "theirs")]
        for path, text in zip(paths, (mine, old, theirs), strict=True):
            path.write_bytes(text.encode())
        words = ["git", "merge-file", "-p", "-q", *(["--ours"] if ours else []), *map(str, paths)]
        done = subprocess.run(words, capture_output=True, env=environment(), check=False)
    return done.stdout.decode() if done.returncode == 0 else None


def merge_settings(old: str, mine: str, theirs: str, name: str) -> MergedSettings:
    """Return our settings, with the template's changes to values that we did not change.

    Keys that are new in the template are added with value and comments. Values that we changed are
    kept.

    Raises:
        GatehouseError: one of the texts is not YAML.
    """
    before, here, there = (_leaves(_data(text, name)) for text in (old, mine, theirs))
    own = {key: value for key, value in here.items() if before.get(key, MISSING) != value}
    text = merge_texts(old, mine, theirs, ours=True)
    if text is None or not _keeps(text, own, name):
        text = mine
    added, by_hand = [], []
    for key in new_keys(_data(old, name), _data(text, name), _data(theirs, name)):
        grown = add_key(text, theirs, key)
        if grown is not None and _same_but(text, grown, theirs, key, name):
            text = grown
        else:
            by_hand.append(key)
    now = _leaves(_data(text, name))
    added = new_keys(_data(mine, name), _data(mine, name), _data(text, name))
    notes = [f"{name}: {dotted(key)} is new, with the template's value" for key in added]
    notes += [f"{name}: {dotted(key)} is new in the template; add it by hand" for key in by_hand]
    for key, value in now.items():
        was, new = before.get(key, MISSING), there.get(key, MISSING)
        if was is not MISSING and new is MISSING and not _above(key, there):
            notes.append(f"{name}: {dotted(key)} is no setting of the template any more")
        elif was not in (MISSING, new) and new not in (MISSING, value):
            notes.append(f"{name}: {dotted(key)} stays {value!r}; the template now says {new!r}")
        elif key in here and value != here[key]:
            notes.append(f"{name}: {dotted(key)} is now {value!r} as in the template; "
                         f"it was {here[key]!r}")  # fmt: skip
    return MergedSettings(text, tuple(notes))


def changed_keys(old: str, new: str, name: str) -> list[str]:
    """Return the differences between two YAML texts, by the first two parts of each key."""
    one, other = (_leaves(_data(text, name)) for text in (old, new))
    keys = [key for key in {**one, **other} if one.get(key, MISSING) != other.get(key, MISSING)]
    return list(dict.fromkeys(dotted(key[:2]) for key in keys))


def new_keys(old: Any, mine: Any, theirs: Any, above: Key = ()) -> list[Key]:
    """Return keys of `theirs` that `old` and `mine` lack, in sections that `mine` still has."""
    found: list[Key] = []
    if not (isinstance(mine, dict) and isinstance(theirs, dict)):
        return found
    for key, value in theirs.items():
        before = old.get(key, MISSING) if isinstance(old, dict) else MISSING
        if key in mine:
            found += new_keys(before, mine[key], value, (*above, str(key)))
        elif before is MISSING:
            found.append((*above, str(key)))
    return found


def _data(text: str, name: str) -> Any:
    return parse_yaml(text, name)


def _leaves(data: Any, above: Key = ()) -> dict[Key, Any]:
    if not isinstance(data, dict) or not data:
        return {above: data}
    found: dict[Key, Any] = {}
    for key, value in data.items():
        found |= _leaves(value, (*above, str(key)))
    return found


def _above(key: Key, leaves: dict[Key, Any]) -> bool:
    """Return whether the key, or a key below it, is among the leaves."""
    return any(leaf[: len(key)] == key for leaf in leaves)


def _keeps(text: str, own: dict[Key, Any], name: str) -> bool:
    """Return whether the merged text still has our changes."""
    try:
        now = _leaves(_data(text, name))
    except GatehouseError:
        return False
    return all(now.get(key, MISSING) == value for key, value in own.items())


def _same_but(text: str, grown: str, theirs: str, key: Key, name: str) -> bool:
    try:
        now = _data(grown, name)
    except GatehouseError:
        return False
    section = now
    for part in key[:-1]:
        section = section[part]
    value = section.pop(key[-1], MISSING)
    wanted: Any = _data(theirs, name)
    for part in key:
        wanted = wanted[part]
    return bool(value == wanted and now == _data(text, name))
