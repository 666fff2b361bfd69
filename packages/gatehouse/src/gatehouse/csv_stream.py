"""The bytes, text and rows of a CSV file on disk, gzipped or not.

`gatehouse init` and the source `file` both read through this module, so they see the same rows.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gatehouse.csv_blanks import first_row, follow_separators, without_blanks
from gatehouse.csv_faults import row_fault, start_fault

_GZIP = b"\x1f\x8b"
"""The first bytes of a gzip member (RFC 1952)."""
_START = 2**20


def unpacked(path: Path) -> IO[bytes]:
    """Open the file's bytes, decompressing gzip whatever the file's extension."""
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]


def place(stream: IO[bytes]) -> int:
    """Return how many bytes of the file on disk have been read."""
    packed: IO[bytes] = getattr(stream, "fileobj", None) or stream  # a GzipFile has one
    return packed.tell()


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose dialect is known.

    Attributes:
        path: of the file.
        separator: between its columns.
        encoding: of its text, as Python names it.
    """

    path: Path
    separator: str
    encoding: str

    def text(self) -> IO[str]:
        return io.TextIOWrapper(unpacked(self.path), self.encoding, newline="")

    def has_blanks(self) -> bool:
        """Return whether a blank follows each separator (see `gatehouse.csv_blanks`)."""
        with self.text() as text:
            return follow_separators(first_row(text, self.separator))

    def rows(self, *, blanks: bool) -> tuple[IO[bytes], str]:
        """Return the bytes for a parser and their encoding, with the blanks removed if `blanks`.

        Raises:
            GatehouseError: a field is longer than 128 KiB.
        """
        if not blanks:
            return unpacked(self.path), self.encoding
        with self.text() as text:
            return without_blanks(text, self.separator), "utf-8"

    def start_fault(self) -> str | None:
        """Explain why the beginning is not a table, even if a parser would accept it."""
        with self.text() as text:
            return start_fault(text.read(_START), self.separator)

    def row_fault(self) -> str | None:
        """Describe the first invalid row, if any."""
        with self.text() as text:
            return row_fault(text, self.separator)
