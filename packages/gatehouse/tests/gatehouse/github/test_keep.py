"""Attacks the only job that writes to the DVC remote: it pushes what was judged, and no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatehouse.digest import dvc_md5, file_digest
from gatehouse.errors import GatehouseError
from gatehouse.github.event import Event
from gatehouse.github.keep import keep
from gatehouse.trusted.judgement import JUDGED, Judgement
from gatehouse.workspace import MODEL
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.hub import READ


@pytest.fixture
def judged(fork: Fork) -> tuple[Fork, Event]:
    """A pull request with a model of its own that was judged."""
    fork.measure_by_hand()
    event = fork.finish(fork.pull_request(fork.retrain))
    fork.judge(event)
    return fork, event


def kept(fork: Fork, event: Event, limit: int = 5) -> str:
    work = fork.folder / "keep"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    return keep(fork.connect(READ), event, fork.judged_folder, work, fork.trusted, limit)


def remote(fork: Fork) -> dict[Path, bytes]:
    folder = fork.folder / "dvc-remote"
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_judged_is_kept(judged: tuple[Fork, Event]) -> None:
    """Attacks a base that is gone with the run's archive: the new model lies in the remote."""
    fork, event = judged
    before = remote(fork)
    assert kept(fork, event).startswith("pushed 1 of 4 ")
    after = remote(fork)
    assert after.items() > before.items()
    md5 = dvc_md5(fork.root / MODEL)
    place = fork.folder / "dvc-remote/files/md5" / md5[:2] / md5[2:]
    assert after[place] == (fork.root / MODEL).read_bytes()
    assert kept(fork, event).startswith("pushed 0 of 4 ")


def test_only_what_was_judged_is_kept(judged: tuple[Fork, Event]) -> None:
    """Attacks the second download: another archive of the run, an answer of another commit."""
    fork, event = judged
    before = remote(fork)
    path = fork.judged_folder / JUDGED
    answer = Judgement.read(path)
    assert answer.objects[str(MODEL)] == file_digest(fork.root / MODEL)
    for objects in (
        answer.objects | {str(MODEL): "sha256:" + "0" * 64},
        answer.objects | {"models/more.onnx": "sha256:" + "0" * 64},
        {str(MODEL): answer.objects[str(MODEL)]},
    ):
        answer.model_copy(update={"objects": objects}).write(path)
        with pytest.raises(GatehouseError, match="is not the one that was judged"):
            kept(fork, event)
    answer.model_copy(update={"head": "1" * 40}).write(path)
    with pytest.raises(GatehouseError, match="is of another commit"):
        kept(fork, event)
    fork.retrain(scale=0.5)
    fork.upload()
    other = fork.github.state.artifacts()[0].id
    assert other != answer.archive
    answer.model_copy(update={"archive": other}).write(path)
    with pytest.raises(GatehouseError, match="is not the one that was judged"):
        kept(fork, event)
    assert remote(fork) == before


def test_a_stranger_s_run_is_not_kept(fork: Fork) -> None:
    """Attacks the remote from a fork: its files stay GitHub's, as long as it keeps them."""
    fork.measure_by_hand()
    more = {"head_repository": "eve/model"}
    event = fork.finish(fork.pull_request(fork.retrain, lock=True, **more))
    judged = fork.judge(event)
    assert judged.objects == {}
    assert kept(fork, event) == "nothing of this run is to be kept"
