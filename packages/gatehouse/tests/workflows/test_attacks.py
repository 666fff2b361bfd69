"""Attacks the proof that a model is from a run, with the workflows run for real.

Each variant brings a model that no run that counts made, and is judged while tags named main lead
to a policy that asks for no proof. More variants of each kind are played in one process, in
tests/gatehouse/github.
"""

from __future__ import annotations

import sys

import pytest

from gatehouse.lock import relock
from tests.github.state import PullRequest, Run
from tests.workflows.test_broken import archive_of
from tests.workflows.test_pull_request import other_seed
from tests.workflows.world import OWN, World

LATER = "2099-01-01T00:00:00Z"
TAGS = ("main", "heads/main", "refs/heads/main", "origin/main")


@pytest.fixture
def named(world: World) -> World:
    """Tags that read as main lead to a commit whose policy does not ask where a model is from."""
    fork = world.author
    fork.run("git", "checkout", "--quiet", "-b", "weak", "main")
    policy = (fork.root / "policy.yaml").read_text()
    start, end = policy.index("  model-from-run:"), policy.index("  exam-untouched:")
    (fork.root / "policy.yaml").write_text(policy[:start] + policy[end:])
    fork.commit("Ask for no proof")
    fork.run("git", "push", "--quiet", "origin", *(f"HEAD:refs/tags/{name}" for name in TAGS))
    fork.run("git", "checkout", "--quiet", "main")
    return world


def other_model(world: World) -> bytes:
    """A candidate with another model, which does as main's does."""
    import onnx

    root, names = world.author.root, ["models/model.onnx", "models/model.int8.onnx"]
    for name in names:
        model = onnx.load(root / name)
        model.doc_string = "made elsewhere"
        (root / name).unlink()
        (root / name).write_bytes(model.SerializeToString())
    lock = relock((root / "dvc.lock").read_text(), root, names)
    return archive_of(world, {"dvc.lock": lock.encode()})


def words(world: World) -> None:
    with (world.author.root / "README.md").open("a") as stream:
        stream.write("\nOther words.\n")


def ended(world: World, pull: PullRequest, archive: bytes | None) -> Run:
    """The change's runs end well, with this candidate."""
    run = world.ended(pull, "success")
    if archive is not None:
        world.github.artifact(run.id, "candidate-x", archive)
    return run


def pushed(world: World, pull: PullRequest) -> PullRequest:
    branch = pull.head_branch
    world.author.run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    return world.github.pull_request(pull.number, head_branch=branch)


def refused(world: World, pull: PullRequest, run: Run, message: str) -> None:
    judged = world.judge(run)
    assert judged.code == 0, judged.log[-6000:]
    assert message in world.red(pull) + world.said(pull).replace("\u2060", "").replace("\\", "")
    assert not world.status(world.tip(pull.head_branch)).startswith("success")


def test_a_model_that_no_run_made_is_red(named: World) -> None:
    """A reverted evil commit, claimed inputs, a base that moved, two candidates."""
    world, fork = named, named.author
    honest = archive_of(world)
    pull = world.open(lambda _: words(world), "honest")
    assert world.judge(ended(world, pull, honest)).code == 0
    assert world.status(pull.head_sha).startswith("success: ")
    evil = other_model(world)

    pull = world.open(lambda _: fork.replace("Makefile", "\n", "\n# evil\n"), "reverted")
    ended(world, pull, evil)
    fork.run("git", "revert", "--no-edit", "HEAD")
    pull = pushed(world, pull)
    refused(world, pull, ended(world, pull, None), "uploaded no candidate")

    pull = world.open(lambda _: words(world), "claimed")
    ended(world, pull, evil)
    fork.replace("params.yaml", "epochs: 6", "epochs: 7")
    fork.commit("Train longer")
    pull = pushed(world, pull)
    refused(world, pull, ended(world, pull, None), "uploaded no candidate")

    pull = world.open(lambda _: words(world), "retargeted")
    run = ended(world, pull, evil)
    pull.events.append(("base_ref_changed", LATER))
    refused(world, pull, run, f"#{pull.number} did not go into main")

    pull = world.open(lambda _: words(world), "twice")
    run = ended(world, pull, honest)
    world.github.artifact(run.id, "candidate-y", evil)
    refused(world, pull, run, "2 candidates")


def test_a_branch_of_an_evil_commit_is_red(named: World) -> None:
    """Main has an evil commit and its revert, merged; the branch grew from the evil one."""
    world, fork = named, named.author
    evil = other_model(world)
    fork.run("git", "checkout", "--quiet", "-b", "evil", "main")
    fork.replace("Makefile", "\n", "\n# evil\n")
    fork.commit("Evil")
    fork.run("git", "revert", "--no-edit", "HEAD")
    fork.run("git", "checkout", "--quiet", "main")
    fork.run("git", "merge", "--quiet", "--no-ff", "--no-edit", "evil")
    # A push would find two refs of that name.
    world.github.git.git("fetch", "--quiet", str(fork.root), "refs/heads/main:refs/heads/main")
    fork.run("git", "checkout", "--quiet", "-b", "grown", "evil^")
    words(world)
    fork.commit("Words")
    world.number += 1
    pull = world.open_here("grown")
    refused(world, pull, ended(world, pull, evil), "update the branch: main has another Makefile")


def test_a_stacked_queue_is_red(named: World) -> None:
    """An entry on another entry, which merges a weaker policy; and one on what the tag names."""
    world, git = named, named.github.git
    pull = world.open(lambda _: words(world))
    weak = git.git("rev-parse", "refs/tags/main")
    who = {"name": "GitHub", "email": "noreply@example.com"}
    tree = git.git("rev-parse", f"{pull.head_sha}^{{tree}}")
    first = git.commit("Merge", git.git("rev-parse", f"{weak}^{{tree}}"), [weak], who)
    for at, base in enumerate((first, weak)):
        entry = git.commit("Merge", tree, [base, pull.head_sha], who)
        branch = f"gh-readonly-queue/main/pr-{pull.number}-{base}"
        git.git("update-ref", f"refs/heads/{branch}", entry)
        for step, (name, file) in enumerate(OWN.items(), start=100 + 10 * at):
            run = world.github.run(
                step, name=name, path=f".github/workflows/{file}", event="merge_group",
                head_branch=branch, head_sha=entry,
            )  # fmt: skip
        world.github.artifact(run.id, "candidate-x", archive_of(world))
        assert world.judge(run).code == 0
        assert "to 1" in world.status(entry)
        assert world.status(entry).startswith(("failure: ", "error: "))


def test_a_poisoned_cache_is_not_taken(world: World) -> None:
    """An earlier push filled every cache with a module that each Python of .venv would load.

    No job takes it: neither the one whose model counts, nor those that check and test.
    """
    held, ran = world.act.folder / "held", world.act.folder / "ran"
    site = held / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    site.mkdir(parents=True)
    poison = f"import os; open({str(ran)!r} + os.environ.get('GITHUB_JOB', ''), 'a')"
    (site / "poison.pth").write_text(poison)
    pull = world.open(other_seed)
    _, checked = world.check(pull, environment={"STAND_IN_CACHE": str(held)})
    assert checked.code == 0, checked.log[-6000:]
    assert checked.job("pipeline").result == "success"
    assert not [*world.act.folder.glob("ran*")]
