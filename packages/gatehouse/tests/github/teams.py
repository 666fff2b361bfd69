"""The organization's teams, as far as they are asked for: who is in one."""

from __future__ import annotations

import re

from tests.github import views
from tests.github.routing import RefusedError, Reply, Request, page
from tests.github.state import State


def answer_teams(state: State, request: Request, path: str) -> Reply:
    """The members of a team; a workflow's own token can hold no grant for them."""
    found = re.fullmatch(r"/orgs/([^/]+)/teams/([^/]+)/members", path)
    if found is None or request.method != "GET":
        raise RefusedError(501, f"the stand-in has no {request.method} {path}")
    if not request.token.may("members:read"):
        raise RefusedError(403, "Resource not accessible by integration")
    organization, slug = found.groups()
    if organization.lower() != state.owner.lower() or slug not in state.teams:
        raise RefusedError(404, "Not Found")
    return page(request, [views.user(login) for login in state.teams[slug]], None, state.url)
