"""A small proxy in front of pods: it switches new connections to another one, and drains the old.

It stands for what a Service and a rolling update do in a cluster, since podman has neither, and two
pods cannot hold one port of the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator


class Proxy:
    """Forwards TCP connections on `port` of the loopback to another port of it."""

    def __init__(self) -> None:
        self.port = 0
        self._target = 0
        self._open: Counter[int] = Counter()
        self._idle = threading.Condition()

    def switch(self, target: int, seconds: float = 30) -> None:
        """Send new connections to `target`; return when none to another port is open any more."""
        with self._idle:
            self._target = target
            drained = self._idle.wait_for(lambda: self._open.total() == self._open[target], seconds)
        assert drained, f"connections did not end: {self._open}"

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
        with self._counted() as target:
            there = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    @contextlib.contextmanager
    def _counted(self) -> Iterator[int]:
        with self._idle:
            target = self._target
            self._open[target] += 1
        try:
            yield target
        finally:
            with self._idle:
                self._open[target] -= 1
                self._idle.notify_all()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
