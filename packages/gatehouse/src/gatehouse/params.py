"""Settings written into `params.yaml` in place: comments and layout stay.

YAML's writers lose layout, so each value is replaced in the text, where YAML's parser says it
stands; the result is then parsed again and must say what was asked for, and nothing else.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.typed import parse_yaml, read_text, validate, write_text

if TYPE_CHECKING:
    from gatehouse.pipeline.settings import Settings

PARAMS = Path("params.yaml")

_MISSING = object()
_COMMENT = re.compile(r"( +)#")
_PLAIN = re.compile(r"[A-Za-z0-9_./][\w./:+-]*", re.ASCII)


def parse_settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    """`KEY=VALUE` texts as values by key; a value is read as YAML reads it (0.5, null, [1, 2]).

    Raises:
        GatehouseError: a text is no assignment, or a key stands twice.
    """
    found: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise GatehouseError(
                f"'{text}': is not KEY=VALUE; write it as train.seed=1, with no spaces around ="
            )
        if key in found:
            raise GatehouseError(f"{key}: is set twice; name it once")
        found[key] = _plain(parse_yaml(value, f"the value of {key}"))
    return found


def set_values(changes: Mapping[str, Any], path: Path = PARAMS) -> list[str]:
    """Write settings into `path`: all of them or, where one is wrong, none.

    Args:
        changes: values by dotted key, such as `train.seed`.
        path: of `params.yaml`.

    Returns:
        One line for each setting that changed, such as `train.seed is now 1`.

    Raises:
        GatehouseError: there is no such setting, a value is not of the setting's type, or the
            file is unreadable. The file is then as it was.
    """
    from gatehouse.pipeline.settings import Settings

    text = read_text(path)
    before = _plain(parse_yaml(text, path))
    if not isinstance(before, dict):
        raise GatehouseError(f"{path}: holds no settings; take the file from Git again")
    wanted = copy.deepcopy(before)
    for key, value in changes.items():
        _check_key(key, Settings)
        if _put(wanted, key.split("."), value, path):
            text = _replaced(text, key, value, path)
    _check_own(validate(Settings, parse_yaml(text, path), path), changes)
    if not _same(_plain(parse_yaml(text, path)), wanted):
        raise GatehouseError(
            f"{path}: cannot be changed in place; set {', '.join(changes)} by hand"
        )
    changed = [
        f"{key} is now {_written(value)}"
        for key, value in changes.items()
        if not _same(_get(before, key), value)
    ]
    if changed:
        write_text(path, text)
    return changed


def _check_key(key: str, settings: type[BaseModel]) -> None:
    """Refuse a key that the settings don't have; what is no section of theirs, they check."""
    from gatehouse.pipeline.sections import Sections

    section: type[BaseModel] | None = settings
    above: list[str] = []
    for part in (parts := key.split(".")):
        if section is None:
            return
        if part not in section.model_fields:
            if issubclass(section, Sections) and part.isidentifier() and part != parts[-1]:
                return  # it may be the section of an object of the fork's own
            where = ".".join(above) or "params.yaml"
            raise GatehouseError(
                f"{key}: there is no such setting; {where} has: "
                + ", ".join(section.model_fields)
                + hint(part, section.model_fields)
            )
        above.append(part)
        section = _section(section.model_fields[part].annotation)


def _check_own(settings: Settings, changes: Iterable[str]) -> None:
    """Let an object of the fork's own check its section, and import it for nothing else.

    Raises:
        GatehouseError: the section does not fit it.
    """
    from gatehouse.pipeline.sections import section_of

    for place, part, name in (
        ("data", settings.data, settings.data.source),
        ("train", settings.train, settings.train.trainer),
    ):
        own = section_of(name)
        changed = any(key.startswith(f"{place}.{own}.") for key in changes)
        if not changed or own in type(part).model_fields:
            continue
        if place == "data":
            from gatehouse.source import find_source

            find_source(name).options(settings.data)
        else:
            from gatehouse.pipeline.trainer import find_trainer

            find_trainer(name).options(settings.train)


def _section(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *get_args(annotation)]
    return next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)


def _put(data: Any, parts: list[str], value: Any, path: Path) -> bool:
    """Set the value in plain data; false where it is there already."""
    *above, last = parts
    for part in above:
        data = data.setdefault(part, {}) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        where = ".".join(above)
        raise GatehouseError(f"{path}: {where}.{last}: {where} is one value, and has no keys")
    if last in data and _same(data[last], value):
        return False
    data[last] = value
    return True


def _get(data: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(data, dict) or part not in data:
            return _MISSING
        data = data[part]
    return data


def _replaced(text: str, key: str, value: Any, path: Path) -> str:
    """The text with one value changed, or its key added where the file has none."""
    node, parts = YAML(typ="safe", pure=True).compose(text), key.split(".")
    colon = 0
    while parts and isinstance(node, MappingNode):
        entry = next((entry for entry in node.value if entry[0].value == parts[0]), None)
        if entry is None:
            return _inserted(text, node, parts, value)
        colon, node, parts = text.index(":", entry[0].end_mark.index), entry[1], parts[1:]
    start, end = node.start_mark.index, node.end_mark.index
    several_lines = not isinstance(node, ScalarNode) and not node.flow_style
    if several_lines or start < colon:  # the value of an alias stands before it
        raise GatehouseError(f"{path}:{node.start_mark.line + 1}: {key}: cannot be changed in "
                             "place; set its keys one by one, or change it by hand")  # fmt: skip
    new = _written(value)
    if start == end:  # `key:` with nothing after it; YAML's mark is at what follows
        start = end = colon + 1
        new = " " + new
    rest = text[end:]
    if comment := _COMMENT.match(rest):  # it keeps its column, where there is room
        spaces = max(1, len(comment[1]) - len(new) + (end - start))
        rest = " " * spaces + rest[comment.end(1) :]
    return text[:start] + new + rest


def _inserted(text: str, node: MappingNode, parts: list[str], value: Any) -> str:
    """The text with a new key before the first one of its section."""
    for part in reversed(parts[1:]):
        value = {part: value}
    entry = f"{parts[0]}: {_written(value)}"
    if not node.value:  # {}
        at, after = node.start_mark.index + 1, ""
    else:
        mark = node.value[0][0].start_mark
        at, after = mark.index, ", " if node.flow_style else "\n" + " " * mark.column
    return text[:at] + entry + after + text[at:]


def _written(value: Any) -> str:
    """One line of YAML: bare where that is safe, else JSON, which YAML contains."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(k)}: {_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    bare = isinstance(value, str) and _PLAIN.fullmatch(value) and not value.endswith(":")
    if bare and YAML(typ="safe").load(value) == value:
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def _plain(data: Any) -> Any:
    """Parsed YAML without its marks and comments."""
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    for kind in (bool, int, float, str):
        if isinstance(data, kind):
            return kind(data)
    return data


def _same(one: Any, other: Any) -> bool:
    """Equal as settings: to Python, but not to them, 1 equals true."""
    return _canonical(one) == _canonical(other)


def _canonical(value: Any) -> str:
    return "" if value is _MISSING else json.dumps(value, sort_keys=True, default=repr)
