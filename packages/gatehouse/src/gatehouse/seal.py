"""The note that `prepare` writes next to the prepared rows: their digest, and their files' digests.

The digest covers the rows, so computing it from the tables needs their native reader. With the
note, a process that must not open untrusted tables can compare digests by hashing bytes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from gatehouse.digest import PREPARED, SPLITS, file_digest
from gatehouse.errors import GatehouseError
from gatehouse.typed import Document

SEAL = "digest.json"


class Seal(Document):
    """Digests of the prepared splits, by split."""

    version: Literal[1] = 1
    files: dict[str, str]
    """SHA-256 of each file's bytes."""
    rows: dict[str, str]
    """Digest of each file's rows, whatever their order and the way the file was written."""

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the rows of all splits together."""
        lines = "".join(f"{split} {self.rows[split]}\n" for split in SPLITS)
        return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def seal(folder: Path = PREPARED) -> str:
    """Write the note on the splits in `folder`; return the digest of all rows.

    Raises:
        GatehouseError: a split is missing or unreadable.
    """
    made = _computed(folder)
    made.write(folder / SEAL)
    return made.digest


def sealed_digest(folder: Path = PREPARED) -> str:
    """Return the digest of the rows in `folder` from the note, without opening a table.

    Raises:
        GatehouseError: there is no note, or it does not match a file.
    """
    path = folder / SEAL
    found = Seal.read(path)
    if set(found.rows) != set(SPLITS) or found.files != _files(folder):
        raise GatehouseError(
            f"{path}: is of other files than are there; deal the rows again: gatehouse prepare"
        )
    return found.digest


def data_digest(folder: Path = PREPARED) -> str:
    """Return the `sha256:<hex>` of the rows of the three prepared splits.

    It ignores the order of the rows and how the files were written. It also ignores columns of
    lists or bytes, which no contract can name.

    Raises:
        GatehouseError: a split is missing or unreadable.
    """
    try:
        return sealed_digest(folder)
    except GatehouseError:
        return _computed(folder).digest


def _computed(folder: Path) -> Seal:
    from gatehouse.ledger.digest import rows_digest
    from gatehouse.ledger.parts import Part
    from gatehouse.table import comparable_columns

    parts = [Part(split, "", folder / f"{split}.parquet") for split in SPLITS]
    return Seal(
        files=_files(folder),
        rows={part.name: rows_digest([part], comparable_columns(part.path)) for part in parts},
    )


def _files(folder: Path) -> dict[str, str]:
    return {split: file_digest(folder / f"{split}.parquet") for split in SPLITS}
