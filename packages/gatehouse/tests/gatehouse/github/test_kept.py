"""Attacks what a run takes of earlier runs, where there is no DVC remote."""

from __future__ import annotations

import shutil

from gatehouse.digest import dvc_md5
from gatehouse.github.kept import take_kept
from gatehouse.workspace import MODEL
from tests.gatehouse.github.fork import OUTPUTS, Fork
from tests.gatehouse.github.hub import READ


def taken(fork: Fork) -> str:
    """What a later run takes, in a checkout that has no outputs yet."""
    for name in OUTPUTS:
        shutil.rmtree(fork.root / name, ignore_errors=True)
    return take_kept(fork.connect(READ), fork.root, 500)


def test_what_a_lock_records_is_not_made_again(fork: Fork) -> None:
    """The archive of the run that made it will do; a second time there is nothing to take."""
    fork.finish(fork.pull_request())
    wanted = dvc_md5(fork.root / MODEL)
    assert "of an earlier run" in taken(fork)
    assert dvc_md5(fork.root / MODEL) == wanted
    assert take_kept(fork.connect(READ), fork.root, 500) == "there is nothing to take"


def test_an_archive_is_held_against_the_lock(fork: Fork) -> None:
    """Any run can upload any archive under any name: other bytes, or none, are not taken."""
    pull = fork.pull_request()
    for content in (b"no archive", fork.zipped({str(MODEL): b"forged"}), fork.zipped({"x": b""})):
        fork.finish(pull, content)
    assert "is made again" in taken(fork)
    assert not (fork.root / MODEL).exists()
    assert not [path for path in (fork.root / ".gatehouse").rglob("*") if path.is_file()]
