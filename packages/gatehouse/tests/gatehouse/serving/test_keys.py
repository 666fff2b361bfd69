"""Attacks the pseudonyms of keys: the key itself must stand nowhere, the pseudonym be the same."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.serving.log import FILE
from gatehouse.serving.settings import ServingSettings, load_settings
from tests.gatehouse.serving.place import CONTRACT, ROW, lay_out, serving

SECRET = b"made-up secret of thirty-two and more bytes"  # pragma: allowlist secret


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    return path


def logged(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / FILE).read_text("utf-8").splitlines()]


def expected(key: str) -> str:
    return hmac.new(SECRET, key.encode(), hashlib.sha256).hexdigest()[:32]


def test_a_key_is_logged_as_its_pseudonym(root: Path, secret: Path) -> None:
    """The same for the same key; rows without one, or without the secret, have none."""
    rows = [ROW | {"id": "Zoë 4711"}, ROW, ROW | {"id": "Zoë 4711"}]
    folder = root / "log"
    with serving(root, log=folder, key_secret_file=secret) as client:
        assert client.ask(rows).status == 200
    assert [line.get("key") for line in logged(folder)] == [
        expected("Zoë 4711"),
        None,
        expected("Zoë 4711"),
    ]
    assert [list(line)[-2:] for line in logged(folder)][:2] == [["key", "row"], ["decision", "row"]]
    text = (folder / FILE).read_text("utf-8")
    assert not [word for word in ("4711", "Zo", SECRET.decode()) if word in text]
    (folder / FILE).unlink()
    with serving(root, log=folder) as client:
        assert client.ask(rows).status == 200
    assert not [line for line in logged(folder) if "key" in line]


@pytest.mark.parametrize(
    ("kind", "sent", "text"),
    [("integer", 47, "47"), ("integer", 47.0, "47"), ("number", 47, "47"), ("number", 0.5, "0.5")],
)
def test_a_number_as_key_is_hashed_as_it_is_written(
    tmp_path: Path, secret: Path, kind: str, sent: object, text: str
) -> None:
    """Else a person's rows would not be found by the number that is on file."""
    contract = CONTRACT.replace("id: {type: string", f"id: {{type: {kind}")
    folder = tmp_path / "log"
    with serving(lay_out(tmp_path, contract), log=folder, key_secret_file=secret) as client:
        assert client.ask(ROW | {"id": sent}).status == 200
        assert client.ask(ROW | {"id": "a"}).status == 422
    assert logged(folder)[0]["key"] == expected(text)


def test_a_key_that_may_be_missing_may_be_null(tmp_path: Path, secret: Path) -> None:
    """Nobody's row has no pseudonym, and not that of None."""
    contract = CONTRACT.replace("role: key", "role: key, missing: true")
    folder = tmp_path / "log"
    with serving(lay_out(tmp_path, contract), log=folder, key_secret_file=secret) as client:
        assert client.ask(ROW | {"id": None}).status == 200
    assert "key" not in logged(folder)[0]


def test_without_a_key_column_all_is_as_before(
    tmp_path: Path, secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The column is unknown and refused, and a secret for nothing is told."""
    contract = CONTRACT.replace(
        "  id: {type: string, role: key, description: Number of the person}\n", ""
    ).replace("identity: [id]", "identity: [age]")
    folder = tmp_path / "log"
    settings = {"log": folder, "key_secret_file": secret}
    with (
        caplog.at_level(logging.WARNING),
        serving(lay_out(tmp_path, contract), **settings) as client,
    ):
        assert client.ask(ROW).status == 200
        assert client.ask(ROW | {"id": "a"}).pointers == ["/id"]
    assert "no column with role: key" in caplog.text
    assert "key" not in logged(folder)[0]


def test_the_key_is_optional_in_the_description(root: Path) -> None:
    """Typed by the contract, and said not to be fed."""
    with serving(root) as client:
        row = client.ask(path="/docs.json", method="GET").json["components"]["schemas"]["Row"]
    assert "id" not in row["required"]
    assert row["properties"]["id"]["type"] == "string"
    assert "not fed" in row["properties"]["id"]["description"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"x" * 31 + b"\n", "holds 31 bytes.*openssl")],
)
def test_a_secret_that_is_none_stops_the_start(
    root: Path, content: bytes | None, message: str
) -> None:
    """Attacks pseudonyms that anyone can make by trying."""
    path = root / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GatehouseError, match=f"secret: {message}") as refused:
        serving(root, log=root / "log", key_secret_file=path).__enter__()
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("name", ["SHADOW", "KEY_SECRET_FILE"])
def test_without_a_log_there_is_nothing_to_keep(name: str) -> None:
    """Shadow and secret are of use to the log only: alone they are a slip."""
    variable = f"GATEHOUSE_SERVE_{name}"
    with pytest.raises(GatehouseError, match=f"{variable} is set, and GATEHOUSE_SERVE_LOG is not"):
        load_settings({variable: "folder"})
    found = load_settings({variable: "folder", "GATEHOUSE_SERVE_LOG": "log"})
    assert isinstance(found, ServingSettings)
    assert getattr(found, name.lower()) == Path("folder")
