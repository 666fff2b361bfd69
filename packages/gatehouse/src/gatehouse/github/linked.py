"""The report as shown in a comment: with links into the repository and the recorded image."""

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
    """Return the report as Markdown for a comment.

    Args:
        context: of the report.
        base: the commit whose policy decided.
        policy: the text of that policy; None if it has none.
        recorded: the commit that contains the image; if None, text bars replace the image.
    """
    server, repository = setting("GITHUB_SERVER_URL"), setting("GITHUB_REPOSITORY")
    picture = picture_at(server, repository, recorded) if recorded else None
    links = links_at(server, repository, base, policy)
    return render_report(replace(context, links=links, picture=picture))
