"""SHA-256 digests of files: what evidence speaks of is named by its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gatehouse.errors import GatehouseError

PREPARED = Path("data/prepared")
SPLITS = ("train", "valid", "test")


def file_digest(path: Path) -> str:
    """`sha256:<hex>` of a file's bytes.

    Raises:
        GatehouseError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None


def data_digest(folder: Path = PREPARED) -> str:
    """`sha256:<hex>` of the three prepared splits together."""
    return _together([folder / f"{split}.parquet" for split in SPLITS])


def raw_digest(folder: Path) -> str:
    """`sha256:<hex>` of what `ingest` wrote: rows.parquet, and test.parquet where there is one."""
    rows, test = folder / "rows.parquet", folder / "test.parquet"
    return _together([rows, test] if test.exists() else [rows])


def _together(files: list[Path]) -> str:
    lines = [f"{file.stem} {file_digest(file)}\n" for file in files]
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
