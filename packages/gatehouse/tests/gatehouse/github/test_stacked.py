"""Attacks the merge queue: an entry's base is the tip of its branch, or it is red."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gatehouse.github.fork import Fork

pytestmark = pytest.mark.slow

Base = Callable[[Fork, int], str]
"""What the queue put the entry of a pull request on: the rest of its branch's name."""


def tip(fork: Fork, name: str = "main") -> str:
    commit = fork.github.git.commit_of(f"refs/heads/{name}")
    assert commit is not None
    return commit


def weak(fork: Fork, branch: str) -> str:
    """A commit on a branch that nobody reviewed, with a policy that asks for nothing."""
    fork.reset()
    fork.work.git("checkout", "-q", "-B", branch)
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("at_least: 0.8\n", "at_least: 0.1\n"))
    made = fork.work.commit("weak")
    fork.push(branch)
    return made


def another_entry(fork: Fork, pull: int) -> str:
    return weak(fork, f"gh-readonly-queue/main/pr-7-{tip(fork)}")


def its_own_entry(fork: Fork, pull: int) -> str:
    return fork.head(pull)


def a_merged_entry(fork: Fork, pull: int) -> str:
    """Main, and an entry before this one, merged by the queue and by nobody else."""
    first = weak(fork, "first")
    fork.work.git("checkout", "-q", "-B", "both", "main")
    fork.work.git("merge", "-q", "--no-ff", "--no-edit", first)
    fork.push(f"gh-readonly-queue/main/pr-8-{tip(fork)}")
    return fork.work.git("rev-parse", "HEAD").strip()


def main_before(fork: Fork, pull: int) -> str:
    """Main moved on while the entry waited."""
    old = tip(fork)
    fork.reset()
    (fork.root / "README.md").write_text("main moved on\n")
    fork.work.commit("words")
    fork.push("main")
    return old


def main_s_parent(fork: Fork, pull: int) -> str:
    return fork.work.git("rev-parse", "main^").strip()


def a_tagged_commit(fork: Fork, pull: int) -> str:
    made = weak(fork, "first")
    fork.github.git.git("update-ref", "refs/tags/main", made)
    return made


def no_commit(fork: Fork, pull: int) -> str:
    return "1" * 40


def a_tree(fork: Fork, pull: int) -> str:
    return fork.work.git("rev-parse", "main^{tree}").strip()


def a_look_alike(fork: Fork, pull: int) -> str:
    """The first twelve digits are main's."""
    return tip(fork)[:12] + 28 * "0"


BASES: dict[str, tuple[str, Base]] = {
    "another entry": ("main", another_entry),
    "its own head": ("main", its_own_entry),
    "a merge of main and another entry": ("main", a_merged_entry),
    "main as it was": ("main", main_before),
    "main's parent": ("main", main_s_parent),
    "a tag named main": ("main", a_tagged_commit),
    "no commit": ("main", no_commit),
    "a tree": ("main", a_tree),
    "a look-alike of the tip": ("main", a_look_alike),
    "a branch that has no gates": ("weak", lambda fork, _: weak(fork, "weak")),
    "a branch named as the tag": ("tags/main", lambda fork, _: weak(fork, "tags/main")),
    "a branch named as the ref": ("refs/heads/main", lambda f, _: weak(f, "refs/heads/main")),
    "a branch of another case": ("Main", lambda fork, _: weak(fork, "Main")),
}


@pytest.mark.parametrize("name", BASES)
def test_an_entry_on_what_main_is_not(fork: Fork, name: str) -> None:
    """Never green, and nothing is recorded: the base is a change that nobody merged."""
    fork.measure_by_hand()
    branch, on = BASES[name]
    pull = fork.pull_request(fork.retrain)
    base = on(fork, pull)
    event = fork.finish(
        pull, event="merge_group", head_branch=f"gh-readonly-queue/{branch}/pr-{pull}-{base}"
    )
    judged = fork.judge(event)
    assert judged.overall.state != "success"
    assert not judged.record
    if branch == "main":
        assert "set the queue's 'Maximum pull requests to build' to 1" in judged.overall.text
    fork.publish(event)
    assert fork.state(event.workflow_run.head_sha) in (None, "failure", "error", "pending")
