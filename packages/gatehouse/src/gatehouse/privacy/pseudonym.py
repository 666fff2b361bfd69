"""What the inference log holds in place of a row's key.

A keyed hash: who has the secret finds a person's rows by the key, who has only the log learns
neither the key nor, by trying all keys, whose row it is.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError

SHORTEST = 32
"""Bytes of a secret: as many as the hash has."""

DIGITS = 32
"""Hexadecimal digits of a pseudonym: 128 bits, so that no two keys share one."""


def read_secret(path: Path) -> bytes:
    """The secret in a file, without white space around it.

    Raises:
        GatehouseError: the file cannot be read, or the secret is too short to be one.
    """
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None
    if len(secret) < SHORTEST:
        raise GatehouseError(
            f"{path}: holds {len(secret)} bytes, and a secret has at least {SHORTEST}; make one by "
            "`openssl rand -hex 32`"
        )
    return secret


def pseudonym(secret: bytes, key: Any) -> str:
    """The first 32 hexadecimal digits of HMAC-SHA-256 of the key as text."""
    return hmac.digest(secret, as_text(key).encode(), "sha256").hex()[:DIGITS]


def as_text(key: Any) -> str:
    """A key as it is on a command line: 47.0 in a request or a table is 47 there."""
    return str(int(key) if isinstance(key, float) and key.is_integer() else key)
