"""Change YAML in its text, so that comments and layout are kept.

YAML writers lose layout, so a value is replaced in the text at the position that the YAML parser
reports. The text is then parsed again and must contain the requested change and no other.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from gatehouse.errors import GatehouseError
from gatehouse.typed import parse_yaml

Key = tuple[str | int, ...]
"""The path to a value: keys of mappings and indices of lists, from the outermost one."""

MISSING = object()
"""Marks a value that is missing; null is a value."""

_COMMENT = re.compile(r"( +)#")
_PLAIN = re.compile(r"[A-Za-z0-9_./][\w./:+-]*", re.ASCII)


def set_values(text: str, changes: Mapping[Key, Any], name: str | Path) -> str:
    """Return the text with some values changed, and with missing keys added.

    Args:
        text: of a YAML file whose outermost node is a mapping.
        changes: the new values.
        name: of the file, for errors.

    Raises:
        GatehouseError: the text is not such YAML, a key is below a scalar, or a value can't be
            changed in place because of an anchor or alias, or because it spans several lines.
    """
    wanted = copy.deepcopy(plain(parse_yaml(text, name)))
    changed = text
    for key, value in changes.items():
        if _put(wanted, key, value, name):
            changed = _replaced(changed, key, value, name)
    try:
        now = plain(parse_yaml(changed, name))
    except GatehouseError:  # the change removed an anchor that an alias needs
        now = MISSING
    if not same(now, wanted):
        by_hand = ", ".join(f"{dotted(key)}: {written(new)}" for key, new in changes.items())
        raise GatehouseError(
            f"{name}: cannot be changed in place; write {by_hand} by hand, with no anchor"
        )
    return changed


def get(data: Any, key: Key) -> Any:
    """Return a value in parsed YAML, or `MISSING`."""
    for part in key:
        if not isinstance(data, dict) or part not in data:
            return MISSING
        data = data[part]
    return data


def dotted(key: Key) -> str:
    """Return a key as errors show it, such as `train.seed`."""
    return ".".join(map(str, key))


def _put(data: Any, key: Key, value: Any, name: str | Path) -> bool:
    """Set the value in plain data; return False if it is already set."""
    *above, last = key
    for part in above:
        if isinstance(data, dict):
            data = data.setdefault(part, {})
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        else:
            data = None
    if not isinstance(data, dict):
        where = dotted(tuple(above))
        raise GatehouseError(f"{name}: {where}.{last}: {where} is one value, and has no keys")
    if last in data and same(data[last], value):
        return False
    data[last] = value
    return True


def _replaced(text: str, key: Key, value: Any, name: str | Path) -> str:
    """Return the text with one value changed, or its key added if the file lacks it."""
    node, parts = YAML(typ="safe", pure=True).compose(text), key
    colon = 0
    while parts and isinstance(node, MappingNode | SequenceNode):
        if isinstance(node, SequenceNode):
            node, parts = node.value[int(parts[0])], parts[1:]
            continue
        entry = next((entry for entry in node.value if entry[0].value == parts[0]), None)
        if entry is None:
            return _inserted(text, node, parts, value)
        colon, node, parts = text.index(":", entry[0].end_mark.index), entry[1], parts[1:]
    start, end = node.start_mark.index, node.end_mark.index
    several_lines = not isinstance(node, ScalarNode) and not node.flow_style
    if several_lines or start < colon:  # an alias's value is earlier in the text
        raise GatehouseError(
            f"{name}:{node.start_mark.line + 1}: {dotted(key)}: cannot be changed in place; set "
            "its keys one by one, or change it by hand"
        )
    new = written(value)
    if start == end:  # `key:` without a value: YAML's mark is at the next token
        start = end = colon + 1
        new = " " + new
    rest = text[end:]
    if comment := _COMMENT.match(rest):  # keep the comment's column if there is room
        spaces = max(1, len(comment[1]) - len(new) + (end - start))
        rest = " " * spaces + rest[comment.end(1) :]
    return text[:start] + new + rest


def _inserted(text: str, node: MappingNode, parts: Key, value: Any) -> str:
    """Return the text with a new key before the first one of its section."""
    for part in reversed(parts[1:]):
        value = {part: value}
    entry = f"{parts[0]}: {written(value)}"
    if not node.value:  # {}
        at, after = node.start_mark.index + 1, ""
    else:
        mark = node.value[0][0].start_mark
        at, after = mark.index, ", " if node.flow_style else "\n" + " " * mark.column
    return text[:at] + entry + after + text[at:]


def written(value: Any) -> str:
    """Format a value as one line of YAML: bare if that is safe, else as JSON, a subset of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    bare = isinstance(value, str) and _PLAIN.fullmatch(value) and not value.endswith(":")
    if bare and YAML(typ="safe").load(value) == value:
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def plain(data: Any) -> Any:
    """Return parsed YAML as Python's own types, without marks and comments."""
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    for kind in (bool, int, float, str):
        if isinstance(data, kind):
            return kind(data)
    return data


def same(one: Any, other: Any) -> bool:
    """Compare settings strictly: unlike Python, treat 1 and true as different."""
    return _canonical(one) == _canonical(other)


def _canonical(value: Any) -> str:
    return "" if value is MISSING else json.dumps(value, sort_keys=True, default=repr)


def add_key(text: str, theirs: str, key: Key) -> str | None:
    """Copy a key with its comments from `theirs` into `text`, after the key it follows there.

    Returns:
        The new text, or None if there is no place for the key.
    """
    mine, other = section(text, key[:-1]), section(theirs, key[:-1])
    if mine is None or other is None:
        return None
    names = [str(name.value) for name, _ in other.value]
    at = names.index(str(key[-1]))
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


def section(text: str, key: Key) -> MappingNode | None:
    """Return the mapping at a key, with its position in the text, or None if there is none."""
    node = YAML(typ="safe", pure=True).compose(text)
    for part in key:
        found = [value for name, value in node.value if str(name.value) == part]
        if not found or not isinstance(found[0], MappingNode):
            return None
        node = found[0]
    return node if isinstance(node, MappingNode) else None


def _last_line(name: Node, value: Node) -> int:
    """Return an entry's last line, counted from 0; a block's end mark is on the following token."""
    if isinstance(value, ScalarNode):
        if value.start_mark.index == value.end_mark.index:  # empty value
            return int(name.end_mark.line)
        block = value.style in ("|", ">")
        return int(value.end_mark.line) - (1 if block else 0)
    if not isinstance(value, CollectionNode) or value.flow_style or not value.value:
        return int(value.end_mark.line)
    last = value.value[-1]
    return _last_line(*last) if isinstance(value, MappingNode) else _last_line(last, last)
