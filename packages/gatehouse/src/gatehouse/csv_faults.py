"""Explanations and fixes for CSV files that do not follow RFC 4180.

A parser only says that a row has another number of columns than the first one. People need to know
why, and what to do: Excel's `sep=`, comments and titles above the names, separators at the ends of
lines, quotes escaped with a backslash.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

_LOOKED_AT = 200
"""Number of rows used to decide whether the first line is a header."""
_SEP = re.compile(r"\ufeff?\"?sep=(.?)\"?\s*", re.IGNORECASE)
_ESCAPED = re.compile(r'\\"(?= *[^\s,;\t|"])')
"""A backslash-escaped quote followed by more text; a path may end with a backslash."""
_OTHER = re.compile(
    r"\ufeff?\s*(?:(\[?\s*\{\s*\")|<(?:!doctype|html|\?xml|table)\b)", re.IGNORECASE
)
"""The first characters of a file in another format; group 1 matches JSON."""
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
_COMMENTS = ("#", "//", "%")
_SHOWN = 40


def start_fault(text: str, separator: str | None = None) -> str | None:
    """Return what is wrong with the beginning of a file, or None.

    Args:
        text: the first lines; the last one may be cut off.
        separator: of the columns, or None if it is not known yet.
    """
    # `str.splitlines` would also split at U+2028, U+0085 and form feeds, which are text here.
    lines = re.split("\r\n|\r|\n", text)
    if lines and (found := _SEP.fullmatch(lines[0])):
        return (
            f"line 1 is Excel's {lines[0].strip()!r}, which is no row: take it out, and name the "
            f"separator {found[1]!r} in data.file.separator (init finds it by itself)"
        )
    if found := _OTHER.match(text):
        return f"is {'JSON' if found[1] else 'HTML or XML'}, not CSV: save it as CSV or Parquet"
    rows = _rows(lines[: _LOOKED_AT + 1], separator or _likely(lines))
    if len(rows) > 1:
        return (
            _above_the_names(rows, lines)
            or _at_the_ends(rows)
            or _escaped(rows, lines)
            or _below_the_names(rows, lines)
        )
    return None


def row_fault(lines: Iterable[str], separator: str) -> str | None:
    """Describe the first row whose number of columns differs from the header's.

    Args:
        lines: all lines of the file, with their line ends.
        separator: of the columns.

    Returns:
        The problem, or None if every row has the right number of columns.
    """
    kept = _Last(lines)
    reader = csv.reader(kept, delimiter=separator)
    names: list[str] = []
    first = 1
    try:
        for row in reader:
            if not names:
                names = row
            elif row and len(row) != len(names):
                if '\\"' in kept.line:
                    return _backslash(reader.line_num)
                if kept.line.startswith(_COMMENTS):
                    return f"line {first} is a comment: remove it"
                return (
                    f"line {first} has {_columns(row)}, the header {_columns(names)}: put "
                    f"quotes around a text that holds {separator!r}, or fix the row"
                )
            first = reader.line_num + 1
    except csv.Error as error:
        return f"line {first}: {error}; is a quote never closed?"
    return None


class _Last:
    """An iterator over lines that remembers the last line read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines, self.line = iter(lines), ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.line = next(self.lines)
        return self.line


def _above_the_names(rows: list[tuple[int, list[str]]], lines: list[str]) -> str | None:
    """Detect comments and titles: leading lines with fewer columns than nearly all others."""
    (usual, often), *_ = Counter(len(row) for _, row in rows[1:]).most_common(1)
    top = [cell for cell in rows[0][1] if cell.strip()]
    titled = len(top) < usual - 1
    if usual < 2 or often < 0.9 * (len(rows) - 1) - 5 or (len(rows[0][1]) == usual and not titled):
        return None
    first = lines[rows[0][0] - 1].strip().lstrip("\ufeff")
    comment = first.startswith(_COMMENTS)
    if not (comment or titled):
        return None
    at = next((number for number, row in rows[1:] if len(row) == usual and any(row[1:])), 0)
    what = "a comment" if comment else "no list of names"
    which = "line 1 is" if at == 2 else f"lines 1 to {at - 1} are"
    return (
        f"{which} {what} ({_short(first)!r}), line {at} has {usual} columns: take out what stands "
        "above the names"
    )


def _at_the_ends(rows: list[tuple[int, list[str]]]) -> str | None:
    """Detect rows with one column more than the header."""
    width = len(rows[0][1])
    others = [row for _, row in rows[1:]]
    if width < 2 or any(len(row) != width + 1 for row in others):
        return None
    if all(not row[-1].strip() for row in others):
        return (
            "each row ends with a separator and the header does not: take it off the rows, "
            "or put one behind the last name (init then leaves the empty column out)"
        )
    return (
        f"each row has {width + 1} columns, the header {width}: name the first column too, "
        "as R does with write.csv, or write the rows without their numbers"
    )


def _below_the_names(rows: list[tuple[int, list[str]]], lines: list[str]) -> str | None:
    """Detect a rule under the header, as database tools print, and repeated headers."""
    (_, names), *others = rows
    # A number is not a name: in a file without a header, equal rows are no fault.
    named = len(names) > 1 and not any(NUMBER.fullmatch(name.strip()) for name in names)
    for number, row in others:
        if named and row == names:
            return f"line {number} repeats the header: remove it"
    number, row = others[0]
    if len(row) == len(names) and all(re.fullmatch(r"\s*[-=:]{2,}\s*", cell) for cell in row):
        return f"line {number} underlines the names ({_short(lines[number - 1])!r}): take it out"
    return None


def _escaped(rows: list[tuple[int, list[str]]], lines: list[str]) -> str | None:
    width = len(rows[0][1])
    wrong = {number for number, row in rows if len(row) != width}
    for number, line in enumerate(lines, start=1):
        if '\\"' in line and (number in wrong or _ESCAPED.search(line)):
            return _backslash(number)
    return None


def _short(line: str) -> str:
    line = line.strip()
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _columns(row: list[str]) -> str:
    return "1 column" if len(row) == 1 else f"{len(row)} columns"


def _backslash(number: int) -> str:
    return (
        f'line {number} writes a quote inside a text as \\": write it twice (""), as Python\'s csv '
        "does with doublequote=True"
    )


def _rows(lines: list[str], separator: str) -> list[tuple[int, list[str]]]:
    """Return the rows that are not empty, each with the number of its last line."""
    reader = csv.reader(iter(lines), delimiter=separator)
    found = []
    try:
        for row in islice(reader, _LOOKED_AT):
            if row:
                found.append((reader.line_num, row))
    except csv.Error:
        pass
    return found


def _likely(lines: list[str]) -> str:
    """Return the separator that gives most rows the same width of at least two columns."""
    best, found = 0.0, ","
    for mark in ",;\t|":
        widths = Counter(len(row) for _, row in _rows(lines[:_LOOKED_AT], mark) if len(row) > 1)
        often = max(widths.values(), default=0)
        if often > best:
            best, found = often, mark
    return found
