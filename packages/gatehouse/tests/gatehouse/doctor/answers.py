"""What a login sees of GitHub: an answer under each path."""

from __future__ import annotations

from typing import Any

from gatehouse.github.settings_api import Call
from tests.github import openapi


class Answers:
    """GitHub's API, read only: what stands under a path, else 404."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def read(self, path: str) -> Any:
        if openapi.available():
            openapi.check_call("GET", f"/{path}")
        found = self.answers.get(path.partition("?")[0])
        if isinstance(found, Exception):
            raise found
        return found

    def write(self, call: Call) -> None:
        raise AssertionError(f"the doctor writes: {call}")
