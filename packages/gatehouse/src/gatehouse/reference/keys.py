"""Tables of the keys of a file, from its published JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gatehouse.schemas import schema

DOCUMENTS = ("contract", "evidence", "policy", "verdict")
"""Schemas that have a page of their own, `docs/reference/NAME.md`.

A part of several files is on the page of the first one, and the others link to it.
"""


def keys(name: str) -> str:
    """Every key of a file, as Markdown: the file's own, then a section for each part of it."""
    homes = _homes()
    whole = schema(name)
    sections = [*_object(whole, name, homes)]
    for part, definition in whole.get("$defs", {}).items():
        if homes[part] != name:
            continue
        sections.append(f"### {part}")
        if "enum" in definition:
            values = ", ".join(f"`{value}`" for value in definition["enum"])
            sections.append(f"{definition.get('description', '')} One of {values}.".strip())
        else:
            sections += _object(definition, name, homes)
    return "\n\n".join(sections)


def _homes() -> dict[str, str]:
    """Part of a schema -> the document on whose page it is."""
    homes: dict[str, str] = {}
    for name in DOCUMENTS:
        for part in schema(name).get("$defs", {}):
            homes.setdefault(part, name)
    return homes


def _object(definition: dict[str, Any], page: str, homes: dict[str, str]) -> Iterator[str]:
    if "description" in definition:
        yield " ".join(definition["description"].split())
    required = definition.get("required", [])
    lines = ["| Key | Type | Meaning |", "| :--- | :--- | :--- |"]
    for key, field in definition.get("properties", {}).items():
        meaning = field.get("description", "")
        if key not in required and field.get("default") is not None:
            default = json.dumps(field["default"]).strip('"')
            meaning = f"{meaning} (default `{default}`)".strip()
        elif key not in required:
            meaning = f"{meaning} (optional)".strip()
        lines.append(f"| `{key}` | {_type(field, page, homes)} | {meaning} |".replace("  ", " "))
    yield "\n".join(lines)


def _type(field: dict[str, Any], page: str, homes: dict[str, str]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        place = "" if homes[name] == page else f"{homes[name]}.md"
        return f"[{name}]({place}#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(option, page, homes) for option in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if isinstance(field.get("type"), list):
        return " or ".join(_type(field | {"type": kind}, page, homes) for kind in field["type"])
    if "prefixItems" in field:
        each = [_type(item, page, homes) for item in field["prefixItems"]]
        return f"[{', '.join(each)}]"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), page, homes)}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties") or next(
            iter(field.get("patternProperties", {}).values()), None
        )
        return f"map to {_type(inner, page, homes)}" if isinstance(inner, dict) else "map"
    kind: str = field.get("format") or field.get("type", "any")
    bounds = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
    }
    if kind not in ("integer", "number"):  # a bound of one of several types
        return kind
    limits = [f"{sign} {field[key]:g}" for key, sign in bounds.items() if key in field]
    return " ".join([kind, ", ".join(limits)]).strip()
