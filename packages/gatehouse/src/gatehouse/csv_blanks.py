"""Blanks around the names of a CSV file, and behind its separators, as in `age, region, y`.

Blanks around a name are not part of the name. If every name except the first begins with a blank,
the writer put one behind every separator, so blanks are not part of the values either
(`skipinitialspace` of Python's `csv`). The first line alone decides, so a file gives every reader
the same rows.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from typing import IO

from gatehouse.errors import GatehouseError

BLANKS = " \t"
_AROUND_NAMES = BLANKS + "\u00a0\u2007\u202f\u3000\u200b\u200c\u200d\u2060\ufeff"
"""Blanks, and characters that look like a blank or like nothing: non-breaking, zero-width."""


def first_row(text: Iterable[str], separator: str) -> list[str]:
    """Return the names in the first line that is not empty, as written; [] for an empty file."""
    rows = csv.reader(iter(text), delimiter=separator)
    row = next((row for row in rows if row), [])
    return [name.lstrip("\ufeff") for name in row[:1]] + row[1:]


def stripped(names: Sequence[str]) -> list[str]:
    """Return the names without surrounding blanks."""
    return [name.strip(_AROUND_NAMES) for name in names]


def follow_separators(names: Sequence[str]) -> bool:
    """Return whether a blank follows every separator of the header."""
    return len(names) > 1 and all(name.startswith(tuple(BLANKS)) for name in names[1:])


def without_blanks(lines: Iterable[str], separator: str) -> IO[bytes]:
    """Return the rows in UTF-8 without the blanks behind separators.

    The file is temporary and is deleted when it is closed.

    Raises:
        GatehouseError: a field is longer than 128 KiB.
    """
    stream = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        writer.writerows(reader)
    except csv.Error as error:
        text.close()
        raise GatehouseError(f"line {reader.line_num}: {error}; is a quote never closed?") from None
    text.detach()
    stream.seek(0)
    return stream
