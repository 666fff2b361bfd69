"""One open issue while production fails: created, edited, closed; never duplicated or reopened.

The issue is identified by a hidden mark at the start of its text, and by its author.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.github import alarm_retrain
from gatehouse.github.alarm_text import (
    Memory,
    body,
    changed_comment,
    memory_in,
    passed_comment,
    title,
)
from gatehouse.github.client import here, telling
from gatehouse.github.monitor_result import Judged, MonitorResult, failing, undecided
from gatehouse.policy import Policy

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.NamedUser import NamedUser
    from github.Repository import Repository

LABEL = "gatehouse-monitor"


def tell(
    repository: Repository, look: MonitorResult, policy: Policy, data: str, author: str
) -> str:
    """Update the issue with the monitoring result, and start a retraining if needed.

    Args:
        repository: accessed with a token that may write issues, start workflows and read pull
            requests.
        look: the monitoring result.
        policy: of the default branch.
        data: the training data of a retraining; if empty, none is started.
        author: login that our token writes as; only its issues are touched.

    Returns:
        A description of what was done.

    Raises:
        GatehouseError: GitHub refused repeatedly. The call that starts the retraining is not
            retried.
    """
    with telling("look for the alarm's issue"):
        issue, open_memory = _one(repository, author)
    waiting = undecided(look, open_memory.failing, policy)
    failed = tuple(sorted(failing(look) | waiting))
    if isinstance(look, Judged) and not failed:
        if issue is None:
            return "production passes, and no alarm is open"
        with telling(f"close #{issue.number}"):
            issue.create_comment(passed_comment(look, here()))
            issue.edit(state="closed", state_reason="completed")
        return f"production passes: closed #{issue.number}"
    retrained = frozenset(open_memory.retrained) | _closed_memory(repository, policy, author)
    model = look.record.model if isinstance(look, Judged) else open_memory.model
    plan = alarm_retrain.plan(repository, look, policy, model, retrained, data)
    # Record the start before starting, and keep the record whatever GitHub answers: GitHub may have
    # started the retraining even if it answers with an error. One start too few is better than two.
    started = {model} if model and plan.start else set[str]()
    memory = Memory(model=model, failing=failed, retrained=tuple(sorted(retrained | started)))
    text = body(look, memory, waiting, plan.text, here())
    if issue is None:
        issue, done = _create(repository, title(look), text, author), "opened"
    else:
        _edit(issue, title(look), text)
        done = "edited"
        if set(failed) != set(open_memory.failing):
            with telling(f"comment on #{issue.number}"):
                issue.create_comment(changed_comment(look, open_memory.failing, failed, here()))
    if plan.start:
        try:
            alarm_retrain.start(data, issue.html_url)
        except GatehouseError:
            answer = alarm_retrain.may_have_started()
            _edit(issue, title(look), body(look, memory, waiting, answer, here()))
            raise
    also = "; a retraining was started" if plan.start else ""
    return f"production fails ({', '.join(failed)}): {done} #{issue.number}{also}"


def _one(repository: Repository, author: str) -> tuple[Issue | None, Memory]:
    """Return our open issue and its stored state; close all but the oldest if there are several.

    All open issues are searched, because a label can be removed.
    """
    listed = repository.get_issues(state="open", sort="created", direction="asc")
    ours = [(issue, memory) for issue in listed if (memory := _memory(issue, author))]
    if not ours:
        return None, Memory()
    (first, memory), *others = ours
    for issue, _ in others:
        issue.create_comment(f"The alarm is in #{first.number} already.")
        issue.edit(state="closed", state_reason="not_planned")
    known = {digest for _, each in ours for digest in each.retrained}
    return first, memory.model_copy(update={"retrained": tuple(sorted(known))})


def _closed_memory(repository: Repository, policy: Policy, author: str) -> frozenset[str]:
    """Return the models for which an earlier alarm started a retraining."""
    if not policy.monitor.retrain:
        return frozenset()
    with telling("look for earlier alarms"):
        closed = repository.get_issues(state="closed", labels=[LABEL])
        found = [memory for issue in closed if (memory := _memory(issue, author))]
    return frozenset(digest for memory in found for digest in memory.retrained)


def _memory(issue: Issue, author: str) -> Memory | None:
    user: NamedUser | None = issue.user  # None: the account was deleted
    return memory_in(issue.body) if user is not None and user.login == author else None


def _create(repository: Repository, name: str, text: str, author: str) -> Issue:
    with telling("open the alarm's issue"):
        made = repository.create_issue(name, text, labels=[LABEL])
        # The response to a first attempt may have been lost, so that two issues were opened.
        return _one(repository, author)[0] or made


def _edit(issue: Issue, name: str, text: str) -> None:
    with telling(f"edit #{issue.number}"):
        labels = dict.fromkeys([*(label.name for label in issue.labels), LABEL])
        issue.edit(title=name, body=text, labels=list(labels))
