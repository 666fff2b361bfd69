"""Attacks the way from a retraining to its pull request, with the workflow run for real."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.simulate import simulate
from tests.workflows.definitions import load
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.results import Result
from tests.workflows.world import World

WORKFLOW = Path(__file__).parents[2] / ".github/workflows/retrain.yml"
HOSTILE = "it's due\n```\n@octo/ml $(echo pwned$((6*7))) `echo pwned$((6*7))` ${{ secrets.X }}"

INJECTED = "pwned42"  # what is on the screen where a shell ran the text


def retrain(world: World, **inputs: str) -> Result:
    """The workflow as someone starts it by hand."""
    return world.act.run(
        "retrain.yml", "workflow_dispatch", {"inputs": inputs}, run_id=7, inputs=inputs,
        variables=world.variables,
    )  # fmt: skip


def calls(world: World, method: str, end: str) -> list[Any]:
    made = world.github.state.calls
    return [call for call in made if call.method == method and call.path.endswith(end)]


def changed_files(world: World, branch: str) -> set[str]:
    return set(world.github.git.git("diff", "--name-only", "main", branch).split())


def test_other_settings_become_a_pull_request(world: World) -> None:
    """Its record and nothing else, in a pull request whose text no one can inject into."""
    result = retrain(world, settings="train.seed=5 train.torch_mlp.epochs=5", reason=HOSTILE)
    assert result.code == 0, result.log[-6000:]
    assert result.results == {"train": "success", "propose": "success"}
    assert "train: " in result.summary
    (pull,) = world.github.state.pulls.values()
    assert (pull.head_branch, pull.base_branch) == ("retrain-7-1", "main")
    assert f"Opened https://github.com/{world.github.full_name}/pull/" in result.summary

    files = changed_files(world, "retrain-7-1")
    assert {"dvc.lock", "params.yaml", "reports/evidence/accuracy.json"} <= files
    assert all(name in ("dvc.lock", "params.yaml") or name.startswith("reports/") for name in files)
    changed = world.github.git.git("diff", "main", "retrain-7-1", "--", "params.yaml")
    added = [line for line in changed.splitlines() if line.startswith("+  ")]
    assert [line.split("#")[0].split() for line in added] == [
        ["+", "seed:", "5"],
        ["+", "epochs:", "5"],
    ]

    (made,) = calls(world, "POST", "/pulls")
    inside = made.body["body"].split("```text\n")[1].split("\n```")[0]
    assert inside == HOSTILE.replace("`", "")
    assert INJECTED not in result.log
    (started,) = calls(world, "POST", "/actions/workflows/pull-request.yml/dispatches")
    assert (started.status, started.body) == (204, {"ref": "retrain-7-1"})

    # What was trained lies in the DVC remote, so that the pull request's own run trains nothing.
    head = world.tip("retrain-7-1")
    checked = world.act.run(
        "pull-request.yml", "workflow_dispatch", {}, sha=head, ref="refs/heads/retrain-7-1",
        run_id=8, variables=world.variables,
    )  # fmt: skip
    assert checked.code == 0, checked.log[-6000:]
    assert "Nothing to train" in checked.summary


def test_new_data_becomes_a_snapshot_that_drift_is_measured_on(
    world: World, tmp_path: Path
) -> None:
    """Attacks rows that only the URL's owner has, and a pull request that hides what moved.

    Main learned from a snapshot; the new rows, half a standard deviation off, become another. Its
    pull request brings DVC's file, and drift is measured against the first.
    """
    author = world.author
    simulate(rows=12000, seed=0).to_csv(tmp_path / "first.csv", index=False)
    author.run("git", "checkout", "--quiet", "main")
    author.gatehouse("data", "add", str(tmp_path / "first.csv"), "--name", "first")
    assert "Running stage 'train'" not in author.gatehouse("run")
    author.run("dvc", "push", "--quiet")
    author.commit("A snapshot")
    author.run("git", "push", "--quiet", "origin", "main")

    simulate(rows=12000, seed=1, drift=0.5).to_csv(tmp_path / "rows.csv", index=False)
    result = retrain(world, data=f"file://{tmp_path}/rows.csv", reason="new rows")
    assert result.code == 0, result.log[-6000:]
    assert result.results == {"train": "success", "propose": "success"}
    snapshots = {name for name in changed_files(world, "retrain-7-1") if "snapshots" in name}
    (tracked,) = snapshots
    assert tracked.endswith(".parquet.dvc")
    params = world.github.git.git("show", "retrain-7-1:params.yaml")
    assert f"path: {tracked.removesuffix('.dvc')}" in params
    assert "file://" not in params

    author.run("git", "fetch", "--quiet", "origin", "retrain-7-1")
    author.run("git", "checkout", "--quiet", "FETCH_HEAD")
    author.run("dvc", "pull", "--quiet")
    output = author.gatehouse("run", "--base", "main", code=1)
    assert "Running stage 'train'" not in output
    assert "FAIL: drift" in output
    assert "`age`" in (author.root / "reports/report.md").read_text("utf-8")


def test_broken_data_are_no_snapshot(world: World, tmp_path: Path) -> None:
    """Rows that break the contract end the run before anything is trained, and say why."""
    rows = simulate(rows=500, seed=0)
    rows.assign(age=200).to_csv(tmp_path / "rows.csv", index=False)
    result = retrain(world, data=f"file://{tmp_path}/rows.csv")
    step = result.jobs["train"].step("Write the settings")
    assert step.result == "failure"
    assert "refused: " in step.output
    assert "500 of 500" in step.output
    assert world.github.state.pulls == {}


@pytest.mark.parametrize(
    ("remote", "data", "calls"),
    [
        ("folder", "s3://bucket/rows.csv", ["data add -- s3://bucket/rows.csv", "set -- a=1"]),
        ("folder", "here.csv", ["data add -- here.csv", "set -- a=1"]),
        ("folder", "adult", ["set -- a=1 data=adult"]),
        ("", "s3://bucket/rows.csv", ["set -- a=1 data=s3://bucket/rows.csv"]),
        ("folder", "", ["set -- a=1"]),
    ],
)
def test_a_file_is_a_snapshot_where_a_remote_keeps_it(
    remote: str, data: str, calls: list[str], tmp_path: Path
) -> None:
    """Attacks a snapshot that nobody else can have, and a source that is taken for a file."""
    (step,) = [s for s in load(WORKFLOW)["jobs"]["train"]["steps"] if "gatehouse set" in str(s)]
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name, text in (("dvc", 'echo "$REMOTE"'), ("gatehouse", 'echo "$*" >>calls.txt')):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "here.csv").touch()
    environment = {"SETTINGS": "a=1", "DATA": data, "REMOTE": remote, "PATH": "/usr/bin:/bin"}
    words = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    subprocess.run(words, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "calls.txt").read_text().splitlines() == calls


def test_nothing_changed_opens_nothing(world: World) -> None:
    """Attacks empty pull requests, each night anew."""
    result = retrain(world, settings="", data="simulated", reason="nightly")
    assert result.code == 0, result.log[-6000:]
    assert result.results["train"] == "success"
    assert result.results.get("propose", "skipped") == "skipped"
    assert "Nothing changed" in result.summary
    assert world.github.state.pulls == {}


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"settings": "train.seeed=1"}, "train.seeed: there is no such setting; train has:"),
        ({"settings": "train.seed=1;echo pwned$((6*7))"}, "train.seed"),
        ({"settings": "--help $(echo pwned$((6*7)))\ntrain.seed=1"}, "'--help': is no KEY=VALUE"),
        ({"settings": {"train.seed": 1}}, "is no KEY=VALUE"),
        ({"data": "`echo pwned$((6*7))`"}, "data"),
        ({"data": "../../etc/passwd"}, "is no data source"),
    ],
)
def test_a_wrong_payload_is_told_and_nothing_runs(
    world: World, payload: dict[str, Any], told: str
) -> None:
    """Attacks commands in what another system sends, and a training with half of the settings."""
    result = world.act.run(
        "retrain.yml", "repository_dispatch", {"action": "retrain", "client_payload": payload},
        run_id=7, variables=world.variables,
    )  # fmt: skip
    assert result.code != 0
    step = result.jobs["train"].step("Write the settings")
    assert step.result == "failure"
    assert told in step.output
    assert INJECTED not in result.log
    assert world.github.state.pulls == {}


def test_the_job_that_may_write_runs_no_code_of_the_repository() -> None:
    """Attacks a step that would run what was trained or checked out, beside a writing token."""
    jobs = load(WORKFLOW)["jobs"]
    assert set(jobs["train"]["permissions"].items()) == {("contents", "read")}
    no_code_of_the_repository(jobs["propose"])
