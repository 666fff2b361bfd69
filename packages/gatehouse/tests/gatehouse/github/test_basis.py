"""Attacks the base: whoever made the files, each byte is what the base's commit records."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gatehouse.workspace import MODEL
from tests.gatehouse.github.fork import Fork


@pytest.fixture
def alone(fork: Fork) -> Fork:
    """A fork whose base is in no DVC remote."""
    fork.measure_by_hand()
    for part in ("dvc-remote", "trusted/.dvc/cache"):
        shutil.rmtree(fork.folder / part, ignore_errors=True)
    return fork


def leave_candidate(fork: Fork, archive: bytes | None = None) -> None:
    """An earlier run leaves the archive of what main is."""
    fork.reset()
    fork.github.run(fork.runs, head_branch="old", head_sha="1" * 40)
    fork.upload(archive)
    fork.runs += 1


def test_neither_remote_nor_archive(alone: Fork) -> None:
    """Red, and the fix is said: push it from where it was made."""
    judged = alone.judge(alone.finish(alone.pull_request(alone.retrain)))
    assert judged.overall.state == "failure"
    assert "dvc push" in judged.overall.text
    assert "archive" in judged.overall.text


def test_from_an_earlier_run(alone: Fork) -> None:
    """The archive that the base's run left will do, also where another of that name is newer."""
    leave_candidate(alone)
    forged = re.sub(rb"PAR1", b"PAR2", alone.zipped({}))
    for content in (b"no archive", forged, alone.zipped({str(MODEL): b"forged"})):
        leave_candidate(alone, content)
    judged = alone.judge(alone.finish(alone.pull_request(alone.retrain)))
    assert judged.overall.state == "success", judged.overall.text
    base = alone.folder / f"work-{alone.runs}/candidate/.gatehouse/base"
    assert len(list(base.glob(f"*/{MODEL}"))) == 1


def test_archives_with_other_bytes(alone: Fork) -> None:
    """Only forgeries bear the name: none is taken, and nothing of them is left."""
    leave_candidate(alone)
    for archive in alone.github.state.artifacts():
        archive.expired = True
    leave_candidate(alone, alone.zipped({str(MODEL): b"forged"}))
    leave_candidate(alone, alone.zipped({"data/raw/more.parquet": b"PAR1"}))
    judged = alone.judge(alone.finish(alone.pull_request(alone.retrain)))
    assert judged.overall.state == "failure"
    assert "dvc push" in judged.overall.text
    assert not [path for path in (alone.trusted / ".gatehouse").rglob("*") if path.is_file()]


def test_a_damaged_remote(fork: Fork) -> None:
    """What the remote holds is not what the base's lock records: red, not another base."""
    fork.measure_by_hand()
    shutil.rmtree(fork.trusted / ".dvc/cache", ignore_errors=True)
    for file in Path(fork.folder / "dvc-remote").rglob("*"):
        if file.is_file() and not file.name.endswith(".dir"):
            file.chmod(0o644)
            file.write_bytes(b"damaged")
    judged = fork.judge(fork.finish(fork.pull_request(fork.retrain)))
    assert judged.overall.state == "failure"
    assert not judged.record


def test_the_tip_counts(fork: Fork) -> None:
    """The base is what the branch is now, not what it was when the checkout was made."""
    fork.measure_by_hand()
    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull)
    fork.reset()
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("at_least: 0.8\n", "at_least: 0.99\n"))
    fork.work.commit("stricter")
    fork.push("main")
    judged = fork.judge(event)
    assert judged.overall.state == "failure"
    assert "at least 0.99" in judged.overall.text


def test_an_entry_on_another_entry(fork: Fork) -> None:
    """A stacked queue's base is a change that nobody merged: red, and the fix is said."""
    fork.measure_by_hand()
    pull = fork.pull_request(fork.retrain)
    head, tip = fork.head(pull), fork.github.git.commit_of("refs/heads/main")
    assert tip is not None
    for base, message in ((head, "to 1"), (tip, None)):
        branch = f"gh-readonly-queue/main/pr-{pull}-{base}"
        event = fork.finish(pull, event="merge_group", head_branch=branch)
        judged = fork.judge(event)
        if message:
            assert judged.overall.state == "failure"
            assert message in judged.overall.text
        else:
            assert "merge queue" not in judged.overall.text
