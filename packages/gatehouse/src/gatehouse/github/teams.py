"""Members of the teams that own the policy, if an App can read them.

A workflow's own token cannot list a team's members. The token of an App can, if the App may read
the organization's members. Without one, or if GitHub refuses, no member of the team counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gatehouse.errors import GatehouseError
from gatehouse.github.client import app_sets_status, connected, telling

TOKEN = "TEAMS_TOKEN"  # noqa: S105 - a variable's name
"""The App's token; empty without an App, or if it may not read members."""

_NOT_HERE = "this job cannot read who is in it; the job that sets the status can, if the App may"


@dataclass(frozen=True)
class Teams:
    """The members of some teams.

    Attributes:
        members: users in the teams that could be read, in lower case, with @.
        unread: why the members of a team do not count, by team.
    """

    members: frozenset[str]
    unread: Mapping[str, str]


def read_teams(teams: Iterable[str], owner: str) -> Teams:
    """Return the members of teams, including those of nested teams.

    Args:
        teams: as in CODEOWNERS, such as @octo/ml.
        owner: of the repository. On GitHub, only teams of this organization can own its files.
    """
    members: set[str] = set()
    unread: dict[str, str] = {}
    for team in teams:
        organization, _, slug = team.removeprefix("@").partition("/")
        if not team.startswith("@") or not slug:
            unread[team] = "it names neither a user nor a team"
        elif organization.lower() != owner.lower():
            unread[team] = "it belongs to another organization than the repository"
        elif not os.environ.get(TOKEN):
            unread[team] = _NOT_HERE if app_sets_status() else "no App reads who is in it"
        else:
            try:
                members |= _members(organization, slug)
            except GatehouseError as error:
                unread[team] = str(error)
    return Teams(frozenset(members), unread)


def _members(organization: str, slug: str) -> set[str]:
    with telling(f"list the members of @{organization}/{slug}"):
        team = connected(TOKEN).get_organization(organization).get_team_by_slug(slug)
        return {f"@{each.login.lower()}" for each in team.get_members()}
