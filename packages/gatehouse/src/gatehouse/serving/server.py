"""A uvicorn server that limits its connections, and announces its shutdown before it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import socket
from time import monotonic
from types import FrameType

import uvicorn

from gatehouse.serving.asgi import App, Receive, Scope, Send
from gatehouse.serving.connections import Connections, accept, most_connections
from gatehouse.serving.protocol import BoundedProtocol
from gatehouse.serving.settings import ServingSettings

DRAIN = 5.0
"""Seconds between SIGTERM and the shutdown, in which every request is still answered."""

KEEP_ALIVE = 75
"""Seconds that a connection may be idle: longer than the 60 seconds for which proxies reuse one, so
that no proxy sends a request into a connection that is being closed."""

_CLOSE = (b"connection", b"close")

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """On SIGTERM, report as not ready and close each connection after its next answer.

    Clients that keep connections open can move elsewhere without losing a request. The server then
    ends; SIGINT, or a second SIGTERM, ends it at once.
    """

    def __init__(self, app: App, settings: ServingSettings) -> None:
        """Compute the connection limit from the number of files that may still be opened.

        Raises:
            GatehouseError: too few files may be opened.
        """
        self._app = app
        self._connections = Connections(most_connections())
        self._accepting: list[asyncio.Task[None]] = []
        self._until = math.inf
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            http=BoundedProtocol,
            loop="uvloop",
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=math.ceil(settings.timeout),
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start accepting connections on `sockets`."""
        await super().startup(sockets=[])
        self._accepting = [
            asyncio.create_task(accept(each, self._connections, self._connection))
            for each in sockets or ()
        ]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting connections, and close the open ones."""
        for task in self._accepting:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await super().shutdown(sockets)

    def _connection(self) -> BoundedProtocol:
        made = BoundedProtocol(self.config, self.server_state, self.lifespan.state)
        made.others = self._connections
        return made

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start draining on the first SIGTERM; stop the server on the second."""
        if sig != signal.SIGTERM or self._draining:
            super().handle_exit(sig, frame)
            return
        logger.info("will end in %g s", DRAIN)
        self._until = monotonic() + DRAIN
        # uvicorn copies the first list into the second once per second, so both must have the
        # header.
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers.append(_CLOSE)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to shut down."""
        self._connections.report()
        if monotonic() >= self._until and not self.should_exit:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    @property
    def _draining(self) -> bool:
        return self._until < math.inf

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._draining and scope["type"] == "http" and scope["path"] == "/readyz":
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)
