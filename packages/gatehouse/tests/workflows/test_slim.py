"""A small fork's workflows: its library is the wheel in vendor/, and the base's wheel judges."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from gatehouse.defaults import FILE, defaults_of, to_json
from gatehouse.places import LIBRARY_LOCK
from tests.end_to_end.clone import Clone
from tests.workflows.test_pull_request import GATES, other_seed, pushed
from tests.workflows.test_trust import cripple
from tests.workflows.world import ALONE, World

JUDGE = "gatehouse/judge.py"
BLOCKS = "return Outcome.FAIL if any(result.blocks for result in results) else Outcome.PASS"


def other_wheel(fork: Clone, file: str, old: str, new: str) -> Path:
    """Put a wheel with another file of that name in the place of the fork's, and lock it."""
    (wheel,) = (fork.root / "vendor").iterdir()
    with zipfile.ZipFile(wheel) as files:
        content = {info: files.read(info) for info in files.infolist()}
    with zipfile.ZipFile(wheel, "w") as files:
        for info, data in content.items():
            changed = data
            if info.filename == file:
                assert old.encode() in data
                changed = data.replace(old.encode(), new.encode())
            elif info.filename.endswith("/RECORD"):  # its line for the file names the old bytes
                changed = b"".join(
                    line for line in data.splitlines(True) if not line.startswith(file.encode())
                )
            files.writestr(info, changed)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = (fork.root / LIBRARY_LOCK).read_text()
    (fork.root / LIBRARY_LOCK).write_text(f"{lock.partition(':')[0]}:{digest}\n")
    return wheel.relative_to(fork.root)


def test_a_clean_change_is_green_and_recorded(slim_world: World) -> None:
    """By both of the change's workflows, with the fork's own tests and hooks, and by the gates."""
    world = slim_world
    pull = world.open(other_seed)
    run, checked = world.check(pull, timeout=600)
    assert checked.code == 0, checked.log[-6000:]
    assert checked.results == dict.fromkeys(("checks", "pipeline"), "success")
    assert "train: 1 x cpu" in checked.summary
    assert "| tests of the machinery | not run: the change leaves" in checked.summary
    world.announce(run)
    assert world.status(pull.head_sha).startswith("pending: running")
    judged = world.judge(run)
    assert judged.code == 0, judged.log[-6000:]
    recorded = world.tip("change")
    assert world.github.git.git("rev-parse", f"{recorded}^") == pull.head_sha
    for gate in GATES:
        assert world.status(recorded, f"gatehouse/{gate}").startswith("success: ")
    assert world.status(recorded).startswith("success: ")
    assert "Gatehouse: pass" in world.said(pull)

    second = pushed(world, pull, "A model, and more words")
    checked = world.through(second, workflows=ALONE)
    assert "Nothing to train" in checked.summary
    assert world.status(second.head_sha).startswith("success: ")


def test_another_library_in_the_change_judges_nothing(slim_world: World) -> None:
    """The wheel says pass to everything, and the policy asks for nothing: red, by the base's.

    The pull request's own run believes itself; the comment names what a code owner must approve.
    """
    world = slim_world
    wheels = []

    def edit(fork: Clone) -> None:
        cripple(fork)
        wheels.append(other_wheel(fork, JUDGE, BLOCKS, "return Outcome.PASS"))
        fork.replace("policy.yaml", "at_least: 0.80", "at_least: 0.10")
        fork.replace("policy.yaml", "at_least: -0.03", "at_least: -0.9")

    pull = world.open(edit)
    checked = world.through(pull, workflows=ALONE)
    assert "PASS" in checked.job("pipeline").step("Run the pipeline").output
    assert "accuracy" in world.red(pull, "accuracy", "rows")
    comment = world.said(pull).replace("\u2060", "")
    assert "loosens the policy" in comment
    for file in ("policy.yaml", str(LIBRARY_LOCK), str(wheels[0])):
        assert f"`{file}` (`@octo/ml" in comment


def test_another_library_alone_proves_no_model(slim_world: World) -> None:
    """Attacks a change of the wheel that leaves all else as it is: its run is none that counts.

    Its rules only warn where policy.yaml does not say what a failure means, and that is told.
    """
    world, file = slim_world, f"gatehouse/{FILE}"

    def update(fork: Clone) -> None:
        other_seed(fork)
        tree = defaults_of()
        tree["rules"]["keys"]["*"]["keys"]["on_fail"]["default"] = "warn"
        other_wheel(fork, file, to_json(), json.dumps(tree))

    pull = world.open(update)
    world.through(pull, workflows=ALONE)
    assert "vendor/" in world.red(pull, "rows") + world.said(pull)
    assert "loosens the policy" in world.said(pull)
    assert "`rules.accuracy-floor.on_fail`" in world.said(pull).replace("\u2060", "")


def test_a_wheel_that_the_lock_does_not_name_runs_nothing(slim_world: World) -> None:
    """Attacks other bytes under the locked name: the change's checks get no packages."""
    world = slim_world

    def swap(fork: Clone) -> None:
        lock = (fork.root / LIBRARY_LOCK).read_text()
        other_wheel(fork, JUDGE, "\n", "\n\n")
        (fork.root / LIBRARY_LOCK).write_text(lock)

    pull = world.open(swap)
    _, checked = world.check(pull, workflows=("Pull request",))
    assert checked.code != 0
    assert "success" not in checked.results.values()
    assert "Hash mismatch" in checked.log
