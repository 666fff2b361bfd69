"""The record that a run of a change starts from, which is never the change's own.

It is the base's record, so that nothing in the change's `dvc.lock` is trusted. An earlier record of
the default branch also counts, so reverting a retraining trains nothing. If there already is a run
with equal inputs, nothing is run at all. If the policy or the merge queue says that the files were
made before, they are used as recorded, and the run does not count as one that made a model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.base import LOCK
from gatehouse.git import commit_of, file_at
from gatehouse.github.client import telling
from gatehouse.github.ended import QUEUE
from gatehouse.github.event import Run
from gatehouse.github.find_target import queued_pull
from gatehouse.github.made import Made, find_earlier, request_for
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.trusted.candidate import text_at
from gatehouse.trusted.commits import fetch
from gatehouse.trusted.past import recorded_lock
from gatehouse.typed import write_text

if TYPE_CHECKING:
    from github.Repository import Repository


def this_run(repository: Repository, number: int) -> Run:
    """Return the run that calls this function.

    Raises:
        GatehouseError: GitHub refused.
    """
    with telling("look up this run"):
        return Run.model_validate(repository.get_workflow_run(number).raw_data)


def lock_to_start_from(run: Run, root: Path) -> str | None:
    """Return the text of the `dvc.lock` that a run starts from, or None if it starts from nothing.

    Args:
        run: of the change.
        root: the checkout of the default branch's tip.

    Raises:
        GatehouseError: the head or the branch's history can't be fetched.
    """
    tip = commit_of("HEAD", root)
    own = text_at(fetch(run.head_sha, root), LOCK, root)
    if run.event == QUEUE or load_policy(root / POLICY_FILE).model == "recorded":
        return own
    base = file_at(tip, LOCK, root)
    return base if own == base else recorded_lock(own, root) or base


def earlier_run(repository: Repository, run: Run, root: Path, default: str) -> Made | None:
    """Return the earlier run whose candidate is used, or None if this run has to make its own.

    Args:
        repository: accessed with a token that may read actions, contents and pull requests.
        run: of the change.
        root: the checkout of the default branch's tip.
        default: the default branch.

    Raises:
        GatehouseError: GitHub refused.
    """
    fetch(run.head_sha, root)
    queued = queued_pull(run.head_branch) if run.event == QUEUE else None
    return find_earlier(request_for(repository, queued, run, default, root))


def start_run(repository: Repository, number: int, records: Path, root: Path, default: str) -> str:
    """Write the `dvc.lock` to start from into `records`.

    Args:
        repository: accessed with a token that may read actions, contents and pull requests.
        number: of this run.
        records: a checkout of the head, whose `dvc.lock` is replaced.
        root: the checkout of the default branch's tip.
        default: the default branch.

    Returns:
        The earlier run whose candidate is used, or an empty string.

    Raises:
        GatehouseError: GitHub refused, or a record is unreadable.
    """
    run = this_run(repository, number)
    earlier = earlier_run(repository, run, root, default)
    if earlier is not None:
        return str(earlier.run.id)
    (records / LOCK).unlink(missing_ok=True)  # it may be a link
    text = lock_to_start_from(run, root)
    if text is not None:
        write_text(records / LOCK, text)
    return ""
