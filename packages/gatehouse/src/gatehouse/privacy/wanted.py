"""Which logged rows to erase: by key, by request, by age."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_TIME = re.compile(rb'"time": ?"([^"\\]{10,40})"')
_IN_NAME = rb"[A-Za-z0-9._:-]"


@dataclass(frozen=True)
class Wanted:
    """The rows to erase: those for which any of these is true."""

    pseudonyms: frozenset[str] = frozenset()
    request_ids: frozenset[str] = frozenset()
    before: datetime | None = None


class Lines:
    """Decides which lines of one file, in their order, are to be erased."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._names = [name.encode() for name in wanted.pseudonyms | wanted.request_ids]
        any_of = b"|".join(map(re.escape, self._names))
        self._whole_name = re.compile(rb"(?<!%b)(?:%b)(?!%b)" % (_IN_NAME, any_of, _IN_NAME))
        self._latest: datetime | None = None
        self.undated = 0

    def wants(self, line: bytes) -> bool:
        """Return whether to erase the line; a blank one already was."""
        named = any(name in line for name in self._names)
        if (not named and self.wanted.before is None) or line.isspace():
            return False
        record = _record(line)
        if record is None:
            # If a line is cut short or merged with another, only its text can tell.
            return (named and self._whole_name.search(line) is not None) or self._is_old(line)
        return (
            record["request_id"] in self.wanted.request_ids
            or record.get("key") in self.wanted.pseudonyms
            or self._is_before(moment(record["time"]))
        )

    def _is_old(self, line: bytes) -> bool:
        """Judge by the time in a broken line, or else by that of the previous line."""
        if self.wanted.before is None:
            return False
        match = _TIME.search(line)
        found = moment(match[1].decode(errors="replace")) if match else None
        if found is None and self._latest is None:
            self.undated += 1
        return self._is_before(found)

    def _is_before(self, found: datetime | None) -> bool:
        self._latest = found or self._latest
        before = self.wanted.before
        return before is not None and self._latest is not None and self._latest < before


def _record(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, or None if it is not a record or lacks an identifier."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    names = ("time", "request_id")
    if not isinstance(record, dict) or not all(isinstance(record.get(n), str) for n in names):
        return None
    return record if isinstance(record.get("key", ""), str) else None


def moment(value: Any) -> datetime | None:
    """Return a datetime or ISO 8601 text as a time, in UTC if it has no zone; None if invalid."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
