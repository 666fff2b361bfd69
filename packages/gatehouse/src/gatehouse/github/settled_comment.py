"""The gates' comment on a recomputed answer."""

from __future__ import annotations

from gatehouse.github.client import app_sets_status, here, setting
from gatehouse.github.compose import Surroundings, answer_comment
from gatehouse.github.linked import linked_report
from gatehouse.github.recompute import Recomputed


def settled_comment(
    again: Recomputed, pull: int, head: str, pictured: str | None, *, recorded: bool
) -> str:
    """Return the rewritten comment as Markdown.

    Args:
        again: the recomputed answer.
        pull: number of the pull request.
        head: the commit that the comment describes.
        pictured: the commit that contains the image; None if none does.
        recorded: whether the branch has a new commit, which its author must pull.
    """
    server, name = setting("GITHUB_SERVER_URL"), setting("GITHUB_REPOSITORY")
    around = Surroundings(
        commit=head,
        run=f"{server}/{name}/pull/{pull}/checks",
        run_here=here(),
        owned=again.basis.owned,
        recorded=recorded,
        training=again.basis.training,
        offers=again.offers,
        app=app_sets_status(),
    )
    context = again.context(f"[the run's artifacts]({here()})")
    report = linked_report(context, again.basis.base, again.policy, pictured)
    problems = [*again.problems, *again.unrecorded]
    return answer_comment(report, problems, around, again.accepted.answers)
