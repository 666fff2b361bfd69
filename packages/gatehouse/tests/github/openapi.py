"""Calls of GitHub's REST API held against GitHub's own OpenAPI description.

The description comes from the npm package @octokit/openapi, which `make test` installs.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.github.needed import missing

REPOSITORY = Path(__file__).parents[4]
FILE = REPOSITORY / ".venv/tools/node_modules/@octokit/openapi/generated/api.github.com.json"


def available() -> bool:
    """Whether the description is installed here."""
    return FILE.is_file()


def check_call(method: str, path: str, body: Any = None) -> None:
    """Hold a call against the description.

    Args:
        method: such as "POST".
        path: from the root of the API, with the query if there is one; a whole URL will do.
        body: the JSON body as Python values; None where there is none.

    Raises:
        AssertionError: there is no such operation, or its query or body does not fit; all the
            problems are told. A key that GitHub does not know is one, at any depth.
    """
    split = urlsplit(path)
    template = _template(method.lower(), split.path)
    call = f"{method.upper()} {split.path}"
    assert template, f"{call}: GitHub has no such operation"
    query = [name for name, _ in parse_qsl(split.query, keep_blank_values=True)]
    unknown = sorted(set(query) - _query_names(method.lower(), template))
    problems = [f"query: GitHub knows no {name}" for name in unknown]
    required, validator = _body(method.lower(), template)
    if body is None:
        problems += ["the body is missing"] if required else []
    elif validator is None:
        problems += ["GitHub takes no body here"]
    else:
        problems += [_explain(error) for error in validator.iter_errors(body)]
    assert not problems, f"{call} ({template}): " + "; ".join(problems)


@functools.cache
def _description() -> dict[str, Any]:
    if not available():
        missing("GitHub's OpenAPI description (npm, then `make .venv/.installed-dev`)")
    loaded: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


def _deref(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = _description()
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def _parameters(method: str, template: str) -> list[dict[str, Any]]:
    item = _description()["paths"][template]
    found = [*item.get("parameters", []), *item[method].get("parameters", [])]
    return [_deref(parameter) for parameter in found]


def _query_names(method: str, template: str) -> set[str]:
    return {each["name"] for each in _parameters(method, template) if each["in"] == "query"}


@functools.cache
def _templates(method: str) -> list[tuple[re.Pattern[str], str]]:
    """Every path of a method as a pattern; those with more fixed text come first."""
    found = []
    for template in (path for path, item in _description()["paths"].items() if method in item):
        kinds = {each["name"]: each for each in _parameters(method, template)}
        pattern = ""
        for part in re.split(r"(\{[^}]+\})", template):
            if not part.startswith("{"):
                pattern += re.escape(part)
                continue
            parameter = kinds.get(part[1:-1], {})
            if _deref(parameter.get("schema", {})).get("type") == "integer":
                pattern += r"\d+"
            else:
                pattern += r".+" if parameter.get("x-multi-segment") else r"[^/]+"
        fixed = len(re.sub(r"\{[^}]+\}", "", template))
        found.append((fixed, re.compile(pattern), template))
    ordered = sorted(found, key=lambda each: (-each[0], each[2]))
    return [(pattern, template) for _, pattern, template in ordered]


def _template(method: str, path: str) -> str | None:
    matching = (name for pattern, name in _templates(method) if pattern.fullmatch(path))
    return next(matching, None)


@functools.cache
def _body(method: str, template: str) -> tuple[bool, Draft202012Validator | None]:
    request = _deref(_description()["paths"][template][method].get("requestBody", {}))
    content = request.get("content", {}).get("application/json")
    if content is None:
        return False, None
    schema = _translated(content["schema"], closed=True)
    return request.get("required", False), Draft202012Validator(schema)


# Where a schema has other schemas, by whether they speak of the same value or of a part of it.
_OF_THE_SAME = ("allOf", "anyOf", "oneOf")
_OF_A_PART = ("items", "additionalProperties")


def _translated(node: dict[str, Any], *, closed: bool, seen: tuple[str, ...] = ()) -> Any:
    """A schema of OpenAPI 3.0 in the words of JSON Schema 2020-12, with no references.

    Args:
        node: the schema.
        closed: whether keys that neither it nor its alternatives name are refused.
        seen: the references on the way here; where one comes again, anything is taken.
    """
    if (reference := node.get("$ref")) is not None:
        if reference in seen:
            return {}
        node, seen = _deref(node), (*seen, reference)
    schema = {key: value for key, value in node.items() if key not in ("example", "nullable")}
    for key in _OF_THE_SAME:
        if key in node:
            schema[key] = [_translated(each, closed=False, seen=seen) for each in node[key]]
    for key in _OF_A_PART:
        if isinstance(node.get(key), dict):
            schema[key] = _translated(node[key], closed=True, seen=seen)
    if "properties" in node:
        schema["properties"] = {
            name: _translated(value, closed=True, seen=seen)
            for name, value in node["properties"].items()
        }
    if closed and _names_keys(schema):
        schema["unevaluatedProperties"] = False
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") else schema


def _names_keys(schema: Any) -> bool:
    """Whether a schema, or an alternative in it, lists keys; one that lists none takes any."""
    if "additionalProperties" in schema:
        return False
    alternatives = [each for key in _OF_THE_SAME for each in schema.get(key, [])]
    return "properties" in schema or any(_names_keys(each) for each in alternatives)


def _explain(error: Any) -> str:
    # Of several alternatives, the one that comes nearest says what is wrong.
    error = best_match([error])
    where = ".".join(str(part) for part in error.absolute_path) or "body"
    return f"{where}: {error.message[:300]}"
