"""Attacks what makes a run count: its workflow, repository, event, attempt, base and tree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatehouse.github.ended import CHECKS, PIPELINE
from gatehouse.github.event import Run
from gatehouse.github.run_provenance import (
    RETRAIN,
    Pull,
    Uploaded,
    Worked,
    base_problem,
    retraining_problem,
    run_problem,
    runner_problem,
    tree_problem,
    uploads_problem,
)

BEGAN = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HERE = "octo/model"


def run(**more: Any) -> Run:
    given: dict[str, Any] = {
        "id": 7, "path": PIPELINE, "event": "pull_request", "status": "completed",
        "conclusion": "success", "created_at": BEGAN, "run_started_at": BEGAN, "head_sha": "a" * 40,
        "head_branch": "change", "head_repository": {"full_name": HERE}, "html_url": "https://x",
    }  # fmt: skip
    return Run.model_validate(given | more)


@pytest.mark.parametrize("event", ["pull_request", "workflow_dispatch"])
@pytest.mark.parametrize("path", [PIPELINE, f"{PIPELINE}@refs/heads/main"])
def test_a_run_of_the_pipeline_makes_models(event: str, path: str) -> None:
    """On a branch of this repository."""
    assert run_problem(run(event=event, path=path), HERE) is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"path": CHECKS}, "not by .github/workflows/pipeline.yml"),
        ({"path": ".github/workflows/pipeline.yml.yml"}, "not by"),
        ({"path": "other/.github/workflows/pipeline.yml"}, "not by"),
        ({"path": ".github/workflows/Pipeline.yml"}, "not by"),
        ({"path": "dynamic/pipeline.yml"}, "not by"),
        ({"head_repository": {"full_name": "eve/model"}}, "fork"),
        ({"head_repository": {"full_name": "octo/model2"}}, "fork"),
        ({"head_repository": None}, "fork"),
        ({"event": "merge_group"}, "make no models"),
        ({"event": "push"}, "make no models"),
        ({"event": "schedule"}, "make no models"),
        ({"event": "pull_request_target"}, "make no models"),
    ],
)
def test_other_runs_make_none(more: dict[str, Any], message: str) -> None:
    """Attacks with another workflow, a fork's run, another event."""
    assert message in str(run_problem(run(**more), HERE))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, None),
        ({"event": "repository_dispatch"}, None),
        ({"path": f"{RETRAIN}@refs/heads/main"}, None),
        ({"path": PIPELINE}, "not by .github/workflows/retrain.yml"),
        ({"path": ".github/workflows/retrain.yml.yml"}, "not by"),
        ({"path": ".github/workflows/retrain.yaml"}, "not by"),
        ({"path": "other/.github/workflows/retrain.yml"}, "not by"),
        ({"path": ".github/workflows/Retrain.yml"}, "not by"),
        ({"head_repository": {"full_name": "eve/model"}}, "fork"),
        ({"head_repository": {"full_name": "octo/model2"}}, "fork"),
        ({"head_repository": None}, "fork"),
        ({"event": "pull_request"}, "starts no retraining"),
        ({"event": "push"}, "starts no retraining"),
        ({"event": "workflow_run"}, "starts no retraining"),
        ({"head_branch": "release"}, "another branch than main"),
        ({"head_branch": "Main"}, "another branch than main"),
        ({"head_branch": None}, "another branch than main"),
    ],
)
def test_other_runs_are_no_retraining(more: dict[str, Any], message: str | None) -> None:
    """Attacks with a workflow that is called alike, a fork's run, another event or branch."""
    given = {"path": RETRAIN, "event": "workflow_dispatch", "head_branch": "main"}
    assert (message or "None") in str(retraining_problem(run(**(given | more)), HERE, "main"))


@pytest.mark.parametrize(
    ("uploads", "message"),
    [
        ([0], None),
        ([-5, 0], None),
        ([-9, -5, 3], None),
        ([0, 0], "2 candidates"),
        ([1, 2, 3], "3 candidates"),
        ([-5, 1, 2], "2 candidates"),
        ([-1], "older attempt"),
        ([-9, -5], "older attempt"),
    ],
)
def test_the_only_candidate_of_the_newest_attempt(uploads: list[int], message: str | None) -> None:
    """Attacks with two candidates in one attempt, and with one of an older attempt."""
    found = [Uploaded(at, BEGAN + SECOND * each) for at, each in enumerate(uploads)]
    assert (message or "None") in str(uploads_problem(run(), found))


def pull(base: str = "main", opened: int = -10, closed: int | None = None, *moved: int) -> Pull:
    return Pull(
        3, base, BEGAN + SECOND * opened, None if closed is None else BEGAN + SECOND * closed,
        [BEGAN + SECOND * each for each in moved],
    )  # fmt: skip


@pytest.mark.parametrize(
    "pulls",
    [
        [],
        [pull()],
        [pull("main", -10, None, -5)],
        [pull(), pull("main", -20, -15, -16)],
        [pull("release", -20, -15)],
        [pull("release", 5)],
        [pull("main", 5, None, 6)],
    ],
)
def test_every_pull_request_went_into_the_default_branch(pulls: list[Pull]) -> None:
    """What was closed before, opened after, or turned to main before the run began, is honest."""
    assert base_problem(run(), pulls, "main") is None


@pytest.mark.parametrize(
    "pulls",
    [
        [pull("release")],
        [pull("main", -10, None, 5)],
        [pull("main", -10, None, 0)],
        [pull("main", -10, None, -5, 5)],
        [pull("main", -10, 3, 2)],
        [pull(), pull("evil")],
        [pull(), pull("evil", -10, 4)],
        [pull(), pull("evil", -10, 0)],
        [pull("evil", 0)],
        [pull("Main")],
    ],
)
def test_a_base_that_was_another_one(pulls: list[Pull]) -> None:
    """Attacks the workflow by retargeting: before, within the second, on a second pull request."""
    assert "did not go into main" in str(base_problem(run(), pulls, "main"))


@pytest.mark.parametrize(
    ("jobs", "fine"),
    [
        ([], True),
        ([Worked(7, 1, own=False), Worked(6, 1, own=False)], True),
        ([Worked(7, 1, own=True)], True),
        ([Worked(7, 1, own=True), Worked(6, 2, own=True)], True),
        ([Worked(7, None, own=True), Worked(6, None, own=True)], True),
        ([Worked(7, 1, own=True), Worked(6, 1, own=True)], False),
        ([Worked(7, 3, own=True), Worked(7, 1, own=True), Worked(6, 1, own=False)], False),
    ],
)
def test_a_runner_that_served_twice(jobs: list[Worked], fine: bool) -> None:
    """Attacks with a machine of one's own that kept what an earlier job left."""
    assert (runner_problem(run(), jobs) is None) == fine


def test_paths_that_differ_are_named() -> None:
    """Behind the default branch: update it; the change's own: named as such."""
    assert tree_problem([], ["Makefile"], "main") is None
    assert tree_problem(["Makefile"], ["Makefile"], "main") == "the change brings another Makefile"
    behind = tree_problem(["Makefile", "dvc.yaml"], ["Makefile"], "main")
    assert behind == "update the branch: main has another dvc.yaml"
    many = tree_problem([f"scripts/{at}" for at in range(9)], [], "main")
    assert many == "update the branch: main has another scripts/0, scripts/1, scripts/2 and 6 more"
