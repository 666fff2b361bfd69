"""Reads objects by digest from DVC's cache, or from the remote that the checkout configures.

It reads only DVC's configuration in the project's own folder: no configuration from a commit, and
none from a subfolder. It walks no tree and reads no `.dvc` file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from gatehouse.errors import GatehouseError
from gatehouse.remote import reason, shown

_FILES = ("files", "md5")
"""Path below a remote or a cache where DVC 3 keeps objects."""


@dataclass(frozen=True)
class Store:
    """The objects that a checkout can reach.

    Attributes:
        cache: DVC's folder of objects on this machine.
        remote: DVC's default remote; None if none is configured.
    """

    cache: Path
    remote: Remote | None

    def cached(self, md5: str) -> Path:
        """Return the object's path in the cache, whether it exists or not."""
        return self.cache / md5[:2] / md5[2:]

    @contextmanager
    def open(self, md5: str) -> Iterator[IO[bytes]]:
        """Open the object's bytes, unchecked; from the cache, else from the remote.

        Raises:
            FileNotFoundError: neither has it.
            OSError: raised by the remote's library, which can also raise its own classes.
        """
        path = self.cached(md5)
        if path.exists():
            with open_plain(path) as stream:
                yield stream
        elif self.remote is None:
            raise FileNotFoundError(
                f"the object {md5} is not in DVC's cache, and there is no remote"
            )
        else:
            with self.remote.open(md5) as stream:
                yield stream


@dataclass(frozen=True)
class Remote:
    """DVC's default remote.

    Attributes:
        name: its name in the configuration.
        url: its URL in a form that may be shown.
        connect: opens the file system and returns it with the folder of the objects.
    """

    name: str
    url: str
    connect: Callable[[], tuple[Any, str]]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        return self.connect()

    def path(self, md5: str) -> str:
        fs, folder = self._opened
        return str(fs.join(folder, *_FILES, md5[:2], md5[2:]))

    @contextmanager
    def open(self, md5: str) -> Iterator[IO[bytes]]:
        """Open the object's bytes, unchecked."""
        fs, _ = self._opened
        path = self.path(md5)
        if fs.protocol == "local":
            with open_plain(Path(path)) as stream:
                yield stream
        else:
            with fs.open(path, "rb") as stream:
                yield stream

    def has(self, md5: str) -> bool:
        fs, _ = self._opened
        return bool(fs.exists(self.path(md5)))

    def put(self, md5: str, file: Path) -> None:
        """Store a file whose digest was checked; completely, or not at all."""
        fs, _ = self._opened
        path = self.path(md5)
        fs.makedirs(fs.parent(path))
        fs.put_file(str(file), path)


@contextmanager
def open_plain(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file, without following a link or waiting for a pipe's writer."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(f"{path} is not a plain file")
        yield stream


def project_of(root: Path) -> Path:
    """Return the folder with `.dvc` for `root`: itself, or one above it in the same checkout.

    Raises:
        GatehouseError: there is none.
    """
    for folder in (here := root.resolve(), *here.parents):
        if (folder / ".dvc").is_symlink():
            raise GatehouseError(f"{folder / '.dvc'}: is a link; make it a folder (dvc init)")
        if (folder / ".dvc").is_dir():
            return folder
        if (folder / ".git").exists():
            break
    raise GatehouseError(f"{root.resolve()}: has no folder .dvc; run `dvc init` there")


def open_store(root: Path = Path()) -> Store:
    """Return the cache and the default remote by the configuration of the checkout at `root`.

    The configuration is in `.dvc/config`, `.dvc/config.local`, and the files of the user and the
    machine. Nothing is connected yet.

    Raises:
        GatehouseError: there is no project, its configuration is wrong, or it names a file that
            anybody may change.
    """
    from dvc.config import Config

    project = project_of(root)
    dvc = project / ".dvc"
    for name in ("config", "config.local"):
        _check_owned(dvc / name, project, f".dvc/{name}")
    try:
        config = Config(dvc_dir=str(dvc))
    except Exception as error:  # DVC and configobj raise their own classes
        raise GatehouseError(
            f".dvc/config: cannot be read ({reason(error, hidden='://' in str(error))}); "
            "see `dvc config --list`"
        ) from None
    cache = Path(config["cache"].get("dir") or dvc / "cache")
    return Store(cache.joinpath(*_FILES), _remote(config, project))


def _remote(config: Any, project: Path) -> Remote | None:
    from dvc.fs import get_cloud_fs

    name = config["core"].get("remote")
    if not name:
        return None
    try:
        kind, settings, path = get_cloud_fs(config, name=name)
    except Exception as error:  # as above
        raise GatehouseError(
            f".dvc/config: the remote {name} cannot be used "
            f"({reason(error, hidden='://' in str(error))}); see `dvc remote list`"
        ) from None
    for key in ("version_aware", "worktree"):
        if settings.get(key):
            raise GatehouseError(
                f".dvc/config: remote {name}: {key} is true, and such a remote has no objects by "
                f"their digest; take {key} out, and push again (dvc push)"
            )
    for key, value in settings.items():
        if not isinstance(value, str) or "://" in value:
            continue
        if os.sep in value or Path(value).is_file():
            _check_owned(Path(value), project, f".dvc/config: remote {name}: {key}")

    def connect() -> tuple[Any, str]:
        return kind(**settings), str(path)

    url = config["remote"][name]["url"]
    return Remote(name=name, url=shown(str(url)), connect=connect)


def _check_owned(path: Path, project: Path, title: str) -> None:
    """Check that a file that configures a tool is in `.dvc`, which has an owner, or outside."""
    place = Path(os.path.realpath(path))
    if place.is_relative_to(project) and not place.is_relative_to(project / ".dvc"):
        raise GatehouseError(
            f"{title}: {place.relative_to(project)} is in the checkout, where a change may have "
            "brought it, and it can name commands that run; move it into .dvc, or out of here"
        )
