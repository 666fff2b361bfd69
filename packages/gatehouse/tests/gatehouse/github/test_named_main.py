"""Attacks with names: a tag or a branch that reads as main never stands in for it."""

from __future__ import annotations

import pytest

from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.test_stacked import tip, weak

pytestmark = pytest.mark.slow

NAMES = [
    "refs/tags/main",
    "refs/tags/heads/main",
    "refs/tags/refs/heads/main",
    "refs/tags/origin/main",
    "refs/tags/gatehouse/main",
    "refs/tags/change",
    "refs/tags/HEAD",
    "refs/heads/tags/main",
    "refs/heads/heads/main",
    "refs/heads/refs/heads/main",
    "refs/heads/origin/main",
    "refs/main",
    "refs/remotes/origin/main",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_weaker_policy_under_main_s_name(fork: Fork, name: str) -> None:
    """The name leads to a policy that asks for nothing, on the server and in the checkout.

    A model that main's policy refuses is refused. Half of the tags are annotated.
    """
    annotated = name.startswith("refs/tags/") and bool(NAMES.index(name) % 2)
    fork.measure_by_hand()
    made = weak(fork, "weak")
    fork.reset()
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("at_least: 0.8\n", "at_least: 0.99\n"))
    fork.work.commit("stricter")
    fork.push("main")
    main = tip(fork)
    found = fork.pull_request(fork.retrain)
    event = fork.finish(found)
    if annotated:
        fork.work.git("tag", "-a", "-m", "x", "annotated", made)
        fork.work.git("push", "-q", str(fork.github.origin), "refs/tags/annotated")
        made = fork.work.git("rev-parse", "refs/tags/annotated").strip()
    for where in (str(fork.github.origin), str(fork.trusted)):
        if where == str(fork.trusted):
            fork.work.run("git", "-C", where, "fetch", "-q", str(fork.github.origin), made)
        fork.work.run("git", "-C", where, "update-ref", name, made)
    judged = fork.judge(event)
    assert judged.overall.state == "failure"
    assert "at least 0.99" in judged.overall.text
    fork.publish(event)
    assert fork.state(event.workflow_run.head_sha) == "failure"
    assert tip(fork) == main
