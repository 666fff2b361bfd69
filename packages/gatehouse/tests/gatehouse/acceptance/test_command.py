"""Attacks the words of a comment: only what was offered, written as it was, is a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.acceptance.command import MOST_CHARACTERS, is_command, parse_command, show
from gatehouse.errors import GatehouseError

DIGEST = "0123456789abcdef" * 2
REASON = "the labels of 2019 were wrong"


def test_a_command_as_it_is_offered() -> None:
    """Attacks an offer that nobody can use: copied with a reason, it is understood."""
    offered = show(("accuracy-floor", "latency-int8"), DIGEST)
    found = parse_command(offered.replace("<reason>", f"{REASON},\r\n  and are right now\n"))
    assert (found.verb, found.rules) == ("accept", ("accuracy-floor", "latency-int8"))
    assert (found.digest, found.reason) == (DIGEST, f"{REASON}, and are right now")
    taken_back = parse_command(f"/gatehouse revoke accuracy-floor {DIGEST}")
    assert (taken_back.verb, taken_back.reason) == ("revoke", "")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "looks good",
        f" /gatehouse accept a {DIGEST}: {REASON}",
        f"> /gatehouse accept a {DIGEST}: {REASON}",
        f"Please:\n/gatehouse accept a {DIGEST}: {REASON}",
        f"/Gatehouse accept a {DIGEST}: {REASON}",
        f"\N{ZERO WIDTH SPACE}/gatehouse accept a {DIGEST}: {REASON}",
        f"<!-- --> /gatehouse accept a {DIGEST}: {REASON}",
        f"/gatehouse\N{NO-BREAK SPACE}accept a {DIGEST}: {REASON}",
    ],
)
def test_words_that_do_not_speak_to_the_gates(body: str) -> None:
    """Attacks a quotation, a code block or a look-alike that would be taken for a command."""
    assert not is_command(body)


@pytest.mark.parametrize(
    "body",
    [
        "/gatehouse ",
        "/gatehouse accept",
        f"/gatehouse accept {DIGEST}: {REASON}",
        f"/gatehouse accept a {DIGEST[:-1]}: {REASON}",
        f"/gatehouse accept a {DIGEST}0: {REASON}",
        f"/gatehouse accept a {DIGEST.upper()}: {REASON}",
        f"/gatehouse accept a {DIGEST}",
        f"/gatehouse accept a {DIGEST}: ",
        f"/gatehouse accept a {DIGEST}: ok",
        f"/gatehouse accept a {DIGEST}: {'x' * 501}",
        f"/gatehouse accept a  {DIGEST}: {REASON}",
        f"/gatehouse accept a\t{DIGEST}: {REASON}",
        f"/gatehouse accept a\n{DIGEST}: {REASON}",
        f"/gatehouse accept A {DIGEST}: {REASON}",
        f"/gatehouse accept a,b {DIGEST}: {REASON}",
        f"/gatehouse accept a a {DIGEST}: {REASON}",
        f"/gatehouse accept * {DIGEST}: {REASON}",
        f"/gatehouse accept \N{CYRILLIC SMALL LETTER A}ccuracy {DIGEST}: {REASON}",
        f"/gatehouse accept accuracy\N{NON-BREAKING HYPHEN}floor {DIGEST}: {REASON}",
        f"/gatehouse accept accuracy\N{SOFT HYPHEN}-floor {DIGEST}: {REASON}",
        f"/gatehouse accept a {DIGEST[:-1]}\N{FULLWIDTH DIGIT ONE}: {REASON}",
        f"/gatehouse accept a {DIGEST}: {REASON} \N{RIGHT-TO-LEFT OVERRIDE}",
        f"/gatehouse accept a {DIGEST}: {REASON} \x1b[2J",
        f"/gatehouse accept a {DIGEST}: {REASON} \N{ZERO WIDTH SPACE}",
        f"/gatehouse approve a {DIGEST}: {REASON}",
        f"/gatehouse accept {' '.join(f'r{i}' for i in range(21))} {DIGEST}: {REASON}",
        f"/gatehouse accept a {DIGEST}: {'x' * MOST_CHARACTERS}",
        f"/gatehouse {'accept ' * 200_000}",
        f"/gatehouse accept {'a ' * 900}: {REASON}",
    ],
    ids=range(29),
)
def test_commands_that_are_none(body: str) -> None:
    """Attacks look-alike names, invisible characters, other spellings, and huge comments."""
    assert is_command(body)
    with pytest.raises(GatehouseError):
        parse_command(body)


@given(st.text(max_size=200))
def test_any_text_is_a_command_or_an_error(text: str) -> None:
    """Attacks the parser: no other exception, and all but the reason is ASCII."""
    try:
        found = parse_command(f"/gatehouse accept {text}")
    except GatehouseError:
        return
    assert all(name.isascii() for name in (*found.rules, found.digest))
    assert found.reason.isprintable()
