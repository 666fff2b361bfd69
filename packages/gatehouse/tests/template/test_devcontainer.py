"""The development container: what tools read of it, and what it names exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gatehouse.release.build import BASE_IMAGE
from gatehouse.schemas import published
from gatehouse.serving.settings import ServingSettings

REPOSITORY = Path(__file__).parents[4]
FOLDER = REPOSITORY / ".devcontainer"

_TEXT = {"type": "string", "minLength": 1}
_PORTS = {
    "label": _TEXT,
    "protocol": {"enum": ["http", "https"]},
    "onAutoForward": {
        "enum": ["notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"]
    },
    "requireLocalPort": {"type": "boolean"},
    "elevateIfNeeded": {"type": "boolean"},
}
_PORT = {"type": "object", "additionalProperties": False, "properties": _PORTS}
# The part of containers.dev's schema (devContainer.base.schema.json) that is of use here. Strict:
# the tools pass over a key that they do not know.
SCHEMA = {
    "type": "object",
    "required": ["build"],
    "additionalProperties": False,
    "properties": {
        "name": _TEXT,
        "build": {
            "type": "object",
            "required": ["dockerfile"],
            "additionalProperties": False,
            "properties": {"dockerfile": _TEXT, "context": _TEXT, "args": {"type": "object"}},
        },
        "remoteUser": _TEXT,
        "hostRequirements": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "cpus": {"type": "integer", "minimum": 1},
                "memory": {"type": "string", "pattern": "^\\d+([tgmk]b)?$"},
                "storage": {"type": "string", "pattern": "^\\d+([tgmk]b)?$"},
                "gpu": {"enum": [True, False, "optional"]},
            },
        },
        "onCreateCommand": _TEXT,
        "postCreateCommand": _TEXT,
        "postStartCommand": _TEXT,
        "remoteEnv": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        "containerEnv": {"type": "object", "additionalProperties": {"type": "string"}},
        "forwardPorts": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 65535},
        },
        "portsAttributes": {"type": "object", "patternProperties": {"^\\d+$": _PORT},
                            "additionalProperties": False},
        "otherPortsAttributes": _PORT,
        "customizations": {
            "type": "object",
            "properties": {
                "vscode": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "extensions": {
                            "type": "array",
                            "uniqueItems": True,
                            "items": {"type": "string", "pattern": "^-?[\\w-]+\\.[\\w-]+$"},
                        },
                        "settings": {"type": "object"},
                    },
                }
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def container() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "devcontainer.json").read_text("utf-8"))
    return loaded


def test_the_tools_can_read_it(container: dict[str, Any]) -> None:
    """Attacks a key that is misspelt, which VS Code and Codespaces pass over in silence."""
    assert [each.message for each in Draft202012Validator(SCHEMA).iter_errors(container)] == []


def test_what_it_runs_is_in_the_makefile(container: dict[str, Any]) -> None:
    """Attacks a target that was renamed: the container is then made, and empty."""
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    commands = [value for key, value in container.items() if key.endswith("Command")]
    labels = [each["label"] for each in container["portsAttributes"].values()]
    named = re.findall(r"\bmake ([a-z-]+)", " ".join([*commands, *labels]))
    assert "setup" in named
    assert set(named) <= set(targets)


def test_ports_and_files_are_those_of_the_repository(container: dict[str, Any]) -> None:
    """Attacks a service on another port, and schemas that are not there."""
    ports = container["forwardPorts"]
    assert ServingSettings.model_fields["port"].default in ports
    assert {str(port) for port in ports} == set(container["portsAttributes"])
    schemas = container["customizations"]["vscode"]["settings"]["yaml.schemas"]
    for schema, file in schemas.items():
        assert schema.startswith(".gatehouse/schemas/")
        assert Path(schema).stem in published()
        assert (REPOSITORY / file.lstrip("/")).is_file()


def test_the_base_is_pinned_and_that_of_the_images(container: dict[str, Any]) -> None:
    """Attacks a base that moves under its tag, or a second one to look after; and root."""
    text = (FOLDER / container["build"]["dockerfile"]).read_text("utf-8")
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == [BASE_IMAGE]
    assert re.search(rf"useradd .* {container['remoteUser']}$", text, re.MULTILINE)
    assert text.rstrip().endswith(f"USER {container['remoteUser']}")


def test_no_tool_calls_home_in_it_either(container: dict[str, Any]) -> None:
    """Attacks a switch of the Makefile's that a terminal in the container lacks."""
    switches = re.findall(
        r"^export (\w+) := (\w+)$", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert switches
    assert dict(switches).items() <= container["remoteEnv"].items()
