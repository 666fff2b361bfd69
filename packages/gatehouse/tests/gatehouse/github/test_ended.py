"""Attacks what follows when a run ends: it is old, replaced, held back, or another's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.ended import main
from gatehouse.github.runs import find_pipeline
from tests.gatehouse.github.hub import PIPELINE, READ, Hub

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


def told(hub: Hub) -> str:
    """What the command says is to be done at the last event; it needs no package."""
    hub.token({"actions": "read", "contents": "read"})
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "gatehouse.github.ended"],
        env=os.environ | {"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return short(done.stdout) if done.stdout else done.stderr.strip()


def short(output: str) -> str:
    """The outputs that are true."""
    lines = [line.partition("=") for line in output.splitlines()[:2]]
    assert [name for name, *_ in lines] == ["judge", "settle"]
    return " ".join(name for name, _, value in lines if value == "true") or "nothing"


LONG_AGO = {"created": "2026-01-01T00:00:00Z"}
GOES_ON = ONGOING | LONG_AGO


@pytest.mark.parametrize(
    ("runs", "what"),
    [
        ([CHECKS, PIPELINE], "judge"),
        ([GOES_ON, PIPELINE], "judge"),
        ([PIPELINE], "judge"),
        ([PIPELINE, CHECKS], "settle"),
        ([CHECKS], "nothing"),
        ([CHECKS, CHECKS], "nothing"),
        ([PIPELINE | GOES_ON, CHECKS], "nothing"),
        ([PIPELINE, GOES_ON, CHECKS | LONG_AGO], "settle"),
        ([CHECKS, PIPELINE, {"conclusion": "skipped"}, PIPELINE], "judge"),
        ([PIPELINE | {"path": ".github/workflows/other.yml"}, CHECKS], "nothing"),
        ([PIPELINE | {"head_branch": "other"}, CHECKS], "nothing"),
        ([PIPELINE | {"head_repository": "eve/model"}, CHECKS], "nothing"),
        ([PIPELINE | {"event": "merge_group"}, CHECKS], "nothing"),
        ([PIPELINE, {"event": "workflow_dispatch"}], "settle"),
        ([PIPELINE | {"path": f"{PIPELINE['path']}@refs/heads/main"}, CHECKS], "settle"),
        ([CHECKS | HELD, PIPELINE], "judge"),
        ([PIPELINE | HELD, CHECKS], "nothing"),
        ([PIPELINE, CHECKS, PIPELINE | HELD, CHECKS], "settle"),
        ([CHECKS | HELD, PIPELINE | HELD], "nothing"),
    ],
)
def test_what_follows_when_a_run_ends(change: Hub, runs: list[dict[str, Any]], what: str) -> None:
    """Runs in order, the event's last: the pipeline's end judges, that of the checks settles."""
    for each in runs:
        event = run(change, **each)
    assert told(change) == what
    if what == "nothing":
        with pytest.raises(GatehouseError, match=r"not ended|has no run"):
            find_pipeline(change.connect(READ), event)
        return
    assert find_pipeline(change.connect(READ), event).path.startswith(PIPELINE["path"])


def test_checks_that_run_again_settle_nothing_yet(change: Hub) -> None:
    """Attacks with the end of an older run of Pull request: the newer one has not ended."""
    run(change, **PIPELINE)
    run(change)
    older = Path(os.environ["GITHUB_EVENT_PATH"])
    run(change, **GOES_ON)
    change.monkeypatch.setenv("GITHUB_EVENT_PATH", str(older))
    assert told(change) == "nothing"


def test_a_change_that_takes_the_pipeline_away(change: Hub) -> None:
    """Attacks with a change whose other run never comes: it is judged, and red with the fix."""
    checks, pipeline = FILES
    change.commit("change", {checks: "on: pull_request"})
    run(change, **GOES_ON)
    assert told(change) == "nothing"
    event = run(change)
    assert told(change) == "judge"
    with pytest.raises(GatehouseError, match=f"git checkout origin/main -- {pipeline}"):
        find_pipeline(change.connect(READ), event)


@pytest.mark.parametrize("newer", [GOES_ON, {"conclusion": "success"}])
@pytest.mark.parametrize("which", [CHECKS, PIPELINE])
def test_a_cancelled_run_that_was_replaced_says_nothing(
    change: Hub, newer: dict[str, Any], which: dict[str, Any]
) -> None:
    """A draft that is marked as ready while it is checked, or a pull request that is reopened."""
    run(change, **which, **CANCELLED)
    cancelled = Path(os.environ["GITHUB_EVENT_PATH"])
    run(change, **(CHECKS if which else PIPELINE))
    run(change, **which, **newer)
    change.monkeypatch.setenv("GITHUB_EVENT_PATH", str(cancelled))
    assert told(change) == "nothing"


def test_a_cancelled_run_waits_for_the_one_that_replaced_it(
    change: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub may list it a moment later. Where there is none, the cancelled run is judged: red."""
    event = run(change, **PIPELINE, **CANCELLED)
    change.token({"actions": "read", "contents": "read"})
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            place: dict[str, Any] = {"head_branch": "change", "head_sha": change.head(1)}
            change.github.run(500, **(PIPELINE | place), conclusion=None)

    change.monkeypatch.setattr("time.sleep", pause)
    assert main() == 0
    assert short(capsys.readouterr().out) == "nothing"
    del change.github.state.runs[500]
    pauses[:] = [0.0] * 10
    assert main() == 0
    assert short(capsys.readouterr().out) == "judge"
    assert find_pipeline(change.connect(READ), event).conclusion == "cancelled"


def test_a_github_that_fails_is_tried_again(change: Hub) -> None:
    """Two bad answers are no end; a refusal is, and says nothing to the workflow."""
    run(change, **PIPELINE)
    change.github.fail("GET", "/actions/runs", 502, times=1)
    assert told(change) == "judge"
    change.github.fail("GET", "/actions/runs", 403)
    assert told(change) == "error: the runs of this commit can't be listed (GitHub answers 403)"
    event = Path(os.environ["GITHUB_EVENT_PATH"])
    event.write_text(json.dumps({"workflow_run": {}}))
    assert told(change).startswith("error: ")
