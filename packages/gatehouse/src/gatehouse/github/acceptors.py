"""Who may accept a failure of a pull request: an owner who has no part in the change."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.codeowners import OWNERS_FILE, owners_of, parse
from gatehouse.errors import GatehouseError
from gatehouse.github.client import branch_here, telling
from gatehouse.github.retraining import retraining_run
from gatehouse.github.runs import named_runs
from gatehouse.github.teams import Teams
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
        owners: users who own policy.yaml, by themselves or in a team that could be read.
        unread: why the members of a team that owns it do not count, by the team.
        solo: may somebody accept a change of their own?
    """

    policy: Policy
    owners: frozenset[str]
    unread: Mapping[str, str]
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
            more = "".join(f"; {text}" for text in self.unread_teams())
            return (
                f"@{login} is neither an owner of {POLICY_FILE} in the base's {OWNERS_FILE} nor "
                f"named by the rule's accept{more}"
            )
        if f"@{login.lower()}" in involved and not self.solo:
            return f"@{login} opened, authored, pushed or started this change; ask another owner"
        return None

    def unread_teams(self) -> list[str]:
        """Whose members do not count, and why, in words."""
        return [f"nobody of {team} counts: {why}" for team, why in self.unread.items()]

    def _of(self, rule: str) -> frozenset[str]:
        known = self.policy.rules.get(rule)
        if known is None or known.accept == "never":
            return frozenset()
        return self.owners if known.accept is None else _lower(known.accept)


def find_acceptors(
    policy: Policy, codeowners: str | None, read: Callable[[Iterable[str]], Teams]
) -> Acceptors:
    """Who may accept.

    Args:
        policy: of the base.
        codeowners: text of the base's CODEOWNERS, or None.
        read: finds the members of teams, as CODEOWNERS names these.
    """
    rules = parse(codeowners or "")
    named = [each for each in owners_of(rules, POLICY_FILE.as_posix()) if each != PLACEHOLDER]
    users = _lower(each for each in named if is_user(each))
    teams = read(each for each in named if not is_user(each))
    everyone = {each.lower() for rule in rules for each in rule.owners}
    solo = is_alone(everyone) if policy.solo is None else policy.solo
    return Acceptors(policy, users | teams.members, teams.unread, solo)


def is_user(owner: str) -> bool:
    """Does an owner's name in CODEOWNERS stand for one user?"""
    return owner.startswith("@") and "/" not in owner and owner != PLACEHOLDER


def is_alone(owners: Iterable[str]) -> bool:
    """Do all the owners of a repository's files come down to one user?"""
    everyone = {each.lower() for each in owners}
    return len(everyone) == 1 and is_user(*everyone)


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
        # Its pull request is the workflow's; who started it wanted this model.
        if retraining := retraining_run(repository, branch_here(repository, pull.head)):
            people += [retraining.actor, retraining.triggering_actor]
        default = repository.default_branch
    shas = {commit.sha for commit in commits}
    started = [
        run[role]["login"]
        for run, commit in named_runs(repository, default)
        if commit in shas
        for role in ("actor", "triggering_actor")
        if run.get(role)
    ]
    logins = [*started, *(each.login for each in people if _has_login(each))]
    return _lower(f"@{login}" for login in logins)


def _has_login(user: NamedUser | None) -> bool:
    return user is not None and bool(user.login)


def _lower(names: Iterable[str]) -> frozenset[str]:
    return frozenset(each.lower() for each in names)
