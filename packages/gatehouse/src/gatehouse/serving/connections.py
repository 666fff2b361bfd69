"""Keep open connections below the limit of open files by closing the longest idle one.

Without this, clients that connect and stay idle use up all files that the process may open, and
nobody else gets an answer, including health probes.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from time import monotonic
from typing import Protocol

from gatehouse.errors import GatehouseError

RESERVE = 32
"""Files kept free for the log, the tokens and other files opened during operation."""
MOST = 10_000
"""Maximum number of connections if open files are not limited."""
FEWEST = 16
"""Minimum number of connections; with fewer, the service refuses to start."""
LOG_EVERY = 60.0
"""Seconds between log lines about the number of closed connections."""

GRACE = 1.0
"""Seconds that a new connection has to send its request before it may be closed for another one."""

_FULL = 0.05
"""Seconds to wait if no file is available anyway, or if all connections are busy."""

logger = logging.getLogger(__name__)


class Waits(IntEnum):
    """What a connection waits for; connections of the first kind are closed first."""

    REST = 0
    """The client's next request, or its first."""
    BODY = 1
    """The rest of a request's body."""
    READ = 2
    """The client, to read its answer."""
    NOTHING = 3
    """Nothing from the client: it is busy."""


class Connection(Protocol):
    """The interface of a connection."""

    def waits(self) -> Waits:
        """Return what it waits for now."""

    def abort(self) -> None:
        """Close it at once."""


class Connections:
    """The open connections, ordered by their last change, oldest first."""

    def __init__(self, most: int = MOST) -> None:
        """Allow `most` connections."""
        self.most = most
        self._open: dict[Connection, float] = {}
        self._full = False
        self._closed = 0
        self._logged_at = self._failed_at = -LOG_EVERY

    def __len__(self) -> int:
        return len(self._open)

    def changed(self, connection: Connection) -> None:
        """Note that a connection was opened, a request has begun, or its answer is sent."""
        self._open.pop(connection, None)
        self._open[connection] = monotonic()

    def ended(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self._open.pop(connection, None)

    async def room(self) -> None:
        """Wait until there is room for one more, closing the longest idle connections."""
        while len(self._open) >= self.most:
            if found := self._longest_idle():
                self._open.pop(found)
                found.abort()
                self._count()
                await asyncio.sleep(0)  # its file is closed in the event loop's next iteration
            else:
                await asyncio.sleep(_FULL)

    def failed(self, error: OSError) -> None:
        """Handle a connection that could not be opened although there should have been room."""
        now = monotonic()
        if now - self._failed_at >= LOG_EVERY:
            self._failed_at = now
            logger.warning("a connection could not be opened: %s", error.strerror)

    def report(self) -> None:
        """Log the number of closed connections every `LOG_EVERY` seconds, and once at the end."""
        now = monotonic()
        if not self._full or now - self._logged_at < LOG_EVERY:
            return
        if self._closed:
            logger.warning(
                "closed %d idle connections in the last %.0f s; %d of at most %d are open",
                self._closed, now - self._logged_at, len(self), self.most,
            )  # fmt: skip
        else:
            logger.warning("no connection is closed any more: %d are open", len(self))
        self._full, self._closed, self._logged_at = self._closed > 0, 0, now

    def _longest_idle(self) -> Connection | None:
        """Return the longest idle connection past its grace, by kind, or else the oldest.

        Without the grace period, a probe that has just connected would be the only idle connection
        among clients that send half a body, and would be closed before its request is read.
        """
        until = monotonic() - GRACE
        for kind in (Waits.REST, Waits.BODY, Waits.READ):
            for connection, changed in self._open.items():
                if changed > until:
                    break
                if connection.waits() is kind:
                    return connection
        idle = (each for each in self._open if each.waits() is not Waits.NOTHING)
        return next(idle, None)

    def _count(self) -> None:
        self._closed += 1
        if not self._full:
            self._full, self._logged_at = True, monotonic()
            logger.warning(
                "%d connections are open, as many as the limit of open files allows: the longest "
                "idle ones are closed (docs/operations.md)",
                self.most,
            )


def most_connections() -> int:
    """Return how many connections the limit of open files allows, given those already open.

    Raises:
        GatehouseError: too few to serve.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return MOST
    most = limit - open_files() - RESERVE
    if most < FEWEST:
        raise GatehouseError(
            f"the limit of open files is {limit}, which leaves room for {max(most, 0)} "
            "connections; raise it (ulimit -n 1024)"
        )
    return min(most, MOST)


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


async def accept(
    listening: socket.socket, connections: Connections, make: Callable[[], asyncio.Protocol]
) -> None:
    """Accept connections on a listening socket one by one, forever, making room for each.

    An asyncio server accepts all waiting connections at once, even more than there are files for.
    Room is made only for connections that have arrived, so none is closed for one that may never
    come.
    """
    loop = asyncio.get_running_loop()
    listening.setblocking(False)
    while True:
        try:
            taken, _ = await loop.sock_accept(listening)
        except ConnectionError:  # the client disconnected
            continue
        except OSError as error:
            connections.failed(error)
            await asyncio.sleep(_FULL)
            continue
        try:
            await connections.room()
            await loop.connect_accepted_socket(make, taken)
        except OSError:  # the client disconnected
            taken.close()
        except asyncio.CancelledError:
            taken.close()
            raise
