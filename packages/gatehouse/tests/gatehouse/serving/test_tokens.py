"""Attacks the tokens: who is let in, and how tokens change while the service runs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.serving import tokens as module
from gatehouse.serving.tokens import Tokens
from tests.gatehouse.serving.place import JSON, ROW, serving

ONE, TWO, THREE = "one-token-of-16-up", "two-token-of-16-up", "three-token-of-16"


def bearer(token: str) -> tuple[bytes, bytes]:
    return (b"authorization", b"Bearer " + token.encode())


def test_without_tokens_all_is_open_and_with_them_all_is_closed_but_health(root: Path) -> None:
    """Predictions, card, metrics, description, and every path of BentoML."""
    paths = ("/model", "/metrics", "/docs.json", "/", "/schema.json", "/nix", "/livez/x", "//livez")
    with serving(root) as client:
        assert client.ask(ROW).status == 200
        assert all(client.ask(path=path, method="GET").status < 300 for path in paths)
    with serving(root, tokens=ONE) as client:
        assert client.ask(ROW).status == 401
        for path in paths:
            reply = client.ask(path=path, method="GET")
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
        for path in ("/livez", "/readyz", "/healthz"):
            assert client.ask(path=path, method="GET").status == 204


def test_several_tokens_are_let_in_and_others_are_not(root: Path) -> None:
    """Two at once, for rotation; parts, other letters, other schemes and nothing at all are not."""
    with serving(root, tokens=f"{ONE} {TWO}") as client:
        for token in (ONE, TWO):
            assert client.ask(ROW, JSON, bearer(token)).status == 200
        assert client.ask(ROW, JSON, (b"authorization", b"bearer  " + ONE.encode())).status == 200
        for wrong in ("", ONE[:-1], ONE + "x", ONE.upper(), f"{ONE} {TWO}", THREE, "\xff"):
            assert client.ask(ROW, JSON, bearer(wrong)).status == 401
        for header in (ONE.encode(), b"Basic " + ONE.encode(), b"Bearer"):
            assert client.ask(ROW, JSON, (b"authorization", header)).status == 401


def test_a_changed_file_counts_without_a_restart(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old token out, new token in; an emptied file lets nobody in."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    file = tmp_path / "tokens"
    file.write_text(f"{ONE}\n{TWO}\n")
    with serving(root, tokens_file=file) as client:
        assert client.ask(ROW, JSON, bearer(ONE)).status == 200
        file.write_text(f"{TWO}\n{THREE}\n\n")
        assert client.ask(ROW, JSON, bearer(ONE)).status == 401
        assert client.ask(ROW, JSON, bearer(TWO)).status == 200
        assert client.ask(ROW, JSON, bearer(THREE)).status == 200
        file.write_text("")
        assert client.ask(ROW, JSON, bearer(TWO)).status == 401


@pytest.mark.parametrize("spoil", ["gone", "short", "binary"])
def test_a_file_that_cannot_be_read_anew_leaves_the_old_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    """A slip in the file neither opens the service nor shuts everyone out; it is counted."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    file = tmp_path / "tokens"
    file.write_text(ONE)
    failures: list[None] = []
    tokens = Tokens(None, file, lambda: failures.append(None))
    match spoil:
        case "gone":
            file.unlink()
        case "short":
            file.write_text("short-secret")
        case "binary":
            file.write_bytes(b"\xff" * 40)
    with caplog.at_level(logging.INFO):
        assert tokens.allow(b"Bearer " + ONE.encode())
        assert not tokens.allow(b"Bearer short-secret")
    assert failures
    assert "short-secret" not in caplog.text
    assert ONE not in caplog.text


@pytest.mark.parametrize("given", ["sh0rt", "fifteen-letters", f"{ONE} sh0rt", "ü" * 20])
def test_a_token_that_is_easily_guessed_is_refused_at_the_start(given: str) -> None:
    """The message names its place, never the token."""
    with pytest.raises(GatehouseError) as caught:
        Tokens(given, None)
    assert given not in str(caught.value)
    assert "openssl rand" in str(caught.value)


def test_a_missing_file_is_told_at_the_start(tmp_path: Path) -> None:
    """Not at the first request."""
    with pytest.raises(GatehouseError, match="cannot be read"):
        Tokens(None, tmp_path / "nix")
