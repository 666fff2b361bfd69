"""Open connections, fewer than the limit of open files: the longest idle makes room for a new one.

Without that, clients that connect and rest take all files that the process may open, and nobody
else gets an answer, health probes included.
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
"""Files that stay free for the log, the tokens and whatever else is opened at work."""
MOST = 10_000
"""Connections, where there is no limit of open files."""
FEWEST = 16
"""Connections without which it makes no sense to serve."""
LOG_EVERY = 60.0
"""Seconds between two lines in the log that say how many were closed."""

GRACE = 1.0
"""Seconds that a connection may take for its request before others are kept in its place."""

_FULL = 0.05
"""Seconds to wait where no file is left all the same, or all connections are at work."""

logger = logging.getLogger(__name__)


class Waits(IntEnum):
    """What a connection waits for; the first kind is closed first."""

    REST = 0
    """The client's next request, or its first."""
    BODY = 1
    """The rest of a request's body."""
    READ = 2
    """The client to read its answer."""
    NOTHING = 3
    """Nothing of the client's: it is at work."""


class Connection(Protocol):
    """What can be asked of a connection."""

    def waits(self) -> Waits:
        """What it waits for now."""

    def abort(self) -> None:
        """Close it at once."""


class Connections:
    """The open connections, those that changed longest ago first."""

    def __init__(self, most: int = MOST) -> None:
        """Hold `most` connections."""
        self.most = most
        self._open: dict[Connection, float] = {}
        self._full = False
        self._closed = 0
        self._logged_at = self._failed_at = -LOG_EVERY

    def __len__(self) -> int:
        return len(self._open)

    def changed(self, connection: Connection) -> None:
        """A connection was opened, a request has begun, or its answer is sent."""
        self._open.pop(connection, None)
        self._open[connection] = monotonic()

    def ended(self, connection: Connection) -> None:
        """It is closed."""
        self._open.pop(connection, None)

    async def room(self) -> None:
        """Wait until one more may be held; close the longest idle ones until then."""
        while len(self._open) >= self.most:
            if found := self._longest_idle():
                self._open.pop(found)
                found.abort()
                self._count()
                await asyncio.sleep(0)  # its file is closed by the loop's next turn
            else:
                await asyncio.sleep(_FULL)

    def failed(self, error: OSError) -> None:
        """A connection could not be opened, though there should have been room."""
        now = monotonic()
        if now - self._failed_at >= LOG_EVERY:
            self._failed_at = now
            logger.warning("a connection could not be opened: %s", error.strerror)

    def report(self) -> None:
        """Log each `LOG_EVERY` seconds how many were closed, and once that it is over."""
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
        """By kind, of those past their grace; where there is none, the oldest of any kind.

        Without the grace a probe that has just connected would be the only one at rest among
        clients that send half a body, and be closed before its request is read.
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
    """How many connections the limit of open files allows, with what is open already.

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
    """How many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


async def accept(
    listening: socket.socket, connections: Connections, make: Callable[[], asyncio.Protocol]
) -> None:
    """Take connections of a listening socket one by one, and make room for each; without end.

    A server of asyncio takes all that wait at once, and more than there are files for. Room is made
    for who has come: nobody is closed for a connection that may never be asked for.
    """
    loop = asyncio.get_running_loop()
    listening.setblocking(False)
    while True:
        try:
            taken, _ = await loop.sock_accept(listening)
        except ConnectionError:  # the client has gone
            continue
        except OSError as error:
            connections.failed(error)
            await asyncio.sleep(_FULL)
            continue
        try:
            await connections.room()
            await loop.connect_accepted_socket(make, taken)
        except OSError:  # the client has gone
            taken.close()
        except asyncio.CancelledError:
            taken.close()
            raise
