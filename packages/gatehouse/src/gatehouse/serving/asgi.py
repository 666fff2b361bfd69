"""The parts of ASGI that the row path needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from gatehouse.serving.errors import Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAINED = 16
"""A body of up to this many times the maximum size is still read and discarded, so that a client
that reads no answer before it has sent everything gets one."""


class Gone(Exception):  # noqa: N818 - nobody is left to answer
    """The client disconnected."""


@dataclass(frozen=True)
class Answer:
    """A complete response."""

    status: int
    kind: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send, request_id: str) -> None:
        """Send the response, with the request's id."""
        headers = [
            (b"content-type", self.kind),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", request_id.encode()),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class Arriving:
    """The number of bytes held in incomplete bodies."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


async def read_body(receive: Receive, most: int, seconds: float, arriving: Arriving) -> bytes:
    """Read the request's body, of at most `most` bytes.

    Raises:
        Refused: it is too large (413), too late (408), or too much arrives at once (503).
        Gone: the client disconnected.
    """
    body = bytearray()
    size = held = 0
    try:
        async with asyncio.timeout(seconds):
            while size <= most * DRAINED:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                size += len(part)
                if size <= most:
                    body += part
                else:
                    body.clear()
                if not message.get("more_body"):
                    break
                arriving.held += len(body) - held
                held = len(body)
                if arriving.held > arriving.most:
                    raise Refused(503, "too much arrives at once; try again", headers=_FULL)
    except TimeoutError:
        detail = f"the body did not arrive within {seconds:g} s"
        raise Refused(408, detail, "too_slow", headers=_CLOSE) from None
    finally:
        arriving.held -= held
    if size > most:
        detail = f"the body is larger than {most} bytes; send fewer rows at once"
        raise Refused(413, detail, "too_large", headers=_CLOSE)
    return bytes(body)


_CLOSE = ((b"connection", b"close"),)
_FULL = ((b"retry-after", b"1"), *_CLOSE)
