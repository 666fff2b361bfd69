"""Attacks the way of a stranger's change into main: run by a maintainer, judged, and continued."""

from __future__ import annotations

from typing import Any

from tests.github.state import PullRequest, Run
from tests.workflows.results import Result
from tests.workflows.world import ALONE, World

EVE = {"head_repository": "eve/model", "author": "eve"}
HUSH = {"AWS_ACCESS_KEY_ID": "AKIA-not-for-strangers", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
SPY = """
import os

for name in sorted(os.environ):
    if "TOKEN" in name or "KEY" in name or "SECRET" in name:
        print("spied:", name, len(os.environ[name]))
"""


def run_for(world: World, commit: str, typed: str | None = None, **more: str) -> tuple[Run, Result]:
    """commit.yml, as a maintainer starts it; GitHub then knows of the run."""
    number = world.github.state.next_run()
    tip = world.tip("main")
    given: dict[str, Any] = {
        "name": "Run for this commit", "path": ".github/workflows/commit.yml",
        "event": "workflow_dispatch", "head_branch": "main", "head_sha": tip,
        "title": f"Run for commit {typed or commit}", "actor": "mia",
    }  # fmt: skip
    run = world.github.run(number, **(given | more), conclusion=None)
    payload = {
        "inputs": {"commit": typed or commit},
        "repository": {"full_name": "octo/model", "default_branch": "main"},
    }
    done = world.act.run(
        "commit.yml", "workflow_dispatch", payload, run_id=number, actor="mia",
        inputs={"commit": typed or commit}, variables=world.variables, secrets=HUSH,
    )  # fmt: skip
    run.status, run.conclusion = "completed", "failure" if done.code else "success"
    return run, done


def test_a_stranger_s_change_goes_on_once_a_maintainer_ran_it(world: World) -> None:
    """Its own run does not count, a short hash runs nothing, and the full one makes it green.

    It goes on at a branch of ours. Its code finds no key, and the fork's branch is not written to.
    """

    def change(fork: object) -> None:
        world.author.replace("params.yaml", "epochs: 6", "epochs: 7")
        path = world.author.root / "src/pipeline/__init__.py"
        path.write_text(path.read_text() + SPY)

    pull = world.open(change, **EVE)
    world.through(pull, workflows=ALONE)
    assert "it was made on a fork" in world.red(pull, "rows")
    _, typed = run_for(world, pull.head_sha, pull.head_sha[:12])
    assert typed.code != 0
    assert "is no full commit hash" in typed.log
    assert typed.results.get("pipeline") in (None, "skipped")

    run, done = run_for(world, pull.head_sha)
    assert done.code == 0, done.log[-6000:]
    assert "opened by | `eve` |" in done.summary
    spied = {line.split()[1] for line in done.log.splitlines() if line.startswith("spied:")}
    assert not any("AWS" in name for name in spied), spied
    assert "AKIA" not in done.log
    judged = world.judge(run)
    assert judged.code == 0, judged.log[-6000:]
    ours = on(world, pull)
    record = world.tip(ours.head_branch)
    assert world.github.git.git("rev-parse", f"{record}^") == pull.head_sha
    assert world.status(record).startswith("success: ")
    assert world.status(pull.head_sha).startswith("pending: passes as recorded in")
    said = [each.body for each in world.github.comments(pull.number)]
    assert len(said) == 2
    assert f"goes on in #{ours.number}" in said[1]


def on(world: World, pull: PullRequest) -> PullRequest:
    """The pull request in which another one goes on."""
    name = f"from-{pull.number}-{pull.head_sha[:12]}"
    (found,) = [each for each in world.github.state.pulls.values() if each.head_branch == name]
    assert found.author == "github-actions[bot]"
    return found
