"""Attacks the way from newer packages to their pull request, with the workflow run for real."""

from __future__ import annotations

import pytest

from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.results import Result
from tests.workflows.world import World

WORKFLOW = REPOSITORY / ".github/workflows/update.yml"

# Stands in for scripts/lock.sh, which asks the package index.
NEWER = """\
test "$*" = --upgrade || exit 1
test "$UV_EXCLUDE_NEWER" = "7 days" || exit 1
echo "click==99.0 --hash=sha256:0" >>requirements/run.txt
echo "new==1.0 --hash=sha256:0" >>requirements/gates.txt
echo "raise SystemExit" >>packages/gatehouse/src/gatehouse/cli.py
echo "run: evil" >>.github/workflows/gates.yml
"""
# What a package that is built while it is resolved could do to the handing over.
HOSTILE = f"""{NEWER}
mkdir -p "$RUNNER_TEMP/locks/packages/gatehouse/src/gatehouse"
echo "raise SystemExit" >"$RUNNER_TEMP/locks/packages/gatehouse/src/gatehouse/judge.py"
"""


def update(world: World, lock: str, event: str = "schedule") -> Result:
    """The workflow on a main whose scripts/lock.sh is `lock`."""
    world.author.run("git", "checkout", "--quiet", "main")
    (world.author.root / "scripts/lock.sh").write_text(lock)
    world.author.commit("Stand-in")
    world.author.run("git", "push", "--quiet", "origin", "main")
    return world.act.run("update.yml", event, {}, run_id=9, variables=world.variables)


def test_newer_packages_become_a_pull_request(world: World) -> None:
    """Its locks and nothing else, with its checks started; while it waits there is no second."""
    result = update(world, NEWER)
    assert result.code == 0, result.log[-6000:]
    assert result.results == {"resolve": "success", "propose": "success"}
    (pull,) = world.github.state.pulls.values()
    assert (pull.head_branch, pull.base_branch) == ("update-9-1", "main")
    assert "actions/runs/9" in pull.body
    assert "Opened https://" in result.summary
    git = world.github.git.git
    assert git("diff", "--name-only", "main", "update-9-1").split() == [
        "requirements/gates.txt",
        "requirements/run.txt",
    ]
    assert git("diff", "main", "update-9-1", "--", "requirements/gates.txt").count("\n+new") == 1
    started = [call for call in world.github.state.calls if call.path.endswith("/dispatches")]
    assert [(call.status, call.body) for call in started] == 2 * [(204, {"ref": "update-9-1"})]
    assert [call.path.split("/")[-2] for call in started] == ["pull-request.yml", "pipeline.yml"]

    again = update(world, NEWER, "workflow_dispatch")
    assert again.code == 0, again.log[-6000:]
    assert "is still open" in again.summary
    assert [step.id for step in again.job("resolve").steps] == ["waiting"]
    assert len(world.github.state.pulls) == 1


@pytest.mark.parametrize(
    ("lock", "results"),
    [
        ("true", {"resolve": "success"}),
        ("echo half >>requirements/run.txt; exit 1", {"resolve": "failure"}),
        (HOSTILE, {"resolve": "success", "propose": "failure"}),
    ],
    ids=["nothing newer", "not resolved", "more than locks"],
)
def test_no_pull_request(world: World, lock: str, results: dict[str, str]) -> None:
    """Nothing newer, half a resolution, and files that are no locks: none is proposed."""
    result = update(world, lock)
    ran = {name: each for name, each in result.results.items() if each != "skipped"}
    assert ran == results, result.log[-6000:]
    assert world.github.state.pulls == {}
    assert "update-9-1" not in world.github.git.git("branch", "--list")


def test_the_job_that_may_write_runs_no_code_of_the_repository() -> None:
    """Attacks a step that would run a package, or what was checked out, beside a writing token."""
    jobs = load(WORKFLOW)["jobs"]
    assert set(jobs["resolve"]["permissions"].values()) == {"read"}
    assert "secrets." not in WORKFLOW.read_text("utf-8")
    no_code_of_the_repository(jobs["propose"])
