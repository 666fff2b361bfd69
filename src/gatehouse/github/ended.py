"""The two runs of a change, *Pull request* and *Pipeline*, and whether both have ended.

Needs the standard library only, since gates.yml asks before any package is installed:

    PYTHONPATH=src python3 -m gatehouse.github.ended >>"$GITHUB_OUTPUT"
"""

from __future__ import annotations

import json
import os
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
QUEUE = "merge_group"

_TRIES = 5
_LOOKS = 4
"""An edited title starts a run that skips everything and ends within seconds: it is waited for."""
_PAUSE = 10.0
_YOUNG = timedelta(seconds=45)

RunFacts = Mapping[str, Any]
"""A workflow run as GitHub's API and webhooks describe it."""


def newest_runs(runs: Iterable[RunFacts], run: RunFacts) -> dict[str, RunFacts]:
    """The newest run of each of the two workflows, by the workflow's file.

    Runs that skipped everything count for nothing: an edited title starts such runs.

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
            and each.get("conclusion") != "skipped"
            and (path not in found or each["id"] > found[path]["id"])
        ):
            found[path] = each
    return found


def path_of(run: RunFacts) -> str:
    """The file of a run's workflow; GitHub may add `@` and a ref."""
    return str(run.get("path") or "").partition("@")[0]


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


def main() -> int:
    """Print, as an output of a workflow's step, whether Gates has anything to judge yet."""
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
        run = event["workflow_run"]
        found = newest_runs(_runs_of(str(run["head_sha"])), run)
        looks = 1
        while looks < _LOOKS and _new_one_runs(found):
            time.sleep(_PAUSE)
            found = newest_runs(_runs_of(str(run["head_sha"])), run)
            looks += 1
    except (GatehouseError, KeyError, OSError, ValueError) as error:
        print(f"error: the runs of this commit can't be listed ({error})", file=sys.stderr)
        return 2
    print(f"ended={'true' if both_ended(found) else 'false'}")
    return 0


def _runs_of(commit: str) -> list[RunFacts]:
    """The 100 newest runs of a commit."""
    address = (
        f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
        f"/actions/runs?head_sha={commit}&per_page=100"
    )
    request = urllib.request.Request(  # noqa: S310 - GitHub's own address, from the runner
        address,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        },
    )
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                found: list[RunFacts] = json.load(answer)["workflow_runs"]
                return found
        except urllib.error.HTTPError as error:
            if error.code < 500 or not left:
                raise GatehouseError(f"GitHub answers {error.code}") from None
        except OSError:
            if not left:
                raise
        time.sleep(0.5 * 2 ** (_TRIES - left))
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main())
