"""HTTP with limits on everything but the body, which uvicorn's fast parser does not limit."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gatehouse.serving.connections import Connections, Waits

LONGEST_HEAD = 65_536
"""Maximum bytes of a request's first line and headers; a common limit of HTTP servers. The same
limit applies between the parts of a chunked body, and after it."""

HEAD_WITHIN = 10.0
"""Seconds in which first line and headers must arrive."""


class BoundedProtocol(HttpToolsProtocol):
    """Close connections whose headers are too long or too slow; Front limits bodies.

    After an answer, the connection is closed unless its next request begins in time, whatever else
    the client sends. Requests to upgrade the protocol are ignored: such a request is answered as
    any other.
    """

    others = Connections()
    """All connections of the server, including this one."""
    _head = 0
    _in_head = True
    _heard = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the first request's headers."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.others.changed(self)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Count bytes that belong neither to a complete request nor to a body.

        uvicorn's own method treats any byte as activity, and drops the body of a request that asks
        for another protocol.
        """
        heard = self._heard
        parts = [memoryview(data)]
        while parts:
            part = parts.pop()
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as upgrade:
                if not self._wishes():
                    self.cycle.keep_alive = False  # the rest belongs to no request
                    return
                parts += [part[upgrade.args[0] :], memoryview(self._without_wish())]
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
        if heard == self._heard:
            self._head += len(data)
            if self._head > LONGEST_HEAD and not self.transport.is_closing():
                self._refuse()

    def on_message_begin(self) -> None:
        """Handle the start of headers."""
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self._in_head = True
        self._hear()
        self._wait()

    def on_headers_complete(self) -> None:
        """Handle the end of headers."""
        if self._wishes():
            return
        self._in_head = False
        self._stop_waiting()
        # The previous request may have been answered since this one began.
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        self.others.changed(self)
        # Fields after a chunked body are not headers, though the parser calls them headers.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Handle a part of the body."""
        self._hear()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Handle the end of a request."""
        if not self._wishes():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Handle the end of an answer."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self.others.changed(self)

    def waits(self) -> Waits:
        """Return what the connection waits for."""
        if self.cycle is None or self.cycle.response_complete:
            return Waits.REST
        if self.flow.write_paused:
            return Waits.READ
        return Waits.BODY if self.cycle.more_body and not self.pipeline else Waits.NOTHING

    def abort(self) -> None:
        """Close the connection at once, discarding unsent data."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle a closed connection."""
        self.others.ended(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def _wishes(self) -> bool:
        """Return whether another protocol is requested, as curl and Java do for HTTP/2."""
        # CONNECT is treated as any other method.
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _without_wish(self) -> bytes:
        """Return the headers again, to be parsed as those of a plain request."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join((*lines, b"", b""))

    def _hear(self) -> None:
        self._heard += 1
        self._head = 0

    def _refuse(self) -> None:
        if self._in_head:
            self.send_400_response("The headers are too long.")
        else:
            self.transport.close()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_WITHIN, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
