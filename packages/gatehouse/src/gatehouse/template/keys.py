"""Settings of two versions of a YAML file in one: ours, and the keys that only the new one has.

Texts are merged, not data, so that comments and layout stay.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from gatehouse.errors import GatehouseError
from gatehouse.git import environment
from gatehouse.typed import parse_yaml

_MISSING = object()

Key = tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """A merged file of settings.

    Attributes:
        text: the file.
        notes: what was added, and what people should look at, one line each.
    """

    text: str
    notes: tuple[str, ...]


def merge_texts(old: str, mine: str, theirs: str, *, ours: bool = False) -> str | None:
    """Git's three-way merge of texts; None where it is not clean.

    With `ours`, our lines are taken wherever it is not.
    """
    with tempfile.TemporaryDirectory(prefix="gatehouse-merge-") as folder:
        paths = [Path(folder) / name for name in ("mine", "old", "theirs")]
        for path, text in zip(paths, (mine, old, theirs), strict=True):
            path.write_bytes(text.encode())
        words = ["git", "merge-file", "-p", "-q", *(["--ours"] if ours else []), *map(str, paths)]
        done = subprocess.run(words, capture_output=True, env=environment(), check=False)
    return done.stdout.decode() if done.returncode == 0 else None


def merge_settings(old: str, mine: str, theirs: str, name: str) -> Settings:
    """Our settings, with the template's changes where they touch none of ours.

    A key that the template has newly is added with its value and comments. A value that we
    changed stays.

    Raises:
        GatehouseError: one of the texts is not YAML.
    """
    before, here, there = (_leaves(_data(text, name)) for text in (old, mine, theirs))
    own = {key: value for key, value in here.items() if before.get(key, _MISSING) != value}
    text = merge_texts(old, mine, theirs, ours=True)
    if text is None or not _keeps(text, own, name):
        text = mine
    added, by_hand = [], []
    for key in new_keys(_data(old, name), _data(text, name), _data(theirs, name)):
        grown = _with_key(text, theirs, key)
        if grown is not None and _same_but(text, grown, theirs, key, name):
            text = grown
        else:
            by_hand.append(key)
    now = _leaves(_data(text, name))
    added = new_keys(_data(mine, name), _data(mine, name), _data(text, name))
    notes = [f"{name}: {_dotted(key)} is new, with the template's value" for key in added]
    notes += [f"{name}: {_dotted(key)} is new in the template; add it by hand" for key in by_hand]
    for key, value in now.items():
        was, new = before.get(key, _MISSING), there.get(key, _MISSING)
        if was is not _MISSING and new is _MISSING and not _above(key, there):
            notes.append(f"{name}: {_dotted(key)} is no setting of the template any more")
        elif was not in (_MISSING, new) and new not in (_MISSING, value):
            notes.append(f"{name}: {_dotted(key)} stays {value!r}; the template now says {new!r}")
        elif key in here and value != here[key]:
            notes.append(f"{name}: {_dotted(key)} is now {value!r} as in the template; "
                         f"it was {here[key]!r}")  # fmt: skip
    return Settings(text, tuple(notes))


def changed_keys(old: str, new: str, name: str) -> list[str]:
    """What differs between two YAML texts, by the first two names of each key."""
    one, other = (_leaves(_data(text, name)) for text in (old, new))
    keys = [key for key in {**one, **other} if one.get(key, _MISSING) != other.get(key, _MISSING)]
    return list(dict.fromkeys(_dotted(key[:2]) for key in keys))


def new_keys(old: Any, mine: Any, theirs: Any, above: Key = ()) -> list[Key]:
    """Keys of `theirs` that neither `old` nor `mine` has, in sections that `mine` still has."""
    found: list[Key] = []
    if not (isinstance(mine, dict) and isinstance(theirs, dict)):
        return found
    for key, value in theirs.items():
        before = old.get(key, _MISSING) if isinstance(old, dict) else _MISSING
        if key in mine:
            found += new_keys(before, mine[key], value, (*above, str(key)))
        elif before is _MISSING:
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
    """Is the key, or something below it, among the leaves?"""
    return any(leaf[: len(key)] == key for leaf in leaves)


def _dotted(key: Key) -> str:
    return ".".join(key)


def _keeps(text: str, own: dict[Key, Any], name: str) -> bool:
    """Does the merged text still say what we changed?"""
    try:
        now = _leaves(_data(text, name))
    except GatehouseError:
        return False
    return all(now.get(key, _MISSING) == value for key, value in own.items())


def _same_but(text: str, grown: str, theirs: str, key: Key, name: str) -> bool:
    try:
        now = _data(grown, name)
    except GatehouseError:
        return False
    section = now
    for part in key[:-1]:
        section = section[part]
    value = section.pop(key[-1], _MISSING)
    wanted: Any = _data(theirs, name)
    for part in key:
        wanted = wanted[part]
    return bool(value == wanted and now == _data(text, name))


def _with_key(text: str, theirs: str, key: Key) -> str | None:
    """`text` with the key as it is in `theirs`, after the key that it follows there."""
    mine, other = _section(text, key[:-1]), _section(theirs, key[:-1])
    if mine is None or other is None:
        return None
    names = [str(name.value) for name, _ in other.value]
    at = names.index(key[-1])
    after = next((pair for name in reversed(names[:at]) for pair in mine.value
                  if str(pair[0].value) == name), None)  # fmt: skip
    name, value = other.value[at]
    plain = theirs[name.start_mark.index : value.end_mark.index].rstrip()
    if mine.flow_style:
        if "\n" in plain or not mine.value:
            return None
        end = mine.value[-1][1].end_mark.index
        return f"{text[:end]}, {plain}{text[end:]}"
    if not mine.value:
        return None
    lines, column = text.splitlines(), mine.value[0][0].start_mark.column
    if other.flow_style:
        block = [plain]
    else:
        theirs_lines, first = theirs.splitlines(), name.start_mark.line
        while first and theirs_lines[first - 1].lstrip().startswith("#"):
            first -= 1
        block = theirs_lines[first : _last_line(name, value) + 1]
        block = [line[name.start_mark.column :] for line in block]
    block = [" " * column + line if line.strip() else "" for line in block]
    place = mine.value[0][0].start_mark.line if after is None else _last_line(*after) + 1
    return "\n".join([*lines[:place], *block, *lines[place:]]) + "\n"


def _section(text: str, key: Key) -> MappingNode | None:
    node = YAML(typ="safe", pure=True).compose(text)
    for part in key:
        found = [value for name, value in node.value if str(name.value) == part]
        if not found or not isinstance(found[0], MappingNode):
            return None
        node = found[0]
    return node if isinstance(node, MappingNode) else None


def _last_line(name: Node, value: Node) -> int:
    """The last line of an entry, counted from 0; YAML's own mark of a block is at what follows."""
    if isinstance(value, ScalarNode):
        if value.start_mark.index == value.end_mark.index:  # nothing is there
            return int(name.end_mark.line)
        block = value.style in ("|", ">")
        return int(value.end_mark.line) - (1 if block else 0)
    if not isinstance(value, CollectionNode) or value.flow_style or not value.value:
        return int(value.end_mark.line)
    last = value.value[-1]
    return _last_line(*last) if isinstance(value, MappingNode) else _last_line(last, last)
