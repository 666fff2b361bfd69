"""Who may accept a failure of a pull request: an owner who is not involved in the change."""

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
"""Maximum number of a pull request's commits whose runs are looked up; the API lists 250."""


@dataclass(frozen=True)
class Acceptors:
    """The users who may accept, by the base. Logins are in lower case, with @.

    Attributes:
        policy: of the base.
        owners: users who own policy.yaml, directly or through a team whose members could be read.
        unread: why the members of an owning team do not count, by team.
        solo: whether users may accept their own changes.
    """

    policy: Policy
    owners: frozenset[str]
    unread: Mapping[str, str]
    solo: bool

    def owns(self, login: str, rules: Iterable[str]) -> bool:
        """Return whether this user may accept these rules if not involved in the change."""
        return all(f"@{login.lower()}" in self._of(rule) for rule in rules)

    def why_not(self, login: str, rules: Iterable[str], involved: Container[str]) -> str | None:
        """Return why a user's acceptance of these rules does not count, or None if it does.

        Args:
            login: without @.
            rules: their names.
            involved: users involved in the change.
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
        """List the teams whose members do not count, with the reasons."""
        return [f"nobody of {team} counts: {why}" for team, why in self.unread.items()]

    def _of(self, rule: str) -> frozenset[str]:
        known = self.policy.rules.get(rule)
        if known is None or known.accept == "never":
            return frozenset()
        return self.owners if known.accept is None else _lower(known.accept)


def find_acceptors(
    policy: Policy, codeowners: str | None, read: Callable[[Iterable[str]], Teams]
) -> Acceptors:
    """Find who may accept.

    Args:
        policy: of the base.
        codeowners: text of the base's CODEOWNERS, or None.
        read: returns the members of teams, which are named as in CODEOWNERS.
    """
    rules = parse(codeowners or "")
    named = [each for each in owners_of(rules, POLICY_FILE.as_posix()) if each != PLACEHOLDER]
    users = _lower(each for each in named if is_user(each))
    teams = read(each for each in named if not is_user(each))
    everyone = {each.lower() for rule in rules for each in rule.owners}
    solo = is_alone(everyone) if policy.solo is None else policy.solo
    return Acceptors(policy, users | teams.members, teams.unread, solo)


def is_user(owner: str) -> bool:
    """Return whether an owner in CODEOWNERS is a single user."""
    return owner.startswith("@") and "/" not in owner and owner != PLACEHOLDER


def is_alone(owners: Iterable[str]) -> bool:
    """Return whether all owners of a repository's files are the same single user."""
    everyone = {each.lower() for each in owners}
    return len(everyone) == 1 and is_user(*everyone)


def find_involved(repository: Repository, number: int) -> frozenset[str]:
    """Find who opened, authored, pushed or started pull request `number`: lower case, with @.

    Args:
        repository: accessed with a token that may read actions and pull requests.
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
        # The workflow opened the pull request, but whoever started the workflow wanted this model.
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
