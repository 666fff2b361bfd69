"""`gatehouse lock resolve` and the merge drivers, in real Git merges with the real DVC."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gatehouse.conftest import Command
from tests.gatehouse.lock.pipeline import branches, run
from tests.gatehouse.repository import Repository, tool_path
from tests.gatehouse.tiny import ROOT

pytestmark = pytest.mark.slow

LEFT_OUT = "changed on both sides, so `make run` runs them again: train, score"
RUNNING = "Running stage"


def setup() -> list[str]:
    """The command that sets the drivers: that function of scripts/install.sh alone."""
    script = (ROOT / "scripts/install.sh").read_text()
    begin = script.index("set_merge_drivers() {")
    function = script[begin : script.index("\n}\n", begin) + 3]
    return ["/bin/sh", "-euc", function + "set_merge_drivers\n"]


@pytest.fixture
def drivers(pipeline: Repository) -> Repository:
    """The small pipeline after what `make setup` does to Git."""
    pipeline.run(*setup())
    command = pipeline.root / ".venv/bin/gatehouse"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gatehouse.cli "$@"\n')
    command.chmod(0o755)
    return pipeline


def merge(repository: Repository, *command: str) -> tuple[int, str]:
    """Exit code and output of a Git command that may stop at a conflict."""
    done = subprocess.run(
        ["git", *(command or ("merge", "--no-edit", "change"))],
        cwd=repository.root,
        capture_output=True,
        text=True,
        check=False,
        env=tool_path() | {"GIT_EDITOR": "true"},
    )
    return done.returncode, done.stdout + done.stderr


def assert_consistent(repository: Repository) -> None:
    """The lock is the one that a run from nothing writes, and DVC finds nothing to do."""
    assert "up to date" in repository.dvc("status")
    lock = repository.root / "dvc.lock"
    merged = lock.read_text()
    lock.unlink()
    repository.dvc("repro", "--force", "--no-run-cache")
    anew = lock.read_text()
    # Stages stand in the order in which they were first run.
    assert sorted(merged.split("\n")) == sorted(anew.split("\n"))


def test_without_drivers_resolve_and_a_run_make_a_consistent_lock(
    pipeline: Repository, gatehouse: Command
) -> None:
    """Attacks text merges of the record, conflict markers in it, and a lock of no real run."""
    branches(pipeline, ours=("train", 2), theirs=("data", 2))
    code, told = merge(pipeline)
    assert code == 1
    assert "Merge conflict in dvc.lock" in told
    assert "<<<<<<<" not in (pipeline.root / "dvc.lock").read_text()
    result = gatehouse("lock", "resolve", cwd=pipeline.root)
    assert result.exit_code == 0
    assert LEFT_OUT in result.output
    assert "reports/verdict.json: kept ours" in result.output
    assert "reports/evidence/accuracy.json: kept ours" in result.output
    assert "next: `make run`, `git add dvc.lock reports`, `git commit`" in result.output
    assert pipeline.git("ls-files", "--unmerged") == ""
    told = run(pipeline)
    assert [f"{RUNNING} '{stage}'" in told for stage in ("train", "score")] == [True, True]
    assert "nothing to resolve" in gatehouse("lock", "resolve", cwd=pipeline.root).output
    pipeline.commit("merged")
    assert_consistent(pipeline)


def test_with_drivers_there_is_no_conflict(drivers: Repository) -> None:
    """Attacks drivers that Git does not find, or that leave a lock of no real run."""
    branches(drivers, ours=("train", 2), theirs=("data", 2))
    verdict = (drivers.root / "reports/verdict.json").read_text()
    code, told = merge(drivers)
    assert code == 0, told
    assert LEFT_OUT in told
    assert (drivers.root / "reports/verdict.json").read_text() == verdict
    run(drivers)
    assert_consistent(drivers)


def test_changes_of_different_stages_run_nothing_again(drivers: Repository) -> None:
    """Attacks a merge that throws away results it could keep."""
    branches(drivers, ours=("aside", 2), theirs=("train", 2))
    code, told = merge(drivers)
    assert code == 0
    assert "every stage was taken from one side" in told
    drivers.dvc("checkout")
    assert RUNNING not in run(drivers)
    assert_consistent(drivers)


def test_a_rebase_is_resolved_as_well(pipeline: Repository, gatehouse: Command) -> None:
    """Attacks advice for a merge in the middle of a rebase."""
    branches(pipeline, ours=("train", 2), theirs=("data", 2))
    pipeline.git("switch", "-q", "change")
    assert merge(pipeline, "rebase", "main")[0] == 1
    output = gatehouse("lock", "resolve", cwd=pipeline.root).output
    assert LEFT_OUT in output
    assert "next: `git rebase --continue`" in output
    assert merge(pipeline, "rebase", "--continue")[0] == 0
    run(pipeline)
    assert_consistent(pipeline)


def test_a_rebase_with_drivers_does_not_stop(drivers: Repository) -> None:
    """Attacks drivers that work in a merge only."""
    branches(drivers, ours=("train", 2), theirs=("data", 2))
    drivers.git("switch", "-q", "change")
    assert merge(drivers, "rebase", "main")[0] == 0
    run(drivers)
    assert_consistent(drivers)


def test_other_conflicts_are_left_and_named(pipeline: Repository, gatehouse: Command) -> None:
    """Attacks a tool that resolves, by taking a side, what only people can."""
    branches(pipeline, ours=("train", 2), theirs=("train", 3))
    merge(pipeline)
    output = gatehouse("lock", "resolve", cwd=pipeline.root).output
    assert "left for you: params.yaml" in output
    assert pipeline.git("diff", "--name-only", "--diff-filter=U").split() == ["params.yaml"]
    assert "<<<<<<<" in (pipeline.root / "params.yaml").read_text()


def test_a_report_that_one_side_removed(pipeline: Repository, gatehouse: Command) -> None:
    """Attacks modify/delete conflicts, which no driver sees."""
    pipeline.git("switch", "-qc", "change")
    (pipeline.root / "reports/verdict.json").unlink()
    pipeline.commit("no verdict")
    pipeline.git("switch", "-q", "main")
    (pipeline.root / "reports/verdict.json").write_text("ours")
    pipeline.commit("a verdict")
    merge(pipeline)
    assert gatehouse("lock", "resolve", cwd=pipeline.root).exit_code == 0
    assert (pipeline.root / "reports/verdict.json").read_text() == "ours"
    pipeline.git("commit", "-qm", "merged")
    pipeline.git("reset", "-q", "--hard", "change")
    merge(pipeline, "merge", "main~1")
    merge(pipeline, "merge", "main^1")
    assert gatehouse("lock", "resolve", cwd=pipeline.root).exit_code == 0
    assert not (pipeline.root / "reports/verdict.json").exists()
    assert pipeline.git("ls-files", "--unmerged") == ""


def test_an_unreadable_side_changes_nothing(pipeline: Repository, gatehouse: Command) -> None:
    """Attacks a half-resolved merge after an error."""
    for branch, text in (("change", "schema: '2.0'\nstages: 5\n"), ("main", "schema: '2.0'\n")):
        pipeline.git("switch", "-q", *(("-c", branch) if branch == "change" else (branch,)))
        (pipeline.root / "dvc.lock").write_text(text)
        (pipeline.root / "reports/verdict.json").write_text(branch)
        pipeline.commit(branch)
    merge(pipeline)
    before = pipeline.state(), (pipeline.root / "dvc.lock").read_bytes()
    result = gatehouse("lock", "resolve", cwd=pipeline.root)
    assert result.exit_code == 2
    assert "dvc.lock of theirs: stages: is not a map of stages" in result.output
    assert (pipeline.state(), (pipeline.root / "dvc.lock").read_bytes()) == before


def test_an_unreadable_side_is_a_conflict_for_the_driver(drivers: Repository) -> None:
    """Attacks a driver that hides an error from Git: the merge would be committed."""
    for branch in ("change", "main"):
        drivers.git("switch", "-q", *(("-c", branch) if branch == "change" else (branch,)))
        (drivers.root / "dvc.lock").write_text(f"{branch}: 5\n")
        drivers.commit(branch)
    code, told = merge(drivers)
    assert code == 1
    assert "dvc.lock of ours: schema" in told
    assert (drivers.root / "dvc.lock").read_text() == "main: 5\n"


def test_nothing_in_conflict_says_so(pipeline: Repository, gatehouse: Command) -> None:
    """Attacks a silent success where the user expected work, and errors outside a repository."""
    result = gatehouse("lock", "resolve", cwd=pipeline.root)
    assert result.exit_code == 0
    assert "nothing to resolve" in result.output
    shutil.rmtree(pipeline.root / ".git")
    result = gatehouse("lock", "resolve", cwd=pipeline.root)
    assert result.exit_code == 2
    assert "not a git repository" in result.output


def test_setup_twice_writes_once(drivers: Repository, tmp_path: Path) -> None:
    """Attacks attributes that grow with every `make setup`, and a clone whose driver is lost."""
    attributes = drivers.root / ".git/info/attributes"
    before = attributes.read_text(), drivers.git("config", "--local", "--list")
    drivers.run(*setup())
    assert (attributes.read_text(), drivers.git("config", "--local", "--list")) == before
    # A folder that is no work tree: nothing is set, and nothing fails.
    done = subprocess.run(setup(), cwd=tmp_path, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    # A clone whose .venv is gone: a conflict for `resolve`, with ours in place and unharmed.
    branches(drivers, ours=("train", 2), theirs=("data", 2))
    ours = (drivers.root / "dvc.lock").read_text()
    shutil.rmtree(drivers.root / ".venv")
    assert merge(drivers)[0] == 1
    assert (drivers.root / "dvc.lock").read_text() == ours
