"""Attacks the record: what the branch gets is what was judged, and DVC takes it for its own."""

from __future__ import annotations

from gatehouse.typed import parse_yaml
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.github.fork import Fork


def test_dvc_finds_the_record_clean(fork: Fork) -> None:
    """The author pulls the record's commit: nothing is left to be done, by git or DVC."""
    fork.measure_here()
    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull)
    assert fork.judge(event).record
    fork.publish(event)
    fork.work.dvc("commit", "-q", "-f")  # as the pipeline, and a `dvc pull`, leave it in the cache
    fork.work.git("checkout", "-q", "--", "dvc.lock")
    fork.work.git("pull", "-q", "--ff-only", str(fork.github.origin), "change")
    assert fork.work.git("status", "--porcelain") == ""
    # What made the model was not run here: its own code and data are as main has them.
    assert "up to date" in fork.work.dvc("status")
    verdict = Verdict.read(fork.root / "reports/verdict.json")
    assert verdict.outcome is Outcome.PASS
    assert verdict.candidate == fork.work.workspace.present()
    assert parse_yaml((fork.root / "dvc.lock").read_text(), "dvc.lock")["schema"] == "2.0"


def test_new_times_are_nothing_new(fork: Fork) -> None:
    """Measured again, the same models have other timings: that alone is no reason for a commit."""
    fork.measure_here()
    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull)
    assert fork.judge(event).record
    recorded = (fork.record() / "reports/evidence/latency.json").read_text()
    fork.publish(event)
    tip = fork.head(pull)
    fork.work.git("checkout", "-q", "--", "dvc.lock")
    fork.work.git("pull", "-q", "--ff-only", str(fork.github.origin), "change")
    event = fork.finish(pull)
    assert not fork.judge(event).record
    again = fork.folder / f"work-{fork.runs}/candidate/reports/evidence/latency.json"
    assert again.read_text() != recorded
    fork.publish(event)
    assert fork.head(pull) == tip
