"""Attacks the tie between a run and its candidate with archives of other runs."""

from __future__ import annotations

from tests.gatehouse.github.fork import Fork


def test_another_runs_archive_is_not_taken(fork: Fork) -> None:
    """A good candidate lies there, under the very name: a run that uploaded none is red."""
    fork.measure_by_hand()
    good = fork.pull_request(fork.retrain)
    assert fork.judge(fork.finish(good)).overall.state == "success"
    second = fork.pull_request(fork.retrain, branch="second")
    judged = fork.judge(fork.finish(second, upload=False))
    assert judged.overall.state == "failure"
    assert "no candidate" in judged.overall.text


def test_a_good_archive_does_not_make_another_commit_green(fork: Fork) -> None:
    """A stranger's run uploads what was judged green before; the commit records another model."""
    fork.measure_by_hand()
    good = fork.pull_request(fork.retrain)
    archive = fork.zipped({})
    assert fork.judge(fork.finish(good, archive)).overall.state == "success"
    eve = {"head_repository": "eve/model", "author": "eve"}
    worse = fork.pull_request(lambda: fork.retrain(scale=-0.02), branch="worse", lock=True, **eve)
    judged = fork.judge(fork.finish(worse, archive))
    assert judged.overall.state == "failure"
    assert "dvc.lock does not record" in judged.overall.text
