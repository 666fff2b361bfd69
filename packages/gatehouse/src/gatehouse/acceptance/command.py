"""Parses command comments: `/gatehouse accept RULE[ RULE...] DIGEST: reason`, or `revoke`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gatehouse.acceptance.record import DIGEST_LENGTH
from gatehouse.errors import GatehouseError

PREFIX = "/gatehouse "
MOST_CHARACTERS = 2_000
"""Maximum length of a comment."""
MOST_RULES = 20
SHORTEST_REASON, LONGEST_REASON = 10, 500

# ASCII and spaces only, so that no look-alike can pass for a rule's name.
_RULES = r"[a-z0-9][a-z0-9-]*(?: [a-z0-9][a-z0-9-]*)*"
_COMMAND = re.compile(
    rf"/gatehouse (?P<verb>accept|revoke) (?P<rules>{_RULES}) "
    rf"(?P<digest>[0-9a-f]{{{DIGEST_LENGTH}}})"
    r"(?:: (?P<reason>.*))?",
    re.DOTALL | re.ASCII,
)
_HOW = "write `/gatehouse accept RULE DIGEST: reason`, copied from the gates' comment"


@dataclass(frozen=True)
class Command:
    """The request in a comment.

    Attributes:
        verb: accept, or revoke an acceptance.
        rules: names, as written.
        digest: digest of the scope.
        reason: on one line; empty if a revocation gives none.
    """

    verb: Literal["accept", "revoke"]
    rules: tuple[str, ...]
    digest: str
    reason: str


def is_command(body: str) -> bool:
    """Return whether a comment is a command; nothing may precede the first word."""
    return body.startswith(PREFIX)


def parse_command(body: str) -> Command:
    """Parse the command in a comment.

    Raises:
        GatehouseError: the comment is not a valid command; the message gives the fix.
    """
    if len(body) > MOST_CHARACTERS:
        raise GatehouseError(f"the comment has more than {MOST_CHARACTERS:,} characters; {_HOW}")
    found = _COMMAND.fullmatch(body.rstrip())
    if found is None:
        raise GatehouseError(f"the command can't be understood; {_HOW}")
    rules = tuple(found["rules"].split(" "))
    reason = " ".join((found["reason"] or "").split())
    if len(set(rules)) < len(rules) or len(rules) > MOST_RULES:
        raise GatehouseError(f"name each rule once, and at most {MOST_RULES} rules")
    if not reason.isprintable():
        raise GatehouseError("the reason has a character that can't be seen; type it again")
    verb: Literal["accept", "revoke"] = "accept" if found["verb"] == "accept" else "revoke"
    if verb == "accept" and not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise GatehouseError(
            f"give a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters after the colon"
        )
    return Command(verb, rules, found["digest"], reason)


def show(rules: tuple[str, ...], digest: str) -> str:
    """Return the command for an owner to copy."""
    return f"{PREFIX}accept {' '.join(rules)} {digest}: <reason>"
