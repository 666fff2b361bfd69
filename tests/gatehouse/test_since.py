"""Since when changes of the exam count: attacks growth in many small steps, and forged words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatehouse.acceptance.record import Acceptance, AcceptedRule, Failure, Scope
from gatehouse.evidence import Gate, Of
from gatehouse.policy import Rule
from gatehouse.since import last_word


def word(comment: int, measurement: str, gate: Gate = Gate.ROWS) -> Acceptance:
    rule = Rule(gate=gate, measurement=measurement, of=Of.COMPARISON, at_most=0, why="a test")
    entry = AcceptedRule(rule=rule, failures=(Failure(slice="all", value=3),))
    digests = dict.fromkeys(
        ("raw", "data", "model", "model_fp32", "base_model", "base_model_fp32"), "sha256:0"
    )
    return Acceptance(
        scope=Scope(**digests, rules={"a-rule": entry}),
        by="@owner", reason="was looked at", pull=1, comment=comment,
    )  # fmt: skip


class History:
    """A repository with commits that change what a test names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "a")
        self.git("config", "user.email", "a@example.org")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, *paths: str | Acceptance) -> str:
        for path in paths:
            self.count += 1
            name = path if isinstance(path, str) else path.path.as_posix()
            (self.root / name).parent.mkdir(exist_ok=True)
            text = str(self.count) if isinstance(path, str) else path.to_json()
            (self.root / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def since(self, measurement: str = "exam_growth") -> str | None:
        return last_word(self.git("rev-parse", "HEAD"), measurement, self.root)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_without_a_word_all_counts_from_the_first_record(history: History) -> None:
    """Attacks steps that are each judged against the one before."""
    history.commit("policy.yaml", "contract.yaml")
    assert history.since() is None
    first = history.commit("dvc.lock")
    for _ in range(3):
        history.commit("dvc.lock", "params.yaml")
    assert history.since() == first


@pytest.mark.parametrize("path", ["policy.yaml", "contract.yaml"])
def test_what_an_owner_approved_is_a_word(history: History, path: str) -> None:
    """Attacks a count that never ends: an owner who changed the rules has spoken."""
    history.commit("policy.yaml", "contract.yaml", "dvc.lock")
    history.commit("dvc.lock")
    spoken = history.commit(path)
    history.commit("dvc.lock")
    assert history.since() == spoken


def test_an_acceptance_counts_for_what_it_accepted(history: History) -> None:
    """Attacks a word on another rule, or on another gate's number of the same name."""
    first = history.commit("policy.yaml", "contract.yaml", "dvc.lock")
    history.commit("dvc.lock", word(1, "exam_leak"), word(2, "exam_growth", Gate.ACCURACY))
    assert history.since() == first
    spoken = history.commit("dvc.lock", word(3, "exam_growth"))
    history.commit("dvc.lock")
    assert history.since() == spoken
    assert history.since("touched_exam_rows") == first


def test_what_is_no_acceptance_is_no_word(history: History) -> None:
    """Attacks the count by a file that only lies there."""
    first = history.commit("policy.yaml", "dvc.lock")
    history.commit("acceptances/5.json", "acceptances/README.md")
    forged = word(7, "exam_growth")
    (history.root / "acceptances/8.json").write_text(forged.to_json())
    history.commit()
    assert history.since() == first


def test_what_lies_behind_a_merge_is_no_word(history: History) -> None:
    """Attacks the count by a policy that was changed and changed back on a merged branch."""
    first = history.commit("policy.yaml", "contract.yaml", "dvc.lock")
    history.git("checkout", "-q", "-b", "side")
    before = (history.root / "policy.yaml").read_text()
    history.commit("policy.yaml")
    (history.root / "policy.yaml").write_text(before)
    history.commit("dvc.lock")
    history.git("checkout", "-q", "main")
    history.commit("params.yaml")
    history.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert history.since() == first
    history.git("checkout", "-q", "-b", "other")
    history.commit(word(9, "exam_growth"))
    history.git("checkout", "-q", "main")
    history.commit("params.yaml")
    history.git("merge", "-q", "--no-ff", "-m", "merge", "other")
    assert history.since() == history.git("rev-parse", "HEAD")
