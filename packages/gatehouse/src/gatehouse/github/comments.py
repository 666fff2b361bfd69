"""Comments of a pull request that contain commands for the gates, and whether each may count.

A comment counts only as it was first written. Writers can edit the comments of others, including
bots', so an edited comment does not count, nor does one that an app wrote in a user's name. REST
provides the author and the app, and GraphQL whether it was edited. Both must return the same text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.acceptance.command import Command, is_command, parse_command
from gatehouse.errors import GatehouseError
from gatehouse.github.client import telling

if TYPE_CHECKING:
    from github.Repository import Repository

MOST = 5_000
"""Maximum number of comments to read."""

QUERY = """\
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { fullDatabaseId body lastEditedAt author { login __typename } editor { login } }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class GateComment:
    """A comment that begins with `/gatehouse `.

    Attributes:
        pull: the pull request's number.
        comment: its number; a later one has a higher number.
        login: the author, without @; empty if the account was deleted.
        command: the command; None if it can't be parsed.
        problem: why it does not count; None if it may.
    """

    pull: int
    comment: int
    login: str
    command: Command | None
    problem: str | None


def read_commands(repository: Repository, number: int) -> tuple[GateComment, ...]:
    """Read the commands in the comments of pull request `number`, oldest first.

    Raises:
        GatehouseError: there are too many comments, or GitHub refused.
    """
    with telling("read the comments of the pull request"):
        listed = repository.get_pull(number).get_issue_comments()
        if listed.totalCount > MOST:
            raise GatehouseError(
                f"the pull request has more than {MOST:,} comments; open another one"
            )
        found = [each.raw_data for each in listed if is_command(each.body or "")]
        seen = _by_graphql(repository, number) if found else {}
    return tuple(
        sorted(
            (_comment_of(number, each, seen.get(each["id"])) for each in found),
            key=lambda s: s.comment,
        )
    )


def _comment_of(number: int, rest: dict[str, Any], seen: dict[str, Any] | None) -> GateComment:
    user = rest.get("user") or {}
    login = str(user.get("login") or "")
    command, problem = None, _problem(rest, user, seen)
    try:
        command = parse_command(rest["body"])
    except GatehouseError as error:
        problem = problem or str(error)
    return GateComment(number, rest["id"], login, command, problem)


def _problem(rest: dict[str, Any], user: dict[str, Any], seen: dict[str, Any] | None) -> str | None:
    """Return why a comment does not count, whatever its text."""
    if user.get("type") != "User":
        return "only a user's comment counts, not a bot's or one whose account is gone"
    if rest.get("performed_via_github_app") is not None:
        return "an app wrote it in the user's name; write it on GitHub's page"
    if seen is None:
        return "GitHub does not say whether it was edited; write it again"
    if seen["lastEditedAt"] is not None or seen["editor"] is not None:
        return "it was edited; write a new comment"
    author = seen["author"] or {}
    same = (author.get("__typename"), author.get("login")) == ("User", user.get("login"))
    if not same or seen["body"] != rest["body"]:
        return "GitHub says two things of it; write it again"
    return None


def _by_graphql(repository: Repository, number: int) -> dict[int, dict[str, Any]]:
    """Return GraphQL's data on each comment, by its number."""
    owner, _, name = repository.full_name.partition("/")
    variables: dict[str, Any] = {"owner": owner, "name": name, "number": number, "after": None}
    found: dict[int, dict[str, Any]] = {}
    for _ in range(MOST // 100 + 1):
        _, answer = repository.requester.graphql_query(QUERY, variables)
        page = answer["data"]["repository"]["pullRequest"]["comments"]
        found |= {int(each["fullDatabaseId"]): each for each in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    return found
