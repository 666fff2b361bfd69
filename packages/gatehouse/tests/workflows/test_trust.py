"""Attacks the rules themselves: a pull request that would judge itself, and one of a stranger."""

from __future__ import annotations

from tests.end_to_end.clone import Clone
from tests.workflows.world import ALONE, World

FAKE = """\
name: Pipeline
on: pull_request
permissions: {}
jobs:
  checks:
    name: Checks
    runs-on: ubuntu-24.04
    permissions:
      statuses: read
    steps:
      - name: Say that all is well
        env:
          TOKEN: ${{ github.token }}
          HEAD: ${{ github.event.pull_request.head.sha }}
        run: |
          curl --silent --output /dev/null --write-out 'status %{http_code}' \\
              --header "Authorization: Bearer $TOKEN" \\
              --data '{"state": "success", "context": "gatehouse"}' \\
              "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$HEAD"
"""


def cripple(fork: Clone) -> None:
    """A network that has hardly learned."""
    fork.replace("params.yaml", "epochs: 6", "epochs: 1")


def test_an_edited_judge_and_policy_do_not_count(world: World) -> None:
    """The gates' code says pass to everything and the policy asks for nothing: red, by the base's.

    The pull request's own run believes itself; the comment names what a code owner must approve.
    """

    def edit(fork: Clone) -> None:
        cripple(fork)
        fork.replace(
            "packages/gatehouse/src/gatehouse/judge.py",
            "return Outcome.FAIL if any(result.blocks for result in results) else Outcome.PASS",
            "return Outcome.PASS",
        )
        fork.replace("policy.yaml", "at_least: 0.80", "at_least: 0.10")
        fork.replace("policy.yaml", "at_least: -0.03", "at_least: -0.9")

    pull = world.open(edit)
    checked = world.through(pull)
    assert "PASS" in checked.job("pipeline").step("Run the pipeline").output
    assert checked.results["machinery"] == "success"
    assert (
        "`ubuntu-24.04`: the change touches packages/gatehouse/src/gatehouse/judge.py |"
        in checked.summary
    )
    assert "accuracy" in world.red(pull, "accuracy")
    comment = world.said(pull)
    assert "loosens the policy" in comment
    for file in ("policy.yaml", "packages/gatehouse/src/gatehouse/judge.py"):
        assert f"`{file}` (`@octo/ml" in comment.replace("\u2060", "")


def test_an_edited_workflow_proves_nothing(world: World) -> None:
    """A workflow that runs nothing and ends well: red, for no candidate; its token says nothing."""
    file = ".github/workflows/pipeline.yml"
    pull = world.open(lambda fork: (fork.root / file).write_text(FAKE) and None)
    checked = world.through(pull, workflows=ALONE)
    assert checked.code == 0
    assert "status 403" in checked.log
    assert "no candidate" in world.red(pull)
    assert world.github.statuses(pull.head_sha)["gatehouse"].login == "github-actions[bot]"
    assert world.tip("change") == pull.head_sha, "nothing is recorded of nothing"


def test_a_fork_is_judged_without_secrets_on_cpu(world: World) -> None:
    """A stranger's pull request: CPU, no secrets, commented; its model needs a branch of ours.

    Nothing is written to the stranger's branch. Continued on a branch of ours, its run counts.
    """
    world.variables = {"GPU_LABELS": '["gpu"]'}
    eve = {"head_repository": "eve/model", "author": "eve"}
    pull = world.open(lambda fork: fork.replace("params.yaml", "epochs: 6", "epochs: 7"), **eve)
    secrets = {"AWS_ACCESS_KEY_ID": "AKIA-not-for-strangers", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
    checked = world.through(pull, secrets=secrets)
    assert checked.code == 0, checked.log[-6000:]
    assert "it comes from a fork" in checked.summary
    assert "AKIA" not in checked.log
    assert "it was made on a fork" in world.red(pull, "rows")
    assert "dvc.lock does not record" in world.said(pull)
    assert "/gatehouse accept model-from-run" in world.said(pull)
    assert [call.path for call in world.github.writes if "/git/" in call.path] == []

    world.number += 1
    ours = world.open_here("from-1")
    world.through(ours, workflows=ALONE)
    assert world.status(world.tip("from-1")).startswith("success: ")


def test_our_own_change_trains_where_the_variable_says(world: World) -> None:
    """GPU_LABELS chooses the runner of the pipeline, and of nothing else; the status says so."""
    world.variables = {"GPU_LABELS": '["gpu"]'}
    pull = world.open(lambda fork: (fork.root / "README.md").write_text("More words") and None)
    run, checked = world.check(pull)
    assert '| pipeline | `["gpu"]` |' in checked.summary
    announced = world.announce(run)
    assert announced.code == 0, announced.log[-3000:]
    assert '["gpu"]' in world.status(pull.head_sha)


def test_a_draft_costs_no_gpu_and_is_not_judged(world: World) -> None:
    """Checks and tests run, the pipeline does not; the status waits until it is ready."""
    pull = world.open(cripple, draft=True)
    run, checked = world.check(pull)
    assert checked.code == 0, checked.log[-6000:]
    assert "pipeline" not in checked.results
    assert world.judge(run).code == 0
    assert world.status(pull.head_sha).startswith("pending: a draft")
    assert world.github.comments(pull.number) == []
