"""Typed YAML and JSON files: every error names its file, line, key and fix."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    ScalarEvent,
)

from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint, keys_at


class Frozen(BaseModel):
    """Base of all typed files: immutable; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def is_none(value: object) -> bool:
    """Return whether a field's value is None, to leave the field out of the file."""
    return value is None


class Document(Frozen):
    """A typed JSON file with sorted keys, so that equal content gives equal bytes."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the document stored at `path`.

        Raises:
            GatehouseError: the file is missing, is not JSON, or does not fit the schema.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise GatehouseError(f"{path}: there is no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise GatehouseError(f"{path}: cannot be read ({error})") from None
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, name: str | Path) -> Self:
        """Parse the document in `text`; `name` is the file that errors mention.

        Raises:
            GatehouseError: it is not JSON, or does not fit the schema.
        """
        return validate(cls, parse_json(text, name), name)

    def to_json(self) -> str:
        data = self.model_dump(mode="json", by_alias=True)
        return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the document to `path` atomically.

        Raises:
            GatehouseError: the file cannot be written.
        """
        write_text(path, self.to_json())


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` atomically.

    Raises:
        GatehouseError: the file cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically: after a crash, the earlier file is still there.

    Raises:
        GatehouseError: the file cannot be written.
    """
    # The process id is in the name, so that two writers at once do not write to the same file.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be written ({error.strerror})") from None


def parse_json(text: str, name: str | Path) -> Any:
    """Parse the JSON document in `text`, and refuse repeated keys.

    Raises:
        GatehouseError: it is not JSON, or a key occurs twice; the error names `name`.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise GatehouseError(f"{name}: is not JSON ({error}); was it cut short?") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse repeated keys: JSON allows them, but readers disagree which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice!r} stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


T = TypeVar("T", bound=BaseModel)

_WRITTEN_OUT = 10_000_000
_SHOWN = 50


def parse_yaml(text: str, name: str | Path) -> Any:
    """Parse the YAML document in `text`, keeping line numbers.

    Raises:
        GatehouseError: the text is not one YAML document (the error names `name` and the line), or
            its aliases expand to more than anyone would write out ("billion laughs").
    """
    yaml = YAML(typ="rt")
    try:
        data = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or error.context
        raise GatehouseError(f"{name}:{line}: is not valid YAML: {problem}") from None
    except YAMLError as error:
        raise GatehouseError(f"{name}: is not valid YAML: {error}") from None
    except Exception as error:  # ruamel raises built-in exceptions for scalars such as 2026-02-30
        raise GatehouseError(f"{name}: is not valid YAML: {error}") from None
    if _written_out(data, {}) > _WRITTEN_OUT:
        raise GatehouseError(f"{name}: its aliases (*) stand for too much; write out what is meant")
    return data


_DEEPEST = 20


def plain_yaml(text: str, name: str | Path) -> Any:
    """Parse a YAML file written by a program, and refuse features that programs do not use.

    Anchors, aliases, tags, directives and merge keys mean different things to different readers,
    and deep nesting exhausts a reader's stack.

    Raises:
        GatehouseError: as `parse_yaml`, or the text uses one of these features; the error names
            `name` and the line.
    """
    depth = 0
    try:
        for event in YAML(typ="rt").parse(text):
            depth += isinstance(event, CollectionStartEvent)
            depth -= isinstance(event, CollectionEndEvent)
            if why := _peculiar(event, depth):
                line = event.start_mark.line + 1
                raise GatehouseError(f"{name}:{line}: {why}; write it out plainly")
    except YAMLError:
        pass  # `parse_yaml` reports it
    except GatehouseError:
        raise
    except Exception as error:  # ruamel raises built-in exceptions for some directives
        raise GatehouseError(f"{name}: is not valid YAML: {error}") from None
    return parse_yaml(text, name)


def _peculiar(event: Any, depth: int) -> str | None:
    if isinstance(event, AliasEvent):
        return f"has the alias *{event.anchor}"
    if getattr(event, "anchor", None) is not None:
        return f"has the anchor &{event.anchor}"
    if getattr(event, "tag", None) is not None:
        return f"has the tag {event.tag}"
    if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
        return "has a directive (%)"
    if isinstance(event, ScalarEvent) and event.value == "<<":
        return "has the merge key <<"
    return f"nests deeper than {_DEEPEST} levels" if depth > _DEEPEST else None


def _written_out(node: Any, known: dict[int, float]) -> float:
    """Return the rough length of a document with all aliases expanded; inf if it is endless."""
    if isinstance(node, str):
        return len(node) + 1
    if not isinstance(node, dict | list | tuple | set):
        return 1
    if id(node) not in known:
        known[id(node)] = float("inf")  # a node that contains itself is endless
        parts = [*node, *node.values()] if isinstance(node, dict) else node
        known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


def read_text(path: Path) -> str:
    """Read a configuration file; if it is missing, the error says how to get one."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GatehouseError(
            f"{path}: there is no such file; run the command in the folder that holds it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise GatehouseError(f"{path}: cannot be read as UTF-8 text ({error})") from None


def validate(model: type[T], data: Any, name: str | Path, above: Sequence[str] = ()) -> T:
    """Validate `data` as `model`; the error lists up to fifty problems, one per line.

    Args:
        model: of the data.
        data: the parser's result.
        name: the file that errors mention.
        above: the keys that lead to the data in the file.

    Raises:
        GatehouseError: with the file, line (if `data` was parsed from YAML), key and problem.
    """
    try:
        valid = model.model_validate(data)
        valid.model_dump_json()
    except ValidationError as error:
        problems = error.errors()
        lines = [_explain(problem, data, name, model, above) for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f"{name}: and {len(problems) - _SHOWN:,} problems more")
        raise GatehouseError("\n".join(lines)) from None
    except PydanticSerializationError:
        raise GatehouseError(
            f"{name}: holds half a Unicode character (such as \\ud800); write it whole, "
            "or take it out"
        ) from None
    return valid


def _explain(
    problem: Any, data: Any, name: str | Path, model: type[BaseModel], above: Sequence[str]
) -> str:
    location = [part for part in problem["loc"] if not _is_tag(part, problem["loc"], data)]
    line = _line(data, location)
    where = f"{name}:{line}" if line else f"{name}"
    key = ".".join([*above, *map(str, location)]) or "(top level)"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "there is no such key; check its spelling, or take it out"
        *path, last = location
        message += hint(str(last), keys_at(model, path))
    elif problem["type"] == "missing":
        message = "this key is missing; add it"
    elif problem["type"] not in ("value_error", "assertion_error"):
        message += f" (found {_short(problem['input'])})"
        if problem["type"] == "string_type" and isinstance(problem["input"], bool | int | float):
            message += "; put it in quotes"
    return f"{where}: {key}: {message}"


def _is_tag(part: Any, location: Any, data: Any) -> bool:
    """Return whether a part of pydantic's location is a union's tag rather than a key."""
    node = data
    for step in location:
        if step is part:
            return isinstance(node, dict) and part not in node and step is not location[-1]
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            continue
    return False


def _line(data: Any, location: list[Any]) -> int | None:
    line: int | None = None
    node = data
    for part in location:
        try:
            if isinstance(node, CommentedMap):
                line = node.lc.key(part)[0] + 1
            elif isinstance(node, CommentedSeq):
                line = node.lc.item(part)[0] + 1
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return line


def _short(value: Any) -> str:
    text = repr(value if not isinstance(value, dict | list) else type(value).__name__)
    return text if len(text) <= 60 else text[:57] + "..."
