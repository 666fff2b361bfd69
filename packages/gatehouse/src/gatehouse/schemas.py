"""JSON Schemas (draft 2020-12) of the files that people and other tools read and write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gatehouse.contract import Contract
from gatehouse.evidence import Evidence
from gatehouse.policy import Policy
from gatehouse.report.card_text import CardText
from gatehouse.typed import write_text
from gatehouse.verdict import Verdict

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def published() -> dict[str, type[BaseModel]]:
    """Return the models that have a published schema, by the schema's name."""
    from gatehouse.pipeline.settings import Settings

    return {
        "evidence": Evidence,
        "policy": Policy,
        "verdict": Verdict,
        "contract": Contract,
        "params": Settings,
        "model_card": CardText,
    }


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema called `name`, with `$id` and title.

    A schema describes the shape of a file. Rules between fields, such as that a waiver must name a
    rule of the same policy, are checked when Gatehouse reads the file.
    """
    model = published()[name]
    version = 1 if "version" in model.model_fields else 0
    head = {
        "$schema": DRAFT,
        "$id": f"urn:gatehouse:schema:{name}:{version}"
        if version
        else f"urn:gatehouse:schema:{name}",
    }
    body = model.model_json_schema(mode="validation")
    _close(body)
    return head | body | {"title": f"Gatehouse {name}"}


def _close(node: Any) -> None:
    """Forbid additional keys wherever keys must match a pattern, as the models do."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node.setdefault("additionalProperties", False)
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema as `<name>.json` into `folder`; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in published():
        path = folder / f"{name}.json"
        text = json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"
        write_text(path, text)
        paths.append(path)
    return paths
