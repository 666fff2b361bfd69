"""Who may accept a failure of a pull request: an owner who has no part in the change."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling
from gatehouse.github.owners import OWNERS_FILE, owners_of, parse
from gatehouse.ownership import PLACEHOLDER
from gatehouse.policy import POLICY_FILE, Policy

if TYPE_CHECKING:
    from github.NamedUser import NamedUser
    from github.Repository import Repository

COMMITS = 100
"""Commits of a pull request whose runs are looked up; GitHub's API lists 250 at most."""


@dataclass(frozen=True)
class Acceptors:
    """Who may accept, by the base. Logins are in lower case, with @.

    Attributes:
        policy: of the base.
        owners: users who own policy.yaml.
        teams: owners of policy.yaml that are no user, and therefore nobody here.
        solo: may somebody accept a change of their own?
    """

    policy: Policy
    owners: frozenset[str]
    teams: tuple[str, ...]
    solo: bool

    def owns(self, login: str, rules: Iterable[str]) -> bool:
        """May this user, whatever their part in the change, speak for each of these rules?"""
        return all(f"@{login.lower()}" in self._of(rule) for rule in rules)

    def why_not(self, login: str, rules: Iterable[str], involved: Container[str]) -> str | None:
        """Why a user's word on these rules does not count; None where it does.

        Args:
            login: without @.
            rules: their names.
            involved: who has a part in the change.
        """
        if not self.owns(login, rules):
            more = f"; {', '.join(self.teams)} is no user" if self.teams else ""
            return (
                f"@{login} is neither an owner of {POLICY_FILE} in the base's {OWNERS_FILE} nor "
                f"named by the rule's accept{more}"
            )
        if f"@{login.lower()}" in involved and not self.solo:
            return f"@{login} opened, authored, pushed or started this change; ask another owner"
        return None

    def _of(self, rule: str) -> frozenset[str]:
        known = self.policy.rules.get(rule)
        if known is None or known.accept == "never":
            return frozenset()
        return self.owners if known.accept is None else _lower(known.accept)


def find_acceptors(policy: Policy, codeowners: str | None) -> Acceptors:
    """Who may accept.

    Args:
        policy: of the base.
        codeowners: text of the base's CODEOWNERS, or None.
    """
    rules = parse(codeowners or "")
    named = owners_of(rules, POLICY_FILE.as_posix())
    users = _lower(each for each in named if _is_user(each))
    teams = tuple(each for each in named if not _is_user(each) and each != PLACEHOLDER)
    everyone = {each.lower() for rule in rules for each in rule.owners}
    alone = len(everyone) == 1 and everyone == users
    solo = alone if policy.solo is None else policy.solo
    return Acceptors(policy, users, teams, solo)


def find_involved(repository: Repository, number: int) -> frozenset[str]:
    """Who opened, authored, pushed or started pull request `number`: in lower case, with @.

    Args:
        repository: as a token that may read actions and pull requests sees it.
        number: of the pull request.

    Raises:
        GatehouseError: GitHub refused, or the change has too many commits.
    """
    with telling("look up who made the change"):
        pull = repository.get_pull(number)
        commits = list(pull.get_commits())
        if len(commits) > COMMITS:
            raise GatehouseError(
                f"the change has more than {COMMITS} commits, so who made it is not looked up; "
                "squash them"
            )
        people = [pull.user]
        for commit in commits:
            people += [commit.author, commit.committer]
            for run in repository.get_workflow_runs(head_sha=commit.sha):
                people += [run.actor, run.triggering_actor]
    return _lower(f"@{each.login}" for each in people if _has_login(each))


def _has_login(user: NamedUser | None) -> bool:
    return user is not None and bool(user.login)


def _is_user(owner: str) -> bool:
    return owner.startswith("@") and "/" not in owner and owner != PLACEHOLDER


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(each.lower() for each in names)
