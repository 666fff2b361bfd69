"""A small proxy in front of pods: it switches new connections to another one.

It stands for what a Service does in a cluster, since podman has none, and two pods cannot hold one
port of the host. As with a Service, connections that are open stay with the pod that has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator


class Proxy:
    """Forwards TCP connections on `port` of the loopback to another port of it."""

    def __init__(self) -> None:
        self.port = 0
        self._target = 0

    def switch(self, target: int) -> None:
        """Send new connections to `target`."""
        self._target = target

    @contextlib.contextmanager
    def running(self) -> Iterator[Proxy]:
        """Serve in a thread of its own."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.close()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
