"""Errors planted in the stand-in for GitHub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

RESET = 0


@dataclass
class Fault:
    """The next `times` calls of a method whose path matches are answered so.

    Attributes:
        method: such as "POST"; "*" is any.
        path: a regular expression, searched in the path with its query.
        status: the HTTP status; RESET cuts the connection without an answer.
        times: how many calls are still to fail.
        headers: of the answer, such as {"Retry-After": "1"}.
        after: whether the call does its work before it is answered so, as where an answer is lost.
    """

    method: str
    path: str
    status: int
    times: int
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False

    def strikes(self, method: str, path: str) -> bool:
        """Whether this call is to fail; it is counted."""
        fits = self.method in ("*", method) and re.search(self.path, path) is not None
        if not fits or self.times < 1:
            return False
        self.times -= 1
        return True
