"""Attacks what a run starts from: the change's own dvc.lock is never believed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatehouse.github.start import start_run
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.hub import PIPELINE, READ


def started(fork: Fork, pull: int, **more: str) -> tuple[str, str | None]:
    """What the command says for a new run on the head, and the dvc.lock that it leaves."""
    head = fork.head(pull)
    given = {"head_branch": "change", "head_sha": head} | PIPELINE | more
    fork.run(conclusion=None, **given)
    records = fork.folder / "change"
    shutil.rmtree(records, ignore_errors=True)
    records.mkdir()
    fork.work.run("git", "-C", str(fork.root), "archive", "-o", str(records / "x.tar"), head)
    shutil.unpack_archive(records / "x.tar", records)
    earlier = start_run(fork.connect(READ), fork.runs, records, fork.trusted, "main")
    lock = records / "dvc.lock"
    return earlier, lock.read_text() if lock.exists() else None


@pytest.fixture
def main_lock(fork: Fork) -> str:
    return fork.work.git("show", "main:dvc.lock")


def test_the_base_s_record(fork: Fork, main_lock: str) -> None:
    """Attacks with a lock of the change's own, with none, and with a link to another file."""
    for lock in (False, True):
        pull = fork.pull_request(fork.retrain, lock=lock)
        assert started(fork, pull) == ("", main_lock)
    pull = fork.pull_request(lambda: (fork.root / "dvc.lock").unlink(), lock=True)
    assert started(fork, pull) == ("", main_lock)

    def link() -> None:
        (fork.root / "dvc.lock").unlink()
        (fork.root / "dvc.lock").symlink_to("../../trusted/policy.yaml")

    policy = (fork.trusted / "policy.yaml").read_text()
    assert started(fork, fork.pull_request(link, lock=True)) == ("", main_lock)
    assert (fork.trusted / "policy.yaml").read_text() == policy


def test_a_revert_starts_from_the_old_record(fork: Fork, main_lock: str) -> None:
    """The lock is that of the default branch's own past, so that nothing is trained."""
    fork.retrain()
    fork.work.commit("retrained")
    fork.push("main")
    newer = fork.work.git("show", "main:dvc.lock")
    fork.work.run("git", "-C", str(fork.trusted), "fetch", "-q", "--depth=1", "origin", "main")
    fork.work.run("git", "-C", str(fork.trusted), "reset", "-q", "--hard", "FETCH_HEAD")
    pull = fork.pull_request(lambda: (fork.root / "dvc.lock").write_text(main_lock), lock=True)
    assert started(fork, pull) == ("", main_lock)
    pull = fork.pull_request(lambda: (fork.root / "dvc.lock").write_text("{}"), lock=True)
    assert started(fork, pull) == ("", newer)


def test_the_queue_and_models_from_elsewhere(fork: Fork, main_lock: str) -> None:
    """They take what the change records; such a run makes no model that counts."""
    pull = fork.pull_request(fork.retrain, lock=True)
    own = fork.work.git("show", "change:dvc.lock")
    assert own != main_lock
    queue = f"gh-readonly-queue/main/pr-{pull}-{fork.work.git('rev-parse', 'main').strip()}"
    assert started(fork, pull, event="merge_group", head_branch=queue) == ("", own)
    policy = fork.trusted / "policy.yaml"
    policy.write_text(policy.read_text() + "model: recorded\n")
    assert started(fork, pull) == ("", own)


def test_equal_inputs_run_nothing(fork: Fork, main_lock: str) -> None:
    """The branch's own earlier run is taken; in the queue too, by its pull request's branch."""
    pull = fork.pull_request(fork.retrain)
    fork.finish(pull)
    made = str(fork.runs)
    (fork.root / "README.md").write_text("more words\n")
    fork.work.commit("words")
    fork.push("change")
    assert started(fork, pull)[0] == made
    queue = f"gh-readonly-queue/main/pr-{pull}-{fork.work.git('rev-parse', 'main').strip()}"
    assert started(fork, pull, event="merge_group", head_branch=queue)[0] == made
    assert started(fork, pull, head_branch="other") == ("", main_lock)
    (fork.root / "params.yaml").write_text("seed: 1\n")
    fork.work.commit("a setting")
    fork.push("change")
    assert started(fork, pull) == ("", main_lock)


def test_a_failed_or_emptied_run_is_not_taken(fork: Fork, main_lock: str) -> None:
    """Attacks with an earlier run that failed, and with one whose candidate expired."""
    pull = fork.pull_request(fork.retrain)
    fork.finish(pull, conclusion="failure")
    assert started(fork, pull) == ("", main_lock)
    fork.finish(pull)
    for artifact in fork.github.state.artifacts():
        artifact.expired = True
    assert started(fork, pull) == ("", main_lock)


def test_no_record_at_all(fork: Fork, tmp_path: Path) -> None:
    """A first run: there is nothing to start from, whatever the change brings."""
    (fork.root / "dvc.lock").unlink()
    fork.work.commit("no record")
    fork.push("main")
    fork.work.run("git", "-C", str(fork.trusted), "fetch", "-q", "--depth=1", "origin", "main")
    fork.work.run("git", "-C", str(fork.trusted), "reset", "-q", "--hard", "FETCH_HEAD")
    pull = fork.pull_request(lambda: (fork.root / "dvc.lock").write_text("{}"), lock=True)
    assert started(fork, pull) == ("", None)
