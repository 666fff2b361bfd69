"""Digests of files: SHA-256 for the files that evidence describes, MD5 to compare with DVC."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.table import ROWS_FILE, TEST_FILE

PREPARED = Path("data/prepared")
SPLITS = ("train", "valid", "test")


def file_digest(path: Path) -> str:
    """Return the `sha256:<hex>` of a file's bytes.

    Raises:
        GatehouseError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None


def dvc_md5(path: Path) -> str:
    """Return DVC's MD5 of a file or folder; a folder's is that of its sorted file list as JSON."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(
                stream, lambda: hashlib.md5(usedforsecurity=False)
            ).hexdigest()
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    listed = [{"md5": dvc_md5(files[name]), "relpath": name} for name in sorted(files)]
    content = json.dumps(listed, sort_keys=True).encode()
    return hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir"


def raw_digest(folder: Path) -> str:
    """Return the `sha256:<hex>` of what `ingest` wrote: rows.parquet and any test.parquet."""
    rows, test = folder / ROWS_FILE, folder / TEST_FILE
    files = [rows, test] if test.exists() else [rows]
    lines = [f"{file.stem} {file_digest(file)}\n" for file in files]
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
