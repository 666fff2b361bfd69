"""Rows that a process apart deals: the one folder that it may write, and what is taken from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatehouse.digest import SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.seal import SEAL

_MADE = frozenset((*(f"{split}.parquet" for split in SPLITS), SEAL))


@contextmanager
def dealt_into(folder: Path) -> Iterator[None]:
    """Let any user write into `folder`, which is emptied before; what is made is ours then.

    Raises:
        GatehouseError: something else was made than the splits and their seal.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    folder.chmod(0o755)
    _take_over(folder)


def _take_over(folder: Path) -> None:
    """Replace each file by a copy, which nobody but this user can write."""
    for path in sorted(folder.iterdir()):
        if path.name not in _MADE or path.is_symlink() or not path.is_file():
            name = path.name
            shutil.rmtree(folder, ignore_errors=True)
            raise GatehouseError(f"what dealt the rows left {name}, which is not one of its files")
        copy = path.with_name(f".{path.name}.copy")
        shutil.copyfile(path, copy)
        copy.replace(path)
