"""Attacks the description: it shows every column, and it is true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gatehouse.contract import load_contract
from gatehouse.serving.rows import Reader
from tests.gatehouse.serving.place import ROW, Client, serving
from tests.gatehouse.serving.process import running
from tests.github.needed import missing
from tests.sample import SAMPLE

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def test_every_column_is_shown_with_all_that_the_contract_says(client: Client) -> None:
    """Type, range, categories, description, and whether it may be null or left out."""
    row = client.house.openapi["components"]["schemas"]["Row"]
    columns = row["properties"]
    assert row["required"] == list(ROW)
    assert row["additionalProperties"] is False
    assert list(columns) == ["id", "age", "job", "kids", "to/wn~", "sex", "heat"]
    assert columns["kids"] == {
        "type": "integer", "minimum": 0, "maximum": 20, "description": "Children"
    }  # fmt: skip
    assert columns["age"]["anyOf"] == [
        {"type": "number", "minimum": 0, "maximum": 120}, {"type": "null"}
    ]  # fmt: skip
    assert columns["job"]["anyOf"] == [
        {"type": "string", "enum": ["nurse", "cook"]}, {"type": "null"}
    ]  # fmt: skip
    assert columns["to/wn~"]["examples"] == ["Ulm", "Bonn"]
    assert "scored as unknown" in columns["to/wn~"]["description"]
    assert "not fed to the model" in columns["sex"]["description"]


def test_the_sample_s_contract_is_shown() -> None:
    """The fourteen columns of Adult, but for target and what is not used."""
    contract = load_contract(SAMPLE / "contract.yaml")
    row = Reader(contract, 10).adapter.json_schema()
    assert set(row["required"]) == set(contract.inputs)
    assert set(row["properties"]) == set(contract.inputs) | {"race", "sex"}
    for name, column in contract.inputs.items():
        assert row["properties"][name]["description"].startswith(column.description)


@pytest.mark.parametrize("body", [ROW, [ROW, ROW], ROW | {"kids": 99}, "nix"])
def test_answers_keep_their_schema(client: Client, body: object) -> None:
    """What is promised of 200 and of 4xx."""
    document = client.house.openapi
    reply = client.ask(body)
    response = document["paths"]["/predict"]["post"]["responses"][str(reply.status)]
    (content,) = response["content"].items()
    assert reply.headers["content-type"] == content[0]
    schema = content[1]["schema"] | {"components": document["components"]}
    Draft202012Validator(schema).validate(reply.json)


def test_tokens_are_described_where_they_are_needed(root: Path) -> None:
    """So that a generated client sends them."""
    with serving(root, tokens="a-token-of-more-than-16") as client:
        predict = client.house.openapi["paths"]["/predict"]["post"]
    assert predict["security"] == [{"bearer": []}]
    assert "401" in predict["responses"]


@pytest.mark.slow
def test_schemathesis_finds_nothing_against_the_description(root: Path) -> None:
    """A tool that knows nothing of us tries the description on the running service."""
    if not SCHEMATHESIS.exists():
        missing("schemathesis (requirements/dev.in)")
    with running(root) as service:
        done = subprocess.run(
            [SCHEMATHESIS, "run", f"http://127.0.0.1:{service.port}/docs.json", "--seed", "1",
             "--max-examples", "25", "--generation-database", "none", "--no-color"],
            cwd=root, text=True, capture_output=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in service.log.read_text()
