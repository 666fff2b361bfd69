"""Attacks the sealed exam by pull requests: what leaves the gates, and what a merge keeps."""

from __future__ import annotations

import pytest

from gatehouse.digest import file_digest
from gatehouse.evidence import Evidence
from gatehouse.gates.accuracy.sealed import GAP
from gatehouse.policy import SEALED_LEAK
from gatehouse.released import ACCURACY_EVIDENCE
from gatehouse.table import write_table
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.tiny import rows

RULES = f"""\
  sealed-leak: {{gate: accuracy, measurement: {SEALED_LEAK}, of: comparison, at_most: 0,
    why: A model that has seen the sealed rows proves nothing}}
  sealed-gap: {{gate: accuracy, measurement: {GAP}, of: comparison, at_most: 0.5,
    why: A gain that the sealed rows do not confirm is a gain on the exam's rows alone}}
waivers: []
"""


@pytest.fixture
def sealed(fork: Fork, monkeypatch: pytest.MonkeyPatch) -> Fork:
    """A fork whose policy names a sealed exam."""
    path = fork.folder / "sealed.parquet"
    write_table(rows(60, first=100).assign(age=lambda each: each["age"] + 0.005), path)
    policy = fork.root / "policy.yaml"
    text = policy.read_text().replace("waivers: []\n", RULES)
    policy.write_text(f'{text}sealed: {{digest: "{file_digest(path)}", budget: 3}}\n')
    fork.work.commit("a sealed exam")
    fork.push("main")
    monkeypatch.setenv("GATEHOUSE_SEALED", str(path))
    fork.measure_here()
    return fork


def asked(fork: Fork) -> int:
    evidence = Evidence.read(fork.judged_folder / "evidence/accuracy.json")
    assert evidence.asked is not None
    return evidence.asked.asked


def test_a_question_is_counted_and_no_row_leaves(sealed: Fork) -> None:
    """Attacks the rows by what the gates hand over, and the count by a merge."""
    pull = sealed.pull_request(sealed.retrain)
    event = sealed.finish(pull)
    judged = sealed.judge(event)
    assert judged.overall.state == "success", judged.overall.text
    assert "question 2 of 3" in sealed.said()
    assert asked(sealed) == 2
    names = {path.name for path in sealed.judged_folder.rglob("*")}
    assert "sealed.parquet" not in names
    assert not any(name.endswith(".parquet") for name in names)
    sealed.publish(event)
    sealed.merge(pull)
    evidence = Evidence.read(sealed.root / ACCURACY_EVIDENCE)
    assert evidence.asked is not None
    assert evidence.asked.asked == 2
    again = sealed.pull_request(lambda: sealed.retrain(scale=0.0212))
    sealed.judge(sealed.finish(again))
    assert asked(sealed) == 3
    assert "question 3 of 3" in sealed.said()


def test_gates_that_cannot_read_the_rows_are_red(
    sealed: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the exam by a secret that is gone."""
    monkeypatch.delenv("GATEHOUSE_SEALED")
    judged = sealed.judge(sealed.finish(sealed.pull_request(sealed.retrain)))
    assert judged.overall.state == "failure"
    assert "GATEHOUSE_SEALED is not set, and policy.yaml names sealed rows" in judged.overall.text


def test_a_change_cannot_seal_other_rows(sealed: Fork) -> None:
    """Attacks the exam by a pull request that takes it out of policy.yaml: the base's decides."""

    def change() -> None:
        sealed.retrain()
        policy = sealed.root / "policy.yaml"
        kept = [line for line in policy.read_text().splitlines() if not line.startswith("sealed:")]
        policy.write_text("\n".join(kept) + "\n")

    sealed.judge(sealed.finish(sealed.pull_request(change)))
    assert asked(sealed) == 2
    assert "loosens the policy" in sealed.said()
