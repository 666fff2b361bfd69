"""The two runs of a change, *Pull request* and *Pipeline*: which has ended, and what happens next.

When *Pipeline* ends, the commit can be judged. When *Pull request* ends, its status can be set from
the verdict, the checks and the tests if the verdict exists. Whichever run ends last sets the
status.

This module needs only the standard library, because gates.yml runs it before any package is
installed:

    PYTHONPATH=$(sh scripts/library.sh) python3 -m gatehouse.github.ended >>"$GITHUB_OUTPUT"
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError

CHECKS = ".github/workflows/pull-request.yml"
PIPELINE = ".github/workflows/pipeline.yml"
NAMED = ".github/workflows/commit.yml"
"""Runs an outsider's commit that a maintainer names: *Run for this commit*."""
QUEUE = "merge_group"
HELD = "action_required"
"""Conclusion of a run that waits for a maintainer's approval: for an outsider's change, or for
commits pushed with a workflow's own token. GitHub calls it completed, though nothing ran yet."""

_NAMED = re.compile(r"Run for commit ([0-9a-f]{40})")
"""`run-name` of that workflow. Only whoever starts a run can choose it."""
_TRIES = 5
_LOOKS = 4
"""Maximum number of times to list the runs. An edited title starts a run that skips everything and
ends within seconds, and GitHub may list the run that cancelled another one with a short delay: both
are waited for."""
_PAUSE = 10.0
_YOUNG = timedelta(seconds=45)

RunFacts = Mapping[str, Any]
"""A workflow run as GitHub's API and webhooks describe it."""


def newest_of(path: str, runs: Iterable[RunFacts]) -> RunFacts | None:
    """Return the newest run of a workflow.

    Runs that skipped everything are ignored: an edited title starts such runs. Runs that wait for
    an approval are ignored too: next to a run that ran they add nothing, and alone they have not
    ended.

    Args:
        path: the workflow's file.
        runs: of one commit and branch.
    """
    found = [
        run
        for run in runs
        if path_of(run) == path and run.get("conclusion") not in ("skipped", HELD)
    ]
    return max(found, key=lambda run: run["id"], default=None)


def newest_runs(runs: Iterable[RunFacts], run: RunFacts) -> dict[str, RunFacts]:
    """Return the newest run of each of the two workflows, by the workflow's file.

    Args:
        runs: of the head commit.
        run: of the event; the others must be of the same branch and repository, and be of the merge
            queue if it is.
    """
    here = [each for each in runs if _place(each) == _place(run)]
    found = {path: newest_of(path, here) for path in (CHECKS, PIPELINE)}
    return {path: each for path, each in found.items() if each is not None}


def path_of(run: RunFacts) -> str:
    """Return the file of a run's workflow; GitHub may append `@` and a ref."""
    return str(run.get("path") or "").partition("@")[0]


def named_commit(run: RunFacts, here: str, default: str) -> str | None:
    """Return the commit that a maintainer named when starting a run, or None for other runs.

    The commit is in the run's title, which the default branch's workflow makes from the
    maintainer's input.

    Args:
        run: of any workflow.
        here: owner/name of this repository.
        default: the default branch.
    """
    repository = run.get("head_repository") or {}
    found = _NAMED.fullmatch(str(run.get("display_title") or ""))
    ours = (repository.get("full_name"), run.get("head_branch")) == (here, default)
    if path_of(run) != NAMED or run.get("event") != "workflow_dispatch" or not ours:
        return None
    return found[1] if found else None


def own_run(runs: Iterable[RunFacts]) -> RunFacts | None:
    """Return the newest run of *Pipeline* that a pull request started, among a commit's runs."""
    found = [
        run
        for run in runs
        if path_of(run) == PIPELINE
        and run.get("event") == "pull_request"
        and run.get("conclusion") != "skipped"
    ]
    return max(found, key=lambda run: run["id"], default=None)


def has_ended(run: RunFacts | None) -> bool:
    """Return whether there is a run and it has ended."""
    return run is not None and run.get("status") == "completed"


def _place(run: RunFacts) -> tuple[Any, ...]:
    repository = run.get("head_repository") or {}
    return (
        run.get("head_sha"),
        run.get("head_branch"),
        repository.get("full_name"),
        run.get("event") == QUEUE,
    )


def _looks(runs: Mapping[str, RunFacts], run: RunFacts) -> int:
    """Return how often to list the runs, as the list may change within moments."""
    if run.get("conclusion") == "cancelled" and not _replaced(runs, run):
        return 2  # the run that cancelled it started before this one ended
    workflows = (PIPELINE,) if path_of(run) == PIPELINE else (CHECKS, PIPELINE)
    began = [
        datetime.fromisoformat(str(runs[path]["created_at"]))
        for path in workflows
        if path in runs and not has_ended(runs[path])
    ]
    young = bool(began) and datetime.now(UTC) - max(began) < _YOUNG
    return _LOOKS if young else 1


def _replaced(runs: Mapping[str, RunFacts], run: RunFacts) -> bool:
    """Return whether the run was cancelled and replaced by a newer run of its workflow."""
    newest = runs.get(path_of(run))
    return run.get("conclusion") == "cancelled" and newest is not None and newest["id"] > run["id"]


def main() -> int:
    """Print, as outputs of a workflow step, what to do on which commit."""
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        run = _judged_run(event)
        found: dict[str, RunFacts] = {}
        looks = 0
        while run is not None and looks < _looks(found, run):
            time.sleep(_PAUSE if looks else 0)
            found = newest_runs(_runs_of(str(run["head_sha"])), run)
            looks += 1
        judge, settle = (False, False) if run is None else _what_to_do(found, run)
    except (GatehouseError, KeyError, OSError, ValueError) as error:
        print(f"error: the runs of this commit can't be listed ({error})", file=sys.stderr)
        return 2
    print(f"judge={'true' if judge else 'false'}")
    print(f"settle={'true' if settle else 'false'}")
    if run is not None:
        repository = (run.get("head_repository") or {}).get("full_name")
        print(f"commit={run['head_sha']}")
        print(f"branch={repository}-{run.get('head_branch')}")  # ref names have no line breaks
    return 0


def _what_to_do(runs: Mapping[str, RunFacts], run: RunFacts) -> tuple[bool, bool]:
    """Return whether to judge the commit now, and whether to settle an existing verdict.

    Settling combines a verdict with the results of its checks.

    Args:
        runs: the newest run of each of the two workflows.
        run: the run that ended; for a named commit, the change's own run of *Pipeline*.
    """
    if _replaced(runs, run):
        return False, False
    pipeline = runs.get(PIPELINE)
    if path_of(run) == PIPELINE:
        return has_ended(pipeline), False
    if not has_ended(runs.get(CHECKS)):
        return False, False
    # If the change deletes the workflow's file, no run of it will ever end.
    never = pipeline is None and not _has_file(str(run["head_sha"]), PIPELINE)
    return never, has_ended(pipeline)


def _judged_run(event: Mapping[str, Any]) -> RunFacts | None:
    """Return the run that ended, or the run of the commit that a maintainer named, if any."""
    run: RunFacts = event["workflow_run"]
    if path_of(run) != NAMED:
        return run
    repository = event["repository"]
    commit = named_commit(run, repository["full_name"], repository["default_branch"])
    if commit is None or run.get("conclusion") != "success":
        return None
    return own_run(_runs_of(commit))


def _runs_of(commit: str) -> list[RunFacts]:
    """Return the 100 newest runs of a commit."""
    answer = _ask(f"actions/runs?head_sha={commit}&per_page=100")
    found: list[RunFacts] = (answer or {})["workflow_runs"]
    return found


def _has_file(commit: str, path: str) -> bool:
    """Return whether a commit contains a file."""
    return _ask(f"contents/{path}?ref={commit}") is not None


def _ask(what: str) -> dict[str, Any] | None:
    """Return GitHub's data on a resource of this repository, or None if it does not exist."""
    request = urllib.request.Request(  # noqa: S310 - GitHub's own address, from the runner
        f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/{what}",
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        },
    )
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            if error.code < 500 or not left:
                raise GatehouseError(f"GitHub answers {error.code}") from None
        except OSError:
            if not left:
                raise
        time.sleep(0.5 * 2 ** (_TRIES - left))
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main())
