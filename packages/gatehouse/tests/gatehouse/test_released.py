"""The best released model of a branch: attacks the margin by many small losses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatehouse.acceptance.record import Acceptance
from gatehouse.base import Base, Judged, find_base
from gatehouse.errors import GatehouseError
from gatehouse.evidence import RELEASED, Evidence, Exam, Measurement, Of, Subject
from gatehouse.policy import Rule
from gatehouse.released import released_before
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.test_since import Rows, word


class Releases(Rows):
    """A branch whose commits record runs: the gain of each model over the one before."""

    def record(
        self, gain: float, *, exam: str = "one", passed: bool = True, word: Acceptance | None = None
    ) -> str:
        self.count += 1
        reports = self.root / "reports/evidence"
        reports.mkdir(parents=True, exist_ok=True)
        gained = Measurement(
            name="roc_auc", of=Of.COMPARISON, value=gain, unit="1", n=100, method="paired"
        )
        subject = Subject(model=f"sha256:{self.count}")
        Evidence(
            gate="accuracy", candidate=subject, base=Subject(), settings={}, tools={},
            exam=Exam(digest=exam, rows=9, unchanged=9, standing="s", scored=9, new=0),
            measurements=(gained,),
        ).write(reports / "accuracy.json")  # fmt: skip
        Verdict(
            outcome=Outcome.PASS if passed else Outcome.FAIL, candidate=subject, base=None,
            policy="p", policy_from="p", rules=(), errors={},
        ).write(self.root / "reports/verdict.json")  # fmt: skip
        return self.commit("dvc.lock", *filter(None, [word]))

    def found(self) -> Base:
        return released_before(find_base("main", self.root), self.root, self.bring)

    def best(self) -> str | None:
        """Return the commit of the best released model, if it is not the base's."""
        released = self.found().record.released
        if released is None:
            return None
        (brought,) = set(self.brought)
        assert released == self.outputs(brought)
        return brought


@pytest.fixture
def branch(tmp_path: Path) -> Releases:
    branch = Releases(tmp_path)
    branch.commit("policy.yaml", "contract.yaml")
    return branch


def test_many_small_losses_count_from_the_best(branch: Releases) -> None:
    """Attacks the margin by steps that are each within it, on exams that change meanwhile."""
    branch.record(0)
    best = branch.record(0.02)
    for place in range(4):
        branch.record(-0.009, exam=f"exam {place}")
    assert branch.best() == best


def test_a_base_that_is_the_best_needs_no_other(branch: Releases) -> None:
    """Attacks a clean branch: there is nothing to fetch."""
    for gain in (0.0, 0.004, -0.003, 0.005):
        branch.record(gain)
    assert branch.best() is None
    assert branch.brought == []


def test_a_model_that_failed_was_not_released(branch: Releases) -> None:
    """Attacks the reference by a model that was merged red, such as an unfair one."""
    first = branch.record(0.0)
    branch.record(0.05, passed=False)
    branch.record(-0.06)
    assert branch.best() == first


def test_a_record_that_was_taken_out_counts_no_more(branch: Releases) -> None:
    """Attacks a search for models of a record that the branch dropped."""
    branch.record(0.02)
    for place in ("dvc.lock", "reports/evidence/accuracy.json", "reports/verdict.json"):
        (branch.root / place).unlink()
    subprocess.run(["git", "add", "--all"], cwd=branch.root, check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", "drop"], cwd=branch.root, check=True)
    branch.record(-0.01)
    assert branch.best() is None


def test_an_accepted_loss_starts_anew(branch: Releases) -> None:
    """Attacks a branch that could never lose what an owner gave up, and a word on another rule."""
    first = branch.record(0.0)
    branch.record(-0.02, word=word(1, "roc_auc", "accuracy"))
    assert branch.best() == first
    rule = Rule(gate="accuracy", measurement="roc_auc", of=Of.COMPARISON, slice=RELEASED,
                at_least=-0.01, why="a test")  # fmt: skip
    accepted = word(2, "roc_auc", "accuracy")
    (entry,) = accepted.scope.rules.values()
    rules = {"release": entry.model_copy(update={"rule": rule})}
    scope = accepted.scope.model_copy(update={"rules": rules})
    branch.record(-0.02, word=accepted.model_copy(update={"scope": scope}))
    branch.brought.clear()
    assert branch.best() is None


def test_evidence_that_was_not_measured_again_counts_once(branch: Releases) -> None:
    """Attacks the sum by a record that keeps the evidence of the one before."""
    branch.record(0.02)
    branch.record(-0.008)
    branch.commit("dvc.lock")
    branch.record(0.009)
    assert branch.best() is None


def test_an_unknown_difference_counts_for_the_older(branch: Releases) -> None:
    """Attacks the reference by losses that no record tells."""
    first = branch.record(0.0)
    branch.commit("dvc.lock")
    branch.commit("dvc.lock")
    assert branch.best() == first


def test_what_lies_behind_a_merge_was_not_released(branch: Releases) -> None:
    """Attacks the reference by a model on a branch that was merged."""
    first = branch.record(0.0)
    branch.git("checkout", "-q", "-b", "side")
    branch.record(0.3)
    branch.record(-0.31)
    branch.git("checkout", "-q", "main")
    branch.commit("params.yaml")
    branch.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert branch.best() == first


def test_a_model_that_is_lost_is_still_named(
    branch: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks the comparison by deleting the model: the gate says so."""
    first = branch.record(0.0)
    branch.record(-0.005)
    branch.lost = True
    assert branch.found().record.released == branch.outputs(first)
    assert f"the best released model, of {first[:12]}" in capsys.readouterr().out


def test_candidates_count_since_the_exam_changed(branch: Releases) -> None:
    """Attacks the count by an exam of long ago, and by one candidate that is recorded twice."""
    assert branch.found().record.judged is None
    branch.record(0.0, exam="old")
    branch.record(0.0)
    branch.record(0.001)
    branch.commit("dvc.lock")
    assert branch.found().record.judged == Judged(exam="one", candidates=2)
    branch.record(0.0, exam="new")
    assert branch.found().record.judged == Judged(exam="new", candidates=1)


def test_a_broken_record_stops_nobody(branch: Releases) -> None:
    """Attacks every later run by one file of reports/, which is free."""
    first = branch.record(0.0)
    (branch.root / "reports/evidence/accuracy.json").write_text("{")
    (branch.root / "reports/verdict.json").write_bytes(b"\xff")
    branch.commit("dvc.lock")
    assert branch.best() == first
    assert branch.found().record.judged is None


def test_git_errors_are_errors(branch: Releases) -> None:
    """Attacks a checkout without the history: nothing is silently the best."""
    branch.record(0.0)
    base = find_base("main", branch.root)
    subprocess.run(["rm", "-r", ".git"], cwd=branch.root, check=True)
    with pytest.raises(GatehouseError, match="not a git repository"):
        released_before(base, branch.root, branch.bring)
