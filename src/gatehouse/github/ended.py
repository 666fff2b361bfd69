"""The two runs of a change, *Pull request* and *Pipeline*, and whether both have ended.

Needs the standard library only, since gates.yml asks before any package is installed:

    PYTHONPATH=src python3 -m gatehouse.github.ended >>"$GITHUB_OUTPUT"
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
"""Runs a stranger's commit that a maintainer names: *Run for this commit*."""
QUEUE = "merge_group"
HELD = "action_required"
"""Conclusion of a run that waits for a maintainer's approval: of an outsider's change, and of what
a workflow's own token pushed. GitHub calls it completed, though nothing ran yet."""

_NAMED = re.compile(r"Run for commit ([0-9a-f]{40})")
"""`run-name` of that workflow. Nobody but whoever starts a run chooses it."""
_TRIES = 5
_LOOKS = 4
"""An edited title starts a run that skips everything and ends within seconds, and GitHub may list
the run that cancelled another one a moment later: both are waited for."""
_PAUSE = 10.0
_YOUNG = timedelta(seconds=45)

RunFacts = Mapping[str, Any]
"""A workflow run as GitHub's API and webhooks describe it."""


def newest_runs(runs: Iterable[RunFacts], run: RunFacts) -> dict[str, RunFacts]:
    """The newest run of each of the two workflows, by the workflow's file.

    Runs that skipped everything count for nothing: an edited title starts such runs. Nor do those
    that wait for an approval: beside one that ran they bring nothing new, and alone they have not
    ended.

    Args:
        runs: of the head commit.
        run: of the event; the others must be of the same branch and repository, and be of the merge
            queue if it is.
    """
    found: dict[str, RunFacts] = {}
    for each in runs:
        path = path_of(each)
        if (
            path in (CHECKS, PIPELINE)
            and _place(each) == _place(run)
            and each.get("conclusion") not in ("skipped", HELD)
            and (path not in found or each["id"] > found[path]["id"])
        ):
            found[path] = each
    return found


def path_of(run: RunFacts) -> str:
    """The file of a run's workflow; GitHub may add `@` and a ref."""
    return str(run.get("path") or "").partition("@")[0]


def named_commit(run: RunFacts, here: str, default: str) -> str | None:
    """The commit that a maintainer named when they started a run; None if the run is no such one.

    The run's title says so, which the default branch's workflow makes of what the maintainer typed.

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
    """Of the runs of a commit, the newest one of *Pipeline* that a pull request started."""
    found = [
        run
        for run in runs
        if path_of(run) == PIPELINE
        and run.get("event") == "pull_request"
        and run.get("conclusion") != "skipped"
    ]
    return max(found, key=lambda run: run["id"], default=None)


def both_ended(runs: Mapping[str, RunFacts]) -> bool:
    """Has the newest run of each of the two workflows ended?"""
    return {CHECKS, PIPELINE} == {
        path for path, run in runs.items() if run.get("status") == "completed"
    }


def _place(run: RunFacts) -> tuple[Any, ...]:
    repository = run.get("head_repository") or {}
    return (
        run.get("head_sha"),
        run.get("head_branch"),
        repository.get("full_name"),
        run.get("event") == QUEUE,
    )


def _new_one_runs(runs: Mapping[str, RunFacts]) -> bool:
    """Did a run begin a moment ago, which may be one that skips everything?"""
    began = [
        datetime.fromisoformat(str(run["created_at"]))
        for run in runs.values()
        if run.get("status") != "completed"
    ]
    return bool(began) and datetime.now(UTC) - max(began) < _YOUNG


def _unsettled(runs: Mapping[str, RunFacts], run: RunFacts) -> bool:
    """May the list say something else in a moment?"""
    cancelled = run.get("conclusion") == "cancelled" and not _replaced(runs, run)
    return cancelled or _new_one_runs(runs)


def _replaced(runs: Mapping[str, RunFacts], run: RunFacts) -> bool:
    """Was the run cancelled, and has its workflow a newer one, which speaks for itself?"""
    newest = runs.get(path_of(run))
    return run.get("conclusion") == "cancelled" and newest is not None and newest["id"] > run["id"]


def main() -> int:
    """Print, as outputs of a workflow's step, what is judged and whether there is anything yet."""
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        run = _judged_run(event)
        found: dict[str, RunFacts] = {}
        looks = 0
        while run is not None and (not looks or (looks < _LOOKS and _unsettled(found, run))):
            time.sleep(_PAUSE if looks else 0)
            found = newest_runs(_runs_of(str(run["head_sha"])), run)
            looks += 1
        ended = (
            run is not None
            and not _replaced(found, run)
            and (both_ended(found) or _never_comes(found, run))
        )
    except (GatehouseError, KeyError, OSError, ValueError) as error:
        print(f"error: the runs of this commit can't be listed ({error})", file=sys.stderr)
        return 2
    print(f"ended={'true' if ended else 'false'}")
    if run is not None:
        repository = (run.get("head_repository") or {}).get("full_name")
        print(f"commit={run['head_sha']}")
        print(f"branch={repository}-{run.get('head_branch')}")  # no ref's name has a line break
    return 0


def _judged_run(event: Mapping[str, Any]) -> RunFacts | None:
    """The run that ended, or that of the commit which a maintainer named; None: there is none."""
    run: RunFacts = event["workflow_run"]
    if path_of(run) != NAMED:
        return run
    repository = event["repository"]
    commit = named_commit(run, repository["full_name"], repository["default_branch"])
    if commit is None or run.get("conclusion") != "success":
        return None
    return own_run(_runs_of(commit))


def _never_comes(runs: Mapping[str, RunFacts], run: RunFacts) -> bool:
    """Has one of the two ended, and the other no run since the change takes its file away?"""
    (ended, *others) = runs.values() if runs else (None,)
    if ended is None or others or ended.get("status") != "completed":
        return False
    (missing,) = {CHECKS, PIPELINE} - set(runs)
    return not _has_file(str(run["head_sha"]), missing)


def _runs_of(commit: str) -> list[RunFacts]:
    """The 100 newest runs of a commit."""
    answer = _ask(f"actions/runs?head_sha={commit}&per_page=100")
    found: list[RunFacts] = (answer or {})["workflow_runs"]
    return found


def _has_file(commit: str, path: str) -> bool:
    """Does a commit have a file?"""
    return _ask(f"contents/{path}?ref={commit}") is not None


def _ask(what: str) -> dict[str, Any] | None:
    """What GitHub says of a part of this repository; None where there is no such thing."""
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
