"""Which rules judge production, and what they make of a window."""

from __future__ import annotations

from datetime import date

import pytest

from gatehouse.evidence import Evidence, Measurement, Of, Subject
from gatehouse.monitor.verdict import judge_window, outcome, watching
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.tiny import measured
from tests.sample import SAMPLE
from tests.shared import SPECS

ALL = ("drift", "accuracy", "fairness")
SUBJECT = Subject(contract="sha256:c", data="sha256:d", model="sha256:m")
BASE = Subject(contract="sha256:c", data="sha256:b", model="sha256:m")


def judged(policy: Policy, gate: str, *found: Measurement, error: str | None = None) -> Verdict:
    rules = watching(policy, [gate])
    evidence = Evidence(
        gate=gate, candidate=SUBJECT, base=BASE, settings=rules.settings(SPECS[gate]),
        tools={}, measurements=found,
    )  # fmt: skip
    return judge_window({gate: error or evidence}, SUBJECT, BASE, rules, "policy", date.today())


def drift(value: float, p_value: float = 1e-9, slice: str = "number=age") -> Measurement:
    return measured("drift", value, slice=slice, p_value=p_value, of=Of.COMPARISON)


def test_rules_of_training_do_not_judge_production() -> None:
    """Attacks an alarm by a rule that production can't keep, and one that is left out wrongly."""
    rules = watching(load_policy(SAMPLE / "policy.yaml"), ALL)
    assert set(rules.rules) == {
        "drift-schema", "drift-numbers", "drift-categories", "drift-tails", "drift-predictions",
        "drift-joint",
        "accuracy-auc-floor", "accuracy-floor", "accuracy-calibration", "accuracy-too-good",
        "fairness-equalized-odds", "fairness-parity",
    }  # fmt: skip
    assert {rule.gate for rule in watching(rules, ["drift"]).rules.values()} == {"drift"}
    assert not watching(rules, []).rules


def test_a_waiver_of_a_pull_request_is_not_of_production(policy: Policy) -> None:
    """Attacks an alarm that a waiver for a merge keeps silent."""
    waived = Policy.model_validate(
        policy.model_dump()
        | {"waivers": [{"rule": "drift-columns", "reason": "a planned new source",
                        "approver": "jane", "expires": "2999-01-01"}]}
    )  # fmt: skip
    assert judged(waived, "drift", drift(0.2)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("found", "expected", "overall"),
    [
        (drift(0.04), Outcome.PASS, Outcome.PASS),
        (drift(0.2, p_value=0.5), Outcome.PASS, Outcome.PASS),
        (drift(0.2), Outcome.FAIL, Outcome.FAIL),
        (drift(0.2, slice="number=age (since a season ago)"), Outcome.FAIL, Outcome.FAIL),
    ],
)
def test_drift(policy: Policy, found: Measurement, expected: Outcome, overall: Outcome) -> None:
    """Attacks the limit, the test, and what is told of a window."""
    verdict = judged(policy, "drift", found)
    assert (verdict.outcome, outcome(verdict)) == (expected, overall)


def test_a_rule_of_one_slice_is_of_the_season_too(policy: Policy) -> None:
    """Attacks a rule by name that the comparison with a season ago slips past."""
    rule = policy.rules["drift-columns"].model_copy(update={"slice": "prediction"})
    named = policy.model_copy(update={"rules": policy.rules | {"drift-columns": rule}})
    late = drift(0.2, slice="prediction (since a season ago)")
    assert judged(named, "drift", drift(0.0, slice="prediction"), late).outcome is Outcome.FAIL
    other = drift(0.2, slice="number=age")
    assert judged(named, "drift", drift(0, slice="prediction"), other).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("found", "expected", "overall"),
    [
        (measured("roc_auc", 0.9, 0.05), Outcome.PASS, Outcome.PASS),
        (measured("roc_auc", 0.7, 0.05), Outcome.FAIL, Outcome.FAIL),
        (measured("roc_auc", 0.7, 0.2), Outcome.PASS, Outcome.INCONCLUSIVE),
        (measured("roc_auc", None), Outcome.PASS, Outcome.INCONCLUSIVE),
    ],
)
def test_labels_alarm_only_by_evidence(
    policy: Policy, found: Measurement, expected: Outcome, overall: Outcome
) -> None:
    """Attacks an alarm for want of labels, and want of labels that looks like a pass."""
    verdict = judged(policy, "accuracy", found)
    assert (verdict.outcome, outcome(verdict)) == (expected, overall)


@pytest.mark.parametrize("gate", ALL)
def test_no_evidence_is_no_pass(policy: Policy, gate: str) -> None:
    """Attacks a pass where nothing could be measured, by an error or by no measurement."""
    verdict = judged(policy, gate, error="no record")
    assert (verdict.outcome, outcome(verdict)) == (Outcome.FAIL, Outcome.ERROR)
    assert verdict.errors == {gate: "no record"}
    assert judged(policy, gate).outcome is Outcome.FAIL
