"""Requests, answers and routes of the stand-in for GitHub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.github.state import State, Token


@dataclass(frozen=True)
class Request:
    """A call whose token is known. `parts` are the variable parts of its path."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    token: Token
    parts: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        return int(self.parts[name])


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: the HTTP status.
        body: JSON values, or bytes as they are.
        headers: besides the usual ones.
        listed: for a list: all its items, of which one page is sent.
        key: the key that GitHub puts a list under, beside its total; None where it is bare.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    listed: list[Any] | None = None
    key: str | None = None


class RefusedError(Exception):
    """An error as GitHub answers it."""

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "status": str(status), **details}


Handler = Callable[["State", Request], Reply]


@dataclass(frozen=True)
class Route:
    """A path below /repos/OWNER/NAME, and what a token needs for it: one of `needs`."""

    method: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    handler: Handler


ROUTES: list[Route] = []

# Whole numbers are checked by the route, and refs and paths have slashes.
_KINDS = {"number": r"\d+", "id": r"\d+", "ref": r".+", "path": r".+"}


def route(method: str, template: str, *needs: str) -> Callable[[Handler], Handler]:
    """Register a handler, such as for ("GET", "/pulls/{number}", "pull_requests:read")."""
    pattern = re.sub(
        r"\\\{(\w+)\\\}",
        lambda found: f"(?P<{found[1]}>{_KINDS.get(found[1], '[^/]+')})",
        re.escape(template),
    )

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, re.compile(pattern), needs, handler))
        return handler

    return register


def page(request: Request, items: list[Any], key: str | None, url: str) -> Reply:
    """One page of a list, with the Link header that leads to the others."""
    size = min(int(request.query.get("per_page", "30")), 100)
    number = int(request.query.get("page", "1"))
    last = max(1, -(-len(items) // size))
    part = items[(number - 1) * size : number * size]
    others = {key: value for key, value in request.query.items() if key != "page"}

    def link(to: int, rel: str) -> str:
        query = "&".join(f"{key}={value}" for key, value in {**others, "page": to}.items())
        return f'<{url}{request.path}?{query}>; rel="{rel}"'

    links = []
    if number < last:
        links += [link(number + 1, "next"), link(last, "last")]
    if number > 1:
        links += [link(number - 1, "prev"), link(1, "first")]
    body = part if key is None else {"total_count": len(items), key: part}
    return Reply(body=body, headers={"Link": ", ".join(links)} if links else {})
