"""How a process that opens untrusted files is isolated from the job.

If the runner allows it, the process runs as another user, has no network, sees only its own
processes, and can read only the files it needs in the home folder and in closed folders. This takes
root, or `sudo` without a password, which GitHub's runners have. Without either, a namespace of the
job's own user removes network and processes from view.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from threading import Event
from time import monotonic

from gatehouse.trusted.process import Done, run_apart

FIRST_USER = 60_600
"""systemd keeps 60578 to 61183 unused: https://systemd.io/UIDS-GIDS."""
_STAGING = ("/mnt", "/media", "/srv")
"""Folders that every Linux has. In the process's own view, a scratch folder covers one of them."""
_TRIAL_SECONDS = 60.0
_GRACE = 15.0
"""Seconds that `sudo` and `timeout` get to end the processes that they started."""
_TRIAL = """
import pathlib, socket, sys
with pathlib.Path(sys.argv[1]).open("rb"):
    pass
import gatehouse.trusted.reader
left = [name for _, name in socket.if_nameindex() if name != "lo"]
sys.exit(f"there is a network: {left}" if left else 0)
"""


class Level(StrEnum):
    """What isolates a process that opens untrusted files from the job."""

    USER = "another user, no network"
    NETWORK = "no network"
    NONE = "the job's user, with network"


@dataclass(frozen=True)
class Isolation:
    """A way to start isolated processes.

    Attributes:
        level: degree of isolation.
        folder: folder of the files that the processes open.
    """

    level: Level
    folder: Path

    def run(
        self,
        words: list[str],
        environment: Mapping[str, str],
        seconds: float,
        stop: Event | None = None,
        user: int = FIRST_USER,
    ) -> Done | None:
        """Run a command in the folder; return None if it did not end in time.

        Args:
            words: the program and its arguments.
            environment: its complete environment.
            seconds: its time limit.
            stop: event that another thread can set to end the command.
            user: number of the user that it runs as, if the level uses another user.
        """
        begun = monotonic()
        limit = seconds + (_GRACE if self._helped else 0.0)
        command = self.command(words, environment, seconds, user)
        done = run_apart(command, self.folder, environment, limit, stop)
        if done is None or (self._helped and monotonic() - begun >= seconds):
            return None
        # A shell reports a signal as an exit code.
        if self.level is not Level.NONE and done.code > 128:
            return Done(128 - done.code, done.errors, done.output)
        return done

    def command(
        self, words: list[str], environment: Mapping[str, str], seconds: float, user: int
    ) -> list[str]:
        """Return the command line that runs `words` in isolation; arguments as in `run`."""
        if self.level is Level.NONE:
            return words
        before = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child",
                  "--mount-proc"]  # fmt: skip
        drop = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        if self.level is Level.NETWORK:
            before += ["--user", "--map-root-user"]
        else:
            drop += [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            environment = {name: value for name, value in environment.items() if name != "TMPDIR"}
        if self._helped:
            # Only root can end a process that sudo started.
            before = ["sudo", "-n", "--", "timeout", "--signal=KILL", f"{seconds:g}", *before]
        variables = [f"{name}={value}" for name, value in environment.items()]
        view = ["sh", "-c", self._view, "sh"]
        return [*before, *view, *drop, "env", "-i", *variables, f"HOME={self._staging}", *words]

    @property
    def _helped(self) -> bool:
        return self.level is Level.USER and os.geteuid() != 0

    @cached_property
    def _kept(self) -> list[Path]:
        """Folders that the processes need, none inside another."""
        needed = [self.folder, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).parent]
        needed += [Path(path) for path in sys.path if path]
        return _outermost(path.resolve() for path in needed if path.is_dir())

    @cached_property
    def _staging(self) -> str:
        return next(
            (each for each in _STAGING
             if Path(each).is_dir() and not any(path.is_relative_to(each) for path in self._kept)),
            _STAGING[0],
        )  # fmt: skip

    @cached_property
    def _view(self) -> str:
        """A script that hides the home and closed folders above needed ones, then runs "$@"."""
        hidden = _outermost([*_home(self._kept), *filter(None, map(_closed, self._kept))])
        moved = [path for path in self._kept if any(path.is_relative_to(each) for each in hidden)]
        lines = ["set -eu", f"mount -t tmpfs -o mode=1777 none {self._staging}"]
        for at, path in enumerate(moved):
            lines += [f"mkdir {self._staging}/{at}",
                      f"mount --bind {_quoted(path)} {self._staging}/{at}"]  # fmt: skip
        lines += [f"mount -t tmpfs -o mode=755 none {_quoted(path)}" for path in hidden]
        for at, path in enumerate(moved):
            lines += [f"mkdir -p {_quoted(path)}",
                      f"mount --bind {self._staging}/{at} {_quoted(path)}",
                      f"umount {self._staging}/{at}", f"rmdir {self._staging}/{at}"]  # fmt: skip
        # Keep the shell running: when it ends, so does every process of the view.
        lines += [f"cd {_quoted(self.folder.resolve())}", '"$@" || exit $?']
        return "\n".join(lines)


def find_isolation(folder: Path, file: str) -> Isolation:
    """Return the strongest isolation that this machine allows for `folder`; tries each once.

    Args:
        folder: folder of the files to open.
        file: name of one of them.
    """
    tools = {"unshare", "setpriv", "mount", "sh"} | ({"sudo", "timeout"} if os.geteuid() else set())
    levels = [Level.USER] if all(map(shutil.which, tools)) else []
    levels += [Level.NETWORK] if all(map(shutil.which, tools - {"sudo", "timeout"})) else []
    words = [sys.executable, "-P", "-c", _TRIAL, file]
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    for level in levels:
        tried = Isolation(level, folder.resolve())
        done = tried.run(words, environment, _TRIAL_SECONDS)
        if done is not None and done.code == 0:
            return tried
        reason = done.errors.strip().splitlines()[-1:] if done else ["it took too long"]
        print(f"not possible here: {level} ({' '.join(reason)[:200]})", flush=True)
    return Isolation(Level.NONE, folder.resolve())


def _home(kept: list[Path]) -> list[Path]:
    """Return the home folder, unless the processes need all of it."""
    home = Path(os.environ.get("HOME") or "/nowhere").resolve()
    needed = any(home.is_relative_to(path) for path in kept)
    return [home] if home.is_dir() and home.parent != home and not needed else []


def _closed(path: Path) -> Path | None:
    """Return the outermost folder above `path` that other users may not enter."""
    above = reversed(path.parents)
    return next((each for each in above if not each.stat().st_mode & stat.S_IXOTH), None)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(each) for each in found):
            found.append(path)
    return found


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
