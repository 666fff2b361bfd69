"""Attacks the way from a retraining to its pull request, with the workflow run for real."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gatehouse.samples.simulate import simulate
from tests.sample import SAMPLE, lay_sample
from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.results import Result
from tests.workflows.world import World

WORKFLOW = REPOSITORY / ".github/workflows/retrain.yml"
GATEHOUSE = Path(sys.executable).with_name("gatehouse")
HOSTILE = "it's due\n```\n@octo/ml $(echo pwned$((6*7))) `echo pwned$((6*7))` ${{ secrets.X }}"

HERE = {"repository": {"default_branch": "main", "full_name": "octo/model"}}

INJECTED = "pwned42"  # what is on the screen where a shell ran the text


def retrain(world: World, **inputs: str) -> Result:
    """The workflow as someone starts it by hand."""
    return world.act.run(
        "retrain.yml", "workflow_dispatch", {"inputs": inputs} | HERE, run_id=7, inputs=inputs,
        variables=world.variables,
    )  # fmt: skip


def begun(world: World, actor: str = "ada") -> None:
    """GitHub knows run 7: it is not over when the pull request's own run asks for it."""
    world.github.run(
        7, head_branch="main", head_sha=world.tip("main"), event="workflow_dispatch",
        name="Retrain", path=".github/workflows/retrain.yml", conclusion=None, actor=actor,
    )  # fmt: skip


def judged(world: World, branch: str = "retrain-7-1", first: int = 8) -> Result:
    """The pull request's own run of Pipeline, as the workflow starts it, and the gates after it."""
    head = world.tip(branch)
    for number, name in enumerate(("pull-request", "pipeline"), first):
        run = world.github.run(
            number, head_branch=branch, head_sha=head, event="workflow_dispatch",
            name=name.capitalize().replace("-", " "), path=f".github/workflows/{name}.yml",
        )  # fmt: skip
    run.status, run.conclusion = "in_progress", None
    checked = world.act.run(
        "pipeline.yml", "workflow_dispatch", HERE, sha=head, ref=f"refs/heads/{branch}",
        run_id=run.id, variables=world.variables,
    )  # fmt: skip
    assert checked.code == 0, checked.log[-6000:]
    run.status, run.conclusion = "completed", "success"
    gates = world.judge(run)
    assert gates.code == 0, gates.log[-6000:]
    return checked


def calls(world: World, method: str, end: str) -> list[Any]:
    made = world.github.state.calls
    return [call for call in made if call.method == method and call.path.endswith(end)]


def changed_files(world: World, branch: str) -> set[str]:
    return set(world.github.git.git("diff", "--name-only", "main", branch).split())


def models(lock: str) -> list[str]:
    """The MD5s of the models that a `dvc.lock` records."""
    return re.findall(r"path: models/.*\n\s+hash: md5\n\s+md5: (\w+)", lock)


def test_other_settings_become_a_pull_request(world: World) -> None:
    """Its record and nothing else, in a pull request whose text no one can inject into.

    It is green without an owner, and trained once. So is its revert, once it was merged.
    """
    begun(world)
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
    for file in ("pull-request.yml", "pipeline.yml"):
        (started,) = calls(world, "POST", f"/actions/workflows/{file}/dispatches")
        assert (started.status, started.body) == (204, {"ref": "retrain-7-1"})

    # The pull request's own run finds the model made, and the gates ask nobody about it.
    checked = judged(world)
    assert "Nothing to train" in checked.summary
    assert "train: " not in checked.summary
    status = world.status(world.tip("retrain-7-1"))
    assert status.startswith("success: "), world.said(pull)
    assert world.tip("retrain-7-1") != pull.head_sha, "the gates recorded it"

    # What main once recorded is main's again: nothing is trained, and nobody is asked.
    git = partial(world.author.run, "git")
    old = models(git("show", "main:dvc.lock"))
    git("fetch", "--quiet", "origin", "retrain-7-1")
    git("merge", "--quiet", "--no-ff", "--message", "Retrain", "FETCH_HEAD")
    git("push", "--quiet", "origin", "HEAD:main")
    git("checkout", "--quiet", "-b", "revert")
    git("revert", "--no-edit", "--mainline", "1", "HEAD")
    world.number += 2
    back = world.open_here("revert")
    checked = judged(world, "revert", 10)
    assert "Nothing to train: data, code and settings are those of" in checked.summary
    status = world.status(world.tip("revert"))
    assert status.startswith("success: "), world.said(back)
    assert old
    assert models(world.github.git.git("show", "revert:dvc.lock")) == old


def test_new_rows_of_an_alarm_are_green_without_an_owner(world: World, tmp_path: Path) -> None:
    """Attacks rows that only the URL's owner has, and a remote that is written to too early.

    As the monitor starts it: the rows come to the present ones. The pull request brings DVC's file;
    the rows lie in the remote once the gates have judged them, and no earlier.
    """
    config = world.author.run("dvc", "config", "remote.folder.url").strip()
    shutil.copytree(config, tmp_path / "remote")  # the fork's own is every test's
    world.author.run("dvc", "remote", "modify", "folder", "url", str(tmp_path / "remote"))
    simulate(rows=12000, seed=0).to_csv(tmp_path / "old.csv", index=False)
    world.author.gatehouse("data", "add", str(tmp_path / "old.csv"))
    world.author.gatehouse("run", code=None)
    world.author.run("dvc", "push", "--quiet")
    world.author.commit("Rows of a file")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    simulate(rows=600, seed=1).to_csv(tmp_path / "rows.csv", index=False)
    before = objects(tmp_path / "remote")

    begun(world, actor="github-actions[bot]")
    result = retrain(
        world, data=f"file://{tmp_path}/rows.csv", append="true", reason="Production's alarm"
    )
    assert result.code == 0, result.log[-6000:]
    (pull,) = world.github.state.pulls.values()
    snapshots = {name for name in changed_files(world, "retrain-7-1") if "snapshots" in name}
    (tracked,) = snapshots
    assert tracked.endswith(".parquet.dvc")
    params = world.github.git.git("show", "retrain-7-1:params.yaml")
    assert f"path: {tracked.removesuffix('.dvc')}" in params
    assert "file://" not in params
    assert objects(tmp_path / "remote") == before

    checked = judged(world)
    assert "Nothing to train" in checked.summary
    status = world.status(world.tip("retrain-7-1"))
    assert status.startswith("success: "), world.said(pull)
    new = objects(tmp_path / "remote") - before
    record = world.github.git.git("show", f"retrain-7-1:{tracked}")
    (md5,) = re.findall(r"md5: ([0-9a-f]{32})", record)
    assert f"{md5[:2]}/{md5[2:]}" in {path[-33:] for path in new}


def objects(remote: Path) -> set[str]:
    """What lies in a DVC remote."""
    return {path.as_posix() for path in remote.rglob("*") if path.is_file()}


def write_the_settings(
    folder: Path, programs: dict[str, Path | str], **inputs: str
) -> subprocess.CompletedProcess[str]:
    """The scripts of the steps that bring rows and settings, in `folder`, with these programs.

    A program is a real one, or a shell script.
    """
    steps = load(WORKFLOW)["jobs"]["train"]["steps"]
    scripts = [
        step["run"] for step in steps if step["name"].startswith(("Fetch ", "Write the settings"))
    ]
    assert len(scripts) == 2
    (folder / ".venv/bin").mkdir(parents=True)
    for name, program in programs.items():
        path = folder / ".venv/bin" / name
        if isinstance(program, Path):
            path.symlink_to(program)
        else:
            path.write_text(f"#!/bin/sh\n{program}\n")
            path.chmod(0o755)
    temp = folder / "temp"
    temp.mkdir()
    environment = {"SETTINGS": "", "DATA": "", "APPEND": "", "RUNNER_TEMP": str(temp)}
    environment["PATH"] = "/usr/bin:/bin"
    for script in scripts:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, env=environment | inputs,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            break
    return done


@pytest.fixture
def settled(tmp_path: Path) -> Path:
    """A folder with the files that settings and rows are held to."""
    lay_sample(tmp_path, "params.yaml", "contract.yaml")
    return tmp_path


@pytest.mark.slow
def test_broken_data_are_no_snapshot(settled: Path) -> None:
    """Rows that break the contract end the step before anything is set, and say why."""
    rows = simulate(rows=500, seed=0)
    rows.assign(age=200).to_csv(settled / "rows.csv", index=False)
    (settled / ".dvc").mkdir()
    remote = "[core]\n    remote = folder\n['remote \"folder\"']\n    url = ../../remote\n"
    (settled / ".dvc/config").write_text(remote)
    programs: dict[str, Path | str] = {"gatehouse": GATEHOUSE}
    done = write_the_settings(
        settled, programs, DATA=f"file://{settled}/rows.csv", SETTINGS="train.seed=5"
    )
    assert done.returncode != 0
    assert "refused: " in done.stdout
    assert "500 of 500" in done.stdout
    assert (settled / "params.yaml").read_bytes() == (SAMPLE / "params.yaml").read_bytes()


@pytest.mark.parametrize(
    ("remote", "data", "calls"),
    [
        (
            "folder",
            "s3://bucket/rows.csv",
            [
                "data download -- s3://bucket/rows.csv TEMP/rows",
                "data add -- TEMP/rows/x.csv",
                "set -- a=1",
            ],
        ),
        ("folder", "here.csv", ["data add -- here.csv", "set -- a=1"]),
        ("folder", "adult", ["set -- a=1 data=adult"]),
        ("", "s3://bucket/rows.csv", ["set -- a=1 data=s3://bucket/rows.csv"]),
        ("folder", "", ["set -- a=1"]),
    ],
)
@pytest.mark.parametrize("append", ["true", "false", ""])
def test_a_file_is_a_snapshot_where_a_remote_keeps_it(
    remote: str, data: str, calls: list[str], append: str, tmp_path: Path
) -> None:
    """Attacks a snapshot that nobody else can have, and a source that is taken for a file."""
    programs: dict[str, Path | str] = {
        "gatehouse": (
            'case "$1 $2" in\n'
            f"'objects remote') printf '%s' '{remote}';;\n"
            "'objects fetch') exit 1;;\n"
            '\'data download\') mkdir "$5"; touch "$5/x.csv"; echo "$*" >>calls.txt;;\n'
            '*) echo "$*" >>calls.txt;;\nesac'
        ),
    }
    (tmp_path / "here.csv").touch()
    done = write_the_settings(tmp_path, programs, SETTINGS="a=1", DATA=data, APPEND=append)
    assert done.returncode == 0, done.stdout
    appended = append == "true"
    calls = [call.replace("data add", "data add --append") if appended else call for call in calls]
    assert ("::warning::nothing is appended" in done.stdout) == (
        appended and any(f"data={data}" in call for call in calls)
    )
    made = (tmp_path / "calls.txt").read_text().replace(f"{tmp_path}/temp", "TEMP")
    assert made.splitlines() == calls


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("s3://bucket/rows.csv", "s3://bucket/rows.csv"),
        ("https://host:8080/x.csv?X-Signature=SEC@RET\nSECRET", "https://host:8080/x.csv"),
        ("https://ada:SEC/RET@host/x.csv", "https://host/x.csv"),
        ("https://ada:SEC?RET@host/x.csv", "https://ada"),
        ("zip://a::https://ada:SECRET@host/x.zip", "zip://host/x.zip"),  # pragma: allowlist secret
        ("adult", "adult"),
        ("", "none"),
    ],
)
def test_a_url_s_secrets_stay_out_of_the_pull_request(
    data: str, shown: str, tmp_path: Path
) -> None:
    """Attacks signatures and passwords, which a public text would give away."""
    steps = load(WORKFLOW)["jobs"]["propose"]["steps"]
    (step,) = [each for each in steps if each["name"] == "Write its text"]
    environment = {"DATA": data, "RUNNER_TEMP": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-ec", step["run"]], cwd=tmp_path, env=environment, check=True)
    text = (tmp_path / "body.md").read_text("utf-8")
    assert f"Data:\n\n```text\n{shown}\n```" in text
    assert "SEC" not in text
    assert "RET" not in text


def test_nothing_changed_opens_nothing(world: World) -> None:
    """Attacks empty pull requests, each night anew."""
    result = retrain(world, settings="", data="simulated", reason="nightly")
    assert result.code == 0, result.log[-6000:]
    assert result.results["train"] == "success"
    assert result.results.get("propose", "skipped") == "skipped"
    assert "Nothing changed" in result.summary
    assert world.github.state.pulls == {}


def test_a_wrong_payload_is_told_and_nothing_runs(world: World) -> None:
    """Attacks commands in what another system sends, and a training with half of the settings."""
    payload = {"settings": "--help $(echo pwned$((6*7)))\ntrain.seed=1"}
    result = world.act.run(
        "retrain.yml", "repository_dispatch", {"action": "retrain", "client_payload": payload},
        run_id=7, variables=world.variables,
    )  # fmt: skip
    assert result.code != 0
    step = result.jobs["train"].step("Write the settings")
    assert step.result == "failure"
    assert "'--help': is not KEY=VALUE" in step.output
    assert INJECTED not in result.log
    assert world.github.state.pulls == {}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"SETTINGS": "train.seeed=1"}, "train.seeed: there is no such setting; train has:"),
        ({"SETTINGS": "train.seed=1;echo pwned$((6*7))"}, "train.seed"),
        ({"SETTINGS": "Object"}, "is not KEY=VALUE"),  # what a payload's mapping becomes
        ({"DATA": "`echo pwned$((6*7))`"}, "data"),
        ({"DATA": "../../etc/passwd"}, "is no data source"),
    ],
)
def test_wrong_settings_end_the_step(settled: Path, inputs: dict[str, str], message: str) -> None:
    """Attacks the step's script by each kind of text that is no setting."""
    done = write_the_settings(settled, {"gatehouse": GATEHOUSE}, **inputs)
    assert done.returncode != 0
    assert message in done.stdout
    assert INJECTED not in done.stdout
    assert (settled / "params.yaml").read_bytes() == (SAMPLE / "params.yaml").read_bytes()


def test_the_job_that_may_write_runs_no_code_of_the_repository() -> None:
    """Attacks a step that would run what was trained or checked out, beside a writing token."""
    jobs = load(WORKFLOW)["jobs"]
    assert set(jobs["train"]["permissions"].items()) == {("contents", "read")}
    no_code_of_the_repository(jobs["propose"])
