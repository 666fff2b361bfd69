"""The little of ASGI that the row path needs."""

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
"""How many times the largest body is still read, and thrown away, so that the client, which reads
no answer before it has sent all, gets one."""


class Gone(Exception):  # noqa: N818 - nobody is left to be told
    """The client hung up."""


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    kind: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, send: Send, request_id: str) -> None:
        """Send it, with the request's id."""
        headers = [
            (b"content-type", self.kind),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", request_id.encode()),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def read_body(receive: Receive, most: int, seconds: float) -> bytes:
    """The request's body, of at most `most` bytes.

    Raises:
        Refused: it is larger (413), or not there in time (408).
        Gone: the client hung up.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while size <= most * DRAINED:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                size += len(part)
                if size <= most:
                    parts.append(part)
                if not message.get("more_body"):
                    break
    except TimeoutError:
        detail = f"the body did not arrive within {seconds:g} s"
        raise Refused(408, detail, "too_slow", headers=_CLOSE) from None
    if size > most:
        detail = f"the body is larger than {most} bytes; send fewer rows at once"
        raise Refused(413, detail, "too_large", headers=_CLOSE)
    return b"".join(parts)


_CLOSE = ((b"connection", b"close"),)
