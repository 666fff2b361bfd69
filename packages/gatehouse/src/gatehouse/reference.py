"""The reference part of `docs/evidence.md`, made from the published JSON Schemas.

`python -m gatehouse.reference` writes it again, between the two marks in the file, and the policy's
defaults beside the code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatehouse import defaults
from gatehouse.errors import GatehouseError
from gatehouse.schemas import schema

PAGE = Path("docs/evidence.md")
DOCUMENTS = {
    "evidence": "Evidence: `reports/evidence/<gate>.json`",
    "policy": "Policy: `policy.yaml`",
    "verdict": "Verdict: `reports/verdict.json`",
}
START, END = "<!-- reference: made by `python -m gatehouse.reference` -->", "<!-- /reference -->"


def reference() -> str:
    """Tables of every key of evidence, policy and verdict, as Markdown."""
    told: set[str] = set()
    return "\n\n".join(part for name in DOCUMENTS for part in _document(name, told))


def _document(name: str, told: set[str]) -> Iterator[str]:
    whole = schema(name)
    yield f"## {DOCUMENTS[name]}"
    yield from _object(whole)
    for part, definition in whole.get("$defs", {}).items():
        if part in told:
            continue
        told.add(part)
        if "enum" in definition:
            values = ", ".join(f"`{value}`" for value in definition["enum"])
            yield f"### {part}\n\n{definition.get('description', '')} One of {values}.".replace(
                "\n\n One", "\n\nOne"
            )
        else:
            yield f"### {part}"
            yield from _object(definition)


def _object(definition: dict[str, Any]) -> Iterator[str]:
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
        lines.append(f"| `{key}` | {_type(field)} | {meaning} |".replace("  ", " "))
    yield "\n".join(lines)


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties") or next(
            iter(field.get("patternProperties", {}).values()), None
        )
        return f"map to {_type(inner)}" if isinstance(inner, dict) else "map"
    kind: str = field.get("format") or field.get("type", "any")
    bounds = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
    }
    limits = [f"{sign} {field[key]:g}" for key, sign in bounds.items() if key in field]
    return " ".join([kind, ", ".join(limits)]).strip()


def updated(page: str) -> str:
    """`page` with the part between the marks made again.

    Raises:
        GatehouseError: the marks are not there.
    """
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise GatehouseError(f"{PAGE}: the marks {START} and {END} are missing; put them back")
    return f"{before}{START}\n\n{reference()}\n\n{END}{after}"


if __name__ == "__main__":
    Path(__file__).with_name(defaults.FILE).write_text(defaults.to_json(), encoding="utf-8")
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
