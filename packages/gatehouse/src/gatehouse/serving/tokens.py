"""Bearer tokens: several at once, so that one can be replaced while the other still works."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from gatehouse.errors import GatehouseError

SHORTEST = 16
"""Minimum length of a token; shorter ones are refused because they can be guessed."""

LOOK_EVERY = 1.0
"""Seconds between two checks of the file."""

logger = logging.getLogger(__name__)


class Tokens:
    """The accepted tokens; tokens from a file are read again when it changes."""

    def __init__(
        self, given: str | None, file: Path | None, failed: Callable[[], None] = lambda: None
    ) -> None:
        """Read the tokens; `failed` is called each time that the file cannot be read again.

        Raises:
            GatehouseError: the file cannot be read, or a token is not usable.
        """
        self._file = file
        self._failed = failed
        self._looked = monotonic()
        self._state: object = None
        self.required = given is not None or file is not None
        self._digests: list[bytes] = []
        if given is not None:
            self._digests = _digests(given, "the tokens of the environment")
        elif file is not None:
            self._state = _state(file)
            self._digests = _digests(_read(file), str(file))

    def allow(self, authorization: bytes | None) -> bool:
        """Return whether the header `Authorization` has an accepted token, or none is required."""
        if not self.required:
            return True
        self._look_again()
        scheme, _, token = (authorization or b"").partition(b" ")
        found = hashlib.sha256(token.strip()).digest()
        # Every token is compared completely, so that timing does not reveal a nearly right one.
        right = [hmac.compare_digest(found, digest) for digest in self._digests]
        return scheme.lower() == b"bearer" and any(right)

    def _look_again(self) -> None:
        if self._file is None or monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked = monotonic()
        try:
            state = _state(self._file)
            if state == self._state:
                return
            self._digests = _digests(_read(self._file), str(self._file))
            self._state = state
            logger.info("tokens read again: %d", len(self._digests))
        except GatehouseError as error:
            self._failed()
            logger.error("keeping the previous tokens: %s", error)


def _state(file: Path) -> object:
    try:
        found = file.stat()
    except OSError as error:
        raise GatehouseError(f"{file}: cannot be read ({error.strerror})") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError as error:
        raise GatehouseError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise GatehouseError(
            f"{file}: holds more than ASCII; tokens are letters and digits"
        ) from None


def _digests(text: str, name: str) -> list[bytes]:
    tokens = text.split()
    for number, token in enumerate(tokens, 1):
        if len(token) < SHORTEST or not token.isascii() or not token.isprintable():
            raise GatehouseError(
                f"{name}: token {number} is shorter than {SHORTEST} characters or holds others "
                "than printable ASCII; make one by `openssl rand -hex 32`"
            )
    return [hashlib.sha256(token.encode()).digest() for token in tokens]
