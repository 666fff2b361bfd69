"""Attacks the way from a pull request to its status, with both workflows run for real."""

from __future__ import annotations

from tests.end_to_end.clone import Clone
from tests.github.state import PullRequest
from tests.workflows.world import OWN, World

GATES = ("data", "rows", "drift", "accuracy", "fairness", "latency")


def other_seed(fork: Clone) -> None:
    fork.replace("params.yaml", "seed: 0\n  torch_mlp", "seed: 1\n  torch_mlp")


def pushed(world: World, pull: PullRequest, text: str) -> PullRequest:
    """The author takes what was recorded, writes `text` into the README, and pushes."""
    branch = pull.head_branch
    world.author.run("git", "pull", "--quiet", "--ff-only", "origin", branch)
    (world.author.root / "README.md").write_text(text)
    world.author.commit("Say more")
    world.author.run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    return world.github.pull_request(pull.number, head_branch=branch)


def test_a_clean_change_is_green_recorded_and_said_in_one_comment(world: World) -> None:
    """Green on the commit that records it, and on the head it says so; a push edits the comment.

    The verdict waits for no test, and the record for all: a failed one is red, and run again and
    passed it is green. The record's own runs wait for an approval, which changes nothing. The
    second push changes no model, so that nothing is trained and nothing recorded again.
    """
    pull = world.open(other_seed)
    run, checked = world.check(pull)
    assert checked.code == 0, checked.log[-6000:]
    assert "train: 1 x cpu" in checked.summary
    # A setting is no machinery: the library's tests are left out. Nothing is to be asked of Where.
    assert checked.results == dict.fromkeys(("checks", "pipeline"), "success")
    assert "as the repository variable GPU_LABELS is empty" in checked.summary
    assert "| tests of the machinery | not run: the change leaves" in checked.summary
    world.announce(run)
    assert world.status(pull.head_sha).startswith("pending: running")
    checks = world.checks(pull)
    checks.status, checks.conclusion = "in_progress", None
    judged = world.judge(run)
    assert judged.code == 0, judged.log[-6000:]
    assert "Gatehouse: pass" in judged.summary
    assert "Gatehouse: pass" in world.said(pull)
    assert world.status(pull.head_sha).startswith("pending: 6 gates pass")
    assert "waits for checks and tests" in world.status(pull.head_sha)
    assert world.status(pull.head_sha, "gatehouse/accuracy").startswith("success: ")
    settled = world.settle(pull, "failure", {"name": "Tests", "conclusion": "failure"})
    assert settled.code == 0, settled.log[-6000:]
    assert settled.results == {"ended": "success", "publish": "success"}
    assert world.red(pull) == "failure: failed in the workflow: Tests"
    assert world.tip("change") == pull.head_sha, "recorded although a test failed"
    world.github.run_again(checks.id)
    settled = world.settle(pull, "success")
    assert settled.results == {"ended": "success", "publish": "success", "picture": "success"}

    recorded = world.tip("change")
    held = [each for _, each in world.github.sent() if each.head_sha == recorded]
    assert {(each.name, each.conclusion) for each in held} >= {("Pipeline", "action_required")}
    (waiting,) = (each for each in held if each.name == "Pipeline")
    assert world.announce(waiting).results == {}, "it has its verdict, and a job costs a minute"
    assert world.github.git.git("rev-parse", f"{recorded}^") == pull.head_sha
    assert world.status(recorded).startswith("success: ")
    assert world.status(pull.head_sha).startswith("pending: passes as recorded in")
    for commit in (pull.head_sha, recorded):
        for gate in GATES:
            assert world.status(commit, f"gatehouse/{gate}").startswith("success: ")
    comment = world.said(pull)
    assert "Gatehouse: pass" in comment
    assert pull.head_sha in comment
    assert f"/raw/{recorded}/reports/verdict.svg)" in comment
    assert world.github.git.git("show", f"{recorded}:reports/verdict.svg").startswith("<svg ")

    second = pushed(world, pull, "A model, and more words")
    checked = world.through(second)
    assert checked.code == 0, checked.log[-6000:]
    assert "Nothing to train" in checked.summary
    assert world.status(second.head_sha).startswith("success: ")
    assert world.tip("change") == second.head_sha, "nothing new, and yet a commit"
    assert second.head_sha in world.said(second)


def test_an_entry_of_the_merge_queue_gets_its_status(world: World) -> None:
    """What the queue would merge: nothing is trained, the status stands on the queue's commit."""
    pull = world.open(lambda fork: (fork.root / "README.md").write_text("More words") and None)
    git, base = world.github.git, world.tip("main")
    tree = git.git("rev-parse", f"{pull.head_sha}^{{tree}}")
    who = {"name": "GitHub", "email": "noreply@example.com"}
    entry = git.commit("Merge pull request", tree, [base, pull.head_sha], who)
    branch = f"gh-readonly-queue/main/pr-{pull.number}-{base}"
    git.put(f"refs/heads/{branch}", entry)
    payload = {
        "action": "checks_requested",
        "merge_group": {"head_sha": entry, "head_ref": f"refs/heads/{branch}", "base_sha": base,
                        "base_ref": "refs/heads/main"},
        "repository": world.github.pull_request_event(pull.number)["repository"],
    }  # fmt: skip
    world.variables = {"GPU_LABELS": '["gpu"]'}
    for at, (name, file) in enumerate(OWN.items(), start=1):
        run = world.github.run(
            at, name=name, path=f".github/workflows/{file}", event="merge_group",
            head_branch=branch, head_sha=entry, conclusion=None,
        )  # fmt: skip
        checked = world.act.run(
            file, "merge_group", payload, sha=entry, ref=f"refs/heads/{branch}", run_id=at,
            variables=world.variables,
        )  # fmt: skip
        assert checked.code == 0, checked.log[-6000:]
        assert "machinery" not in checked.results
        run.status, run.conclusion = "completed", "success"
    assert "in the merge queue there is nothing left to train" in checked.summary
    assert world.judge(run).code == 0
    assert world.status(entry).startswith("success: ")
    assert world.tip(branch) == entry, "the queue's branch is nobody's to write to"
    assert world.github.comments(pull.number) == []


def test_another_base_is_another_run_and_another_title_is_none(world: World) -> None:
    """A stacked pull request waits without a status, until GitHub points it at main."""
    world.author.run("git", "push", "--quiet", "origin", "main:refs/heads/feature")
    pull = world.open(other_seed, base_branch="feature")
    for file in OWN.values():
        title = world.act.run(
            file, "pull_request",
            world.github.pull_request_event(pull.number, "edited", title="Before"),
            sha=pull.head_sha, ref=f"refs/pull/{pull.number}/merge", run_id=90,
        )  # fmt: skip
        assert (title.code, title.results) == (0, {})
    skipped = world.ended(pull, "skipped")
    assert world.announce(skipped).code == 0
    assert world.judge(skipped).results == {}

    assert world.judge(world.ended(pull, "success")).code == 0
    assert world.github.statuses(pull.head_sha) == {}
    assert "Change its base to `main`" in world.said(pull)

    world.github.state.pulls[pull.number].base_branch = "main"
    edited = world.github.pull_request_event(pull.number, "edited", base="feature")
    run, checked = world.check(pull, edited)
    assert checked.code == 0, checked.log[-6000:]
    assert world.judge(run).code == 0
    assert world.status(world.tip("change")).startswith("success: ")
    assert "Gatehouse: pass" in world.said(pull)
