"""uvicorn's server, which bounds its connections, and says that it will end before it does."""

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
"""Seconds between SIGTERM and the end in which all is still answered."""

KEEP_ALIVE = 75
"""Seconds that a connection may rest: longer than the 60 for which proxies use one again, so that
none sends a request into a connection that is just being closed."""

_CLOSE = (b"connection", b"close")

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """On SIGTERM it is not ready any more and closes each connection with its next answer.

    So clients that keep connections open move elsewhere without losing a request. Then it ends;
    SIGINT, and a second SIGTERM, end it at once.
    """

    def __init__(self, app: App, settings: ServingSettings) -> None:
        """Count the files that may still be opened.

        Raises:
            GatehouseError: they are too few.
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
        """Begin to take connections of `sockets`."""
        await super().startup(sockets=[])
        self._accepting = [
            asyncio.create_task(accept(each, self._connections, self._connection))
            for each in sockets or ()
        ]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, and end those that are open."""
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
        """The first SIGTERM starts draining; a second stops the server."""
        if sig != signal.SIGTERM or self._draining:
            super().handle_exit(sig, frame)
            return
        logger.info("will end in %g s", DRAIN)
        self._until = monotonic() + DRAIN
        # The first are of the seconds to come, the second of this one.
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers.append(_CLOSE)

    async def on_tick(self, counter: int) -> bool:
        """Is it time to end?"""
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
