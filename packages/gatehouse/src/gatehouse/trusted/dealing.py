"""Isolates the process that splits rows: it can write one folder, whose files are checked."""

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
    """Empty `folder` and let any user write into it; afterwards, only this user can.

    Raises:
        GatehouseError: files other than the splits and their seal were written.
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
    """Replace each file by a copy that only this user can write."""
    for path in sorted(folder.iterdir()):
        if path.name not in _MADE or path.is_symlink() or not path.is_file():
            name = path.name
            shutil.rmtree(folder, ignore_errors=True)
            raise GatehouseError(f"what dealt the rows left {name}, which is not one of its files")
        copy = path.with_name(f".{path.name}.copy")
        shutil.copyfile(path, copy)
        copy.replace(path)
