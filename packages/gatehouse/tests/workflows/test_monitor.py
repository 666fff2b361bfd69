"""Attacks the watch over production, with the workflow run for real on a log of predictions."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatehouse.samples.simulate import simulate
from gatehouse.workspace import Workspace
from tests.gatehouse.monitor.logs import predictions, write
from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.results import Result
from tests.workflows.world import World

WORKFLOW = REPOSITORY / ".github/workflows/monitor.yml"
HOSTILE = "::error::pwned\n"


def monitor(world: World, run: int, event: str = "schedule", **inputs: str) -> Result:
    """The workflow by its clock, or by hand, also with inputs."""
    payload: dict[str, Any] = {"schedule": "41 4 * * *"}
    if event == "workflow_dispatch":
        payload = {"inputs": inputs, "repository": {"default_branch": "main"}}
    return world.act.run(
        "monitor.yml", event, payload, run_id=run, inputs=inputs, variables=world.variables
    )


def log(world: World, file: Path, *, seed: int, drift: float = 0.0) -> Path:
    """A week of predictions of the fork's own model, as the service writes them."""
    rows = simulate(rows=12_000, seed=seed, drift=drift)
    records = predictions(Workspace(world.author.root), rows, end=datetime.now(UTC))
    return write(file, records)


def test_drift_opens_an_issue_that_a_pass_closes(world: World, tmp_path: Path) -> None:
    """From the log to one issue with the report, one retraining, and the issue's end.

    A log that can't be read is an alarm of its own; what could not be read in one stays where it
    is, for it may hold what callers sent. The issue is closed by a look without a DVC remote.
    """
    author, github = world.author, world.github
    author.run("git", "checkout", "--quiet", "main")
    author.replace("policy.yaml", "retrain: false", "retrain: true")
    # So few rows could fail, but never pass, and what can't be told closes no alarm.
    for _ in ("numbers", "categories"):
        author.replace("policy.yaml", "minimum_n: 10000", "minimum_n: 1000")
    author.commit("Retrain")
    author.run("git", "push", "--quiet", "origin", "main")
    drifted = log(world, tmp_path / "drifted/predictions.jsonl", seed=3, drift=0.5)
    with drifted.open("a") as stream:
        stream.write(HOSTILE)
    world.variables = {"MONITOR_LOG": str(drifted.parent), "RETRAIN_DATA": "s3://new/rows.parquet"}

    result = monitor(world, 21)
    assert result.code == 0, result.log[-6000:]
    assert result.results == {"look": "success", "tell": "success"}
    assert "Production: alarm" in result.summary
    assert all("pwned" not in text for _, text in result.annotations)
    (issue,) = github.issues()
    assert issue.title.startswith("Production: drift fails (model ")
    assert "`age`" in issue.body
    assert "This look starts one" in issue.body
    (started,) = [call for call in github.calls if call.path.endswith("/dispatches")]
    assert (started.status, started.body["ref"]) == (204, "main")
    assert started.path.endswith("/actions/workflows/retrain.yml/dispatches")
    assert started.body["inputs"]["data"] == "s3://new/rows.parquet"
    with zipfile.ZipFile(github.artifact_folder / "21/monitor.zip") as archive:
        assert set(archive.namelist()) == {
            "evidence/drift.json",
            "record.json",
            "report.md",
            "verdict.json",
        }

    # Somebody's own question about another log answers for itself only.
    clean = log(world, tmp_path / "clean.jsonl", seed=4)
    edits = issue.edits
    result = monitor(world, 22, "workflow_dispatch", log=str(clean))
    assert result.results["look"] == "success", result.log[-6000:]
    assert result.results.get("tell", "skipped") == "skipped"
    assert "Production: " in result.summary
    assert (github.artifact_folder / "22/monitor.zip").exists()
    assert (issue.state, issue.edits) == ("open", edits)

    world.variables["MONITOR_LOG"] = str(tmp_path / "none.jsonl")
    result = monitor(world, 23)
    assert result.results == {"look": "failure", "tell": "success"}, result.log[-6000:]
    assert issue.title == "Production: monitoring failed"
    assert "none.jsonl: there is no such file" in issue.body

    # Without a DVC remote the training data comes from an earlier run's candidate.
    candidate = tmp_path / "candidate"
    for name in ("data/raw", "models", "reports/train"):
        shutil.copytree(author.root / name, candidate / name)
    shutil.copyfile(author.root / "dvc.lock", candidate / "dvc.lock")
    github.artifact(5, f"candidate-{author.gatehouse('github', 'key').strip()}", candidate)
    author.run("dvc", "remote", "remove", "folder")
    author.commit("No remote")
    author.run("git", "push", "--quiet", "origin", "main")
    world.variables["MONITOR_LOG"] = str(clean)
    result = monitor(world, 24, "workflow_dispatch")
    assert result.results == {"look": "success", "tell": "success"}, result.log[-6000:]
    assert issue.state == "closed", issue.body
    assert "Passes again" in github.comments(issue.number)[-1].body
    assert len(github.issues()) == 1
    assert len([call for call in github.calls if call.path.endswith("/dispatches")]) == 1


def test_without_a_log_nothing_is_looked_at() -> None:
    """A fork that has not set it up gets a notice, and neither an issue nor a red run."""
    jobs = load(WORKFLOW)["jobs"]
    assert jobs["idle"]["if"] == "!(inputs.log || vars.MONITOR_LOG)"
    assert jobs["look"]["if"].startswith("(inputs.log || vars.MONITOR_LOG) && ")
    assert "needs.look.result != 'skipped'" in jobs["tell"]["if"]
    (step,) = jobs["idle"]["steps"]
    assert step["run"].startswith('echo "::notice::')
    assert "MONITOR_LOG" in step["run"]


def test_no_input_speaks_for_production() -> None:
    """Attacks an alarm that is closed, or a retraining that is started, by a log of one's own."""
    definition = load(WORKFLOW)
    said = re.findall(r"inputs\.(\w+)", definition["jobs"]["tell"]["if"])
    assert said == list(definition["on"]["workflow_dispatch"]["inputs"])
    assert definition["jobs"]["tell"]["if"].endswith(
        f"!({' || '.join(f'inputs.{n}' for n in said)})"
    )


def test_of_an_error_one_line_is_handed_on(tmp_path: Path) -> None:
    """Attacks the public issue by what follows in the error's text, such as a row of the log."""
    (step,) = [each for each in load(WORKFLOW)["jobs"]["look"]["steps"] if each.get("id") == "look"]
    (line,) = [each for each in step["run"].splitlines() if each.endswith("failed.txt")]
    (tmp_path / "reports/monitor").mkdir(parents=True)
    told = f"a warning\nerror: the log is odd {'x' * 400}\nname: Ada\nerror: more\n"
    (tmp_path / "errors.txt").write_text(told)
    environment = {"RUNNER_TEMP": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-ec", line], cwd=tmp_path, env=environment, check=True)
    text = (tmp_path / "reports/monitor/failed.txt").read_text()
    assert text.startswith("error: the log is odd xxx")
    assert len(text) == 300


def test_who_reads_the_log_writes_nothing_and_who_writes_reads_none() -> None:
    """Attacks the issues, and the right to start workflows, by what callers sent."""
    jobs = load(WORKFLOW)["jobs"]
    granted = dict(jobs["look"]["permissions"])
    assert granted.pop("id-token") == "write", "it reads the log without a key"
    assert set(granted.values()) == {"read"}
    assert jobs["look"]["environment"] == {"name": "gates", "deployment": False}
    text = str(dict(jobs["tell"]))
    assert "secrets." not in text
    assert "MONITOR_LOG" not in text
    assert jobs["tell"]["needs"] == "look"
