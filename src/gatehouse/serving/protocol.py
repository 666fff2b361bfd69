"""HTTP with an end to headers: uvicorn's fast parser takes them without end, and for ever."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 65_536
"""Bytes of a request's first line and headers; what HTTP servers commonly take."""

HEAD_WITHIN = 10.0
"""Seconds for them to arrive."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections whose headers are too long or too slow; bodies are Front's to bound."""

    _head = 0
    _in_head = True
    _begun = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the first request's headers."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Count what belongs to headers that are not whole."""
        begun = self._begun
        super().data_received(data)
        if self._in_head and begun == self._begun:
            self._head += len(data)
            if self._head > LONGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Headers begin."""
        super().on_message_begin()
        self._head, self._in_head = 0, True
        self._begun += 1
        self._wait()

    def on_headers_complete(self) -> None:
        """Headers are whole."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._stop_waiting()
        super().connection_lost(exc)

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
