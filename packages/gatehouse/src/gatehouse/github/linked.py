"""The report as a comment shows it: with links into the repository, and the recorded picture."""

from __future__ import annotations

from dataclasses import replace

from gatehouse.github.client import setting
from gatehouse.github.compose import picture_at
from gatehouse.report.context import ReportContext
from gatehouse.report.links import links_at
from gatehouse.report.markdown import render_report


def linked_report(
    context: ReportContext, base: str, policy: str | None, recorded: str | None
) -> str:
    """The report as Markdown for a comment.

    Args:
        context: of the report.
        base: the commit whose policy decided.
        policy: the text of that policy; None where it has none.
        recorded: the commit that has the picture; None where none has, so that bars of text stand
            in for it.
    """
    server, repository = setting("GITHUB_SERVER_URL"), setting("GITHUB_REPOSITORY")
    picture = picture_at(server, repository, recorded) if recorded else None
    links = links_at(server, repository, base, policy)
    return render_report(replace(context, links=links, picture=picture))
