"""A copy becomes no more than the process that asked for it: its namespaces, its user, its rights.

A process that opens a stranger's files runs as another user, with no network and a view of its own
(`gatehouse.trusted.isolation`). Its copy enters all of that before it runs a line of the command.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_ABOVE, _OWN = ("user", "pid"), ("ipc", "net", "mnt")
"""Namespaces that a process is born into, and those that it enters itself, in this order."""
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS of prctl(2)
_CAPABILITIES_V3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Rights:
    """Namespaces, user and capabilities of a process; `hold` makes them the caller's own.

    Attributes:
        spaces: open files of the namespaces that differ from the caller's, by kind.
        user: number of its user and of its group.
        status: lines of /proc/PID/status by name.
    """

    spaces: dict[str, int]
    user: tuple[int, int]
    status: dict[str, str]

    @classmethod
    def of_peer(cls, connection: socket.socket) -> Rights:
        """Those of the process at the other end, which waits for an answer."""
        size = struct.calcsize("3i")
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        number, user, group = struct.unpack("3i", found)
        place = Path(f"/proc/{number}")
        lines = (place / "status").read_text().splitlines()
        spaces = {
            kind: os.open(place / "ns" / kind, os.O_RDONLY)
            for kind in (*_ABOVE, *_OWN)
            if (place / "ns" / kind).readlink() != Path("/proc/self/ns", kind).readlink()
        }
        return cls(spaces, (user, group), dict(line.split(":\t", 1) for line in lines))

    def lead_children(self) -> None:
        """Let the next child of the caller be among the processes that the peer sees."""
        self._enter(_ABOVE)

    def hold(self) -> None:
        """Enter the other namespaces, and give up what the process does not have."""
        self._enter(_OWN)
        for opened in self.spaces.values():
            os.close(opened)
        if "user" not in self.spaces and self.user != (os.geteuid(), os.getegid()):
            user, group = self.user
            os.setgroups([int(each) for each in self.status["Groups"].split()])
            os.setresgid(group, group, group)
            os.setresuid(user, user, user)
        if self.status["NoNewPrivs"] == "1":
            _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
        _checked(_libc.capset(*self._capabilities()), "capset")

    def _enter(self, kinds: tuple[str, ...]) -> None:
        for kind in filter(self.spaces.__contains__, kinds):
            _checked(_libc.setns(self.spaces[kind], 0), f"setns {kind}")

    def _capabilities(self) -> tuple[bytes, bytes]:
        """Header and sets as capset(2) takes them: 64 bits each, the low halves first."""
        sets = [int(self.status[name], 16) for name in ("CapEff", "CapPrm", "CapInh")]
        halves = [each >> shift & 0xFFFFFFFF for shift in (0, 32) for each in sets]
        return struct.pack("Ii", _CAPABILITIES_V3, 0), struct.pack("6I", *halves)


def _checked(code: int, call: str) -> None:
    if code:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
