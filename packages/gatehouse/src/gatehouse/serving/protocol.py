"""HTTP with an end to all that is not a body: uvicorn's fast parser takes it without end."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gatehouse.serving.connections import Connections, Waits

LONGEST_HEAD = 65_536
"""Bytes of a request's first line and headers; a common limit of HTTP servers. The same
between the parts of a chunked body, and behind it, as many."""

HEAD_WITHIN = 10.0
"""Seconds for first line and headers to arrive."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers are too long or too slow; bodies are Front's to bound.

    One that was answered is closed when its next request does not begin in time, whatever else it
    sends. A wish for another protocol is not heard: such a request is answered as any other.
    """

    others = Connections()
    """All connections of the server, this one included."""
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
        """Count what is neither a whole request's nor a body's.

        uvicorn's own takes any byte for a sign of life, and forgets the body of a request that
        wishes for another protocol.
        """
        heard = self._heard
        parts = [memoryview(data)]
        while parts:
            part = parts.pop()
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as upgrade:
                if not self._wishes():
                    self.cycle.keep_alive = False  # the rest is of a tunnel that there is not
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
        """Headers begin."""
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self._in_head = True
        self._hear()
        self._wait()

    def on_headers_complete(self) -> None:
        """Headers are whole."""
        if self._wishes():
            return
        self._in_head = False
        self._stop_waiting()
        # The one before may have been answered since this one began.
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        self.others.changed(self)
        # What follows a chunked body is not of the headers, though the parser calls it so.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Some of the body is there."""
        self._hear()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of the request is there."""
        if not self._wishes():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is sent."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self.others.changed(self)

    def waits(self) -> Waits:
        """What the connection waits for."""
        if self.cycle is None or self.cycle.response_complete:
            return Waits.REST
        if self.flow.write_paused:
            return Waits.READ
        return Waits.BODY if self.cycle.more_body and not self.pipeline else Waits.NOTHING

    def abort(self) -> None:
        """Close the connection at once, with what was not sent yet."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self.others.ended(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def _wishes(self) -> bool:
        """For another protocol, as curl and Java do for HTTP/2. CONNECT is a method like others."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _without_wish(self) -> bytes:
        """The headers again, to be read as those of a plain request."""
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
