"""Reasons to refuse a request: a status, a reason for the metrics, and the place of the error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

Reason = Literal[
    "method",
    "content_type",
    "encoding",
    "too_large",
    "too_slow",
    "not_json",
    "duplicate_key",
    "too_many_rows",
    "no_rows",
    "missing",
    "extra",
    "type",
    "range",
    "category",
]


LONGEST_POINTER = 1000
"""Maximum length in characters: errors repeat a client's own keys, but not megabytes of them."""


@dataclass(frozen=True)
class Problem:
    """A problem and its place: `pointer` is a JSON Pointer (RFC 6901) into the body."""

    pointer: str
    detail: str


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that cannot be answered, because of the client or because of a lack of capacity."""

    def __init__(
        self,
        status: int,
        detail: str,
        reason: Reason | None = None,
        problems: tuple[Problem, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason
        self.problems = problems
        self.headers = headers

    def body(self, request_id: str) -> bytes:
        """Return the answer's body: Problem Details (RFC 9457)."""
        body = {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "errors": [vars(problem) for problem in self.problems],
            "request_id": request_id,
        }
        return json.dumps(body).encode()


def pointer(*parts: str | int) -> str:
    """Return the JSON Pointer (RFC 6901) to a place, or to its parent if its name is very long."""
    written = ""
    for part in parts:
        step = "/" + str(part).replace("~", "~0").replace("/", "~1")
        if len(written) + len(step) > LONGEST_POINTER:
            break
        written += step
    return written
