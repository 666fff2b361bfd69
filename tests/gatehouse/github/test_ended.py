"""Attacks the wait for both workflows: a run that ends first, is old, or is another's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.gatehouse.github.hub import PIPELINE, READ, Hub

from gatehouse.errors import GatehouseError
from gatehouse.github.ended import main
from gatehouse.github.runs import find_runs

SOURCE = Path(__file__).parents[3] / "src"
CHECKS: dict[str, Any] = {}
FILES = (".github/workflows/pull-request.yml", PIPELINE["path"])
ONGOING = {"conclusion": None}
HELD = {"conclusion": "action_required"}
CANCELLED = {"conclusion": "cancelled"}


@pytest.fixture
def change(hub: Hub) -> Hub:
    """A pull request without any run."""
    files = dict.fromkeys(FILES, "on: pull_request")
    hub.commit("main", files)
    hub.commit("change", {"a": "2"}, hub.github.git.commit_of("main"))
    hub.open()
    return hub


def run(hub: Hub, **more: Any) -> Any:
    given = {"head_branch": "change", "head_sha": hub.head(1)}
    return hub.run(**(given | more))


def ended(hub: Hub) -> str:
    """What the command says of the last event; it needs no package."""
    hub.token({"actions": "read", "contents": "read"})
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "gatehouse.github.ended"],
        env=os.environ | {"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.split("\n")[0] or done.stderr.strip()


LONG_AGO = {"created": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([CHECKS, PIPELINE], "true"),
        ([PIPELINE, CHECKS], "true"),
        ([PIPELINE], "false"),
        ([CHECKS], "false"),
        ([CHECKS, CHECKS], "false"),
        ([ONGOING | LONG_AGO, PIPELINE], "false"),
        ([PIPELINE | ONGOING | LONG_AGO, CHECKS], "false"),
        ([CHECKS, PIPELINE, ONGOING | LONG_AGO, PIPELINE], "false"),
        ([CHECKS, PIPELINE, {"conclusion": "skipped"}, PIPELINE], "true"),
        ([PIPELINE | {"path": ".github/workflows/other.yml"}, CHECKS], "false"),
        ([PIPELINE | {"head_branch": "other"}, CHECKS], "false"),
        ([PIPELINE | {"head_repository": "eve/model"}, CHECKS], "false"),
        ([PIPELINE | {"event": "merge_group"}, CHECKS], "false"),
        ([PIPELINE, {"event": "workflow_dispatch"}], "true"),
        ([CHECKS, PIPELINE | {"path": f"{PIPELINE['path']}@refs/heads/main"}], "true"),
        ([CHECKS | HELD, PIPELINE], "false"),
        ([CHECKS | HELD, PIPELINE | HELD], "false"),
        ([CHECKS, PIPELINE, CHECKS | HELD, PIPELINE | HELD], "true"),
    ],
)
def test_both_must_have_ended(change: Hub, runs: list[dict[str, Any]], told: str) -> None:
    """Runs in order; the last one is the event's."""
    for each in runs:
        event = run(change, **each)
    assert ended(change) == f"ended={told}"
    if told == "false":
        with pytest.raises(GatehouseError, match=r"not both ended|has no run"):
            find_runs(change.connect(READ), event)
        return
    found = find_runs(change.connect(READ), event)
    assert found.pipeline.path.startswith(PIPELINE["path"])
    assert found.checks.conclusion == "success"


@pytest.mark.parametrize("newer", [ONGOING | LONG_AGO, {"conclusion": "success"}])
def test_a_cancelled_run_that_was_replaced_says_nothing(change: Hub, newer: dict[str, Any]) -> None:
    """A draft that is marked as ready while it is checked, or a pull request that is reopened."""
    run(change, **CANCELLED)
    cancelled = Path(os.environ["GITHUB_EVENT_PATH"])
    run(change, **PIPELINE)
    run(change, **newer)
    change.monkeypatch.setenv("GITHUB_EVENT_PATH", str(cancelled))
    assert ended(change) == "ended=false"


def test_a_cancelled_run_waits_for_the_one_that_replaced_it(
    change: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub may list it a moment later. Where there is none, the cancelled run is judged: red."""
    run(change, **PIPELINE)
    event = run(change, **CANCELLED)
    change.token({"actions": "read", "contents": "read"})
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            change.github.run(500, head_branch="change", head_sha=change.head(1), conclusion=None)

    change.monkeypatch.setattr("time.sleep", pause)
    assert main() == 0
    assert capsys.readouterr().out.startswith("ended=false")
    del change.github.state.runs[500]
    pauses[:] = [0.0] * 10
    assert main() == 0
    assert capsys.readouterr().out.startswith("ended=true")
    assert find_runs(change.connect(READ), event).checks.conclusion == "cancelled"


@pytest.mark.parametrize(("gone", "ran"), [(FILES[0], PIPELINE), (FILES[1], CHECKS)])
def test_a_change_that_takes_a_workflow_away(change: Hub, gone: str, ran: dict[str, Any]) -> None:
    """Attacks with a change whose other run never comes: it is judged, and red with the fix."""
    other = next(path for path in FILES if path != gone)
    change.commit("change", {other: "on: pull_request"})
    run(change, **ran, **ONGOING, **LONG_AGO)
    assert ended(change) == "ended=false"
    event = run(change, **ran)
    assert ended(change) == "ended=true"
    with pytest.raises(GatehouseError, match=f"git checkout origin/main -- {gone}"):
        find_runs(change.connect(READ), event)


def test_a_github_that_fails_is_tried_again(change: Hub) -> None:
    """Two bad answers are no end; a refusal is, and says nothing to the workflow."""
    run(change)
    run(change, **PIPELINE)
    change.github.fail("GET", "/actions/runs", 502, times=1)
    assert ended(change) == "ended=true"
    change.github.fail("GET", "/actions/runs", 403)
    assert ended(change) == "error: the runs of this commit can't be listed (GitHub answers 403)"
    event = Path(os.environ["GITHUB_EVENT_PATH"])
    event.write_text(json.dumps({"workflow_run": {}}))
    assert ended(change).startswith("error: ")
