"""GraphQL, as far as it is asked: whether the comments of a pull request were edited."""

from __future__ import annotations

import re
from typing import Any

from tests.github.routing import Reply, Request
from tests.github.state import Comment, State, now

PAGE = 100
# The fields of GitHub's schema that may be asked for; another is an error there too.
_KNOWN = {
    "query", "String", "Int", "repository", "pullRequest", "comments", "pageInfo", "hasNextPage",
    "endCursor", "nodes", "fullDatabaseId", "body", "lastEditedAt", "author", "editor", "login",
    "__typename", "owner", "name", "number", "first", "after", "100",
}  # fmt: skip


def answer_graphql(state: State, request: Request) -> Reply:
    """The answer to one query; errors come with the status 200, as GitHub's do."""
    if not request.token.may("pull_requests:read"):
        return _errors("FORBIDDEN", "Resource not accessible by integration")
    query, given = str(request.body["query"]), dict(request.body.get("variables") or {})
    unknown = sorted(set(re.findall(r"\w+", query)) - _KNOWN)
    if unknown or query.count("{") != query.count("}"):
        return _errors("undefinedField", f"Field '{unknown[:1]}' doesn't exist")
    if set(given) != {"owner", "name", "number", "after"} or not isinstance(given["number"], int):
        return _errors("VARIABLES", "Variables are missing or of another type")
    if f"{given['owner']}/{given['name']}" != state.full_name or (
        given["number"] not in state.pulls
    ):
        return _errors("NOT_FOUND", "Could not resolve to a PullRequest")
    start = int(given["after"] or 0)
    every = [each for each in state.comments if each.number == given["number"]]
    page = every[start : start + PAGE]
    return Reply(
        body={
            "data": {
                "repository": {
                    "pullRequest": {
                        "comments": {
                            "pageInfo": {
                                "hasNextPage": start + PAGE < len(every),
                                "endCursor": str(start + PAGE),
                            },
                            "nodes": [_node(each) for each in page],
                        }
                    }
                }
            }
        }
    )


def _node(it: Comment) -> dict[str, Any]:
    kind = it.login_type or ("Bot" if it.login.endswith("[bot]") else "User")
    author = {"login": it.login.removesuffix("[bot]"), "__typename": kind}
    return {
        "fullDatabaseId": str(it.id),
        "body": it.body,
        "lastEditedAt": now() if it.edits else None,
        "author": author if it.login else None,
        "editor": {"login": it.editor} if it.editor else None,
    }


def _errors(kind: str, message: str) -> Reply:
    return Reply(body={"data": None, "errors": [{"type": kind, "message": message}]})
