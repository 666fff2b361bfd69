"""The pseudonym that replaces a row's key in the inference log.

It is a keyed hash: whoever has the secret finds a person's rows by the key. Whoever has only the
log cannot learn the key, nor find out whose row it is by trying all keys.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError

SHORTEST = 32
"""Minimum bytes of a secret: as many as the hash has."""

DIGITS = 32
"""Hexadecimal digits of a pseudonym: 128 bits, so that no two keys share one."""


def read_secret(path: Path) -> bytes:
    """Read the secret in a file, without surrounding white space.

    Raises:
        GatehouseError: the file cannot be read, or the secret is too short.
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
    """Return the first 32 hexadecimal digits of HMAC-SHA-256 of the key as text."""
    return hmac.digest(secret, as_text(key).encode(), "sha256").hex()[:DIGITS]


def as_text(key: Any) -> str:
    """Return a key as on a command line: 47.0 in a request or a table becomes 47."""
    return str(int(key) if isinstance(key, float) and key.is_integer() else key)
