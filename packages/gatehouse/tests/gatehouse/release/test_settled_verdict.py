"""The verdict that lies in an image: the same for the same model, on any machine."""

from __future__ import annotations

from typing import Any

from gatehouse.evidence import Interval, Of, Subject
from gatehouse.release.settled_verdict import settled, verdict_digest
from gatehouse.verdict import Finding, Outcome, RuleResult, Verdict


def verdict(ratio: float, outcome: Outcome = Outcome.PASS, auc: float = 0.9) -> Verdict:
    """A pass with one timed rule and one other."""

    def rule(gate: str, measurement: str, value: float, outcome: Outcome) -> RuleResult:
        interval = Interval(low=value - 0.1, high=value + 0.1, confidence=0.95)
        finding: dict[str, Any] = {"slice": "all", "value": value, "interval": interval, "n": 9}
        return RuleResult(
            rule=f"{gate}-{measurement}",
            gate=gate,
            measurement=measurement,
            of=Of.CANDIDATE,
            limit=1.1,
            bound="at_most",
            outcome=outcome,
            blocks=False,
            why="because",
            findings=(Finding(outcome=outcome, text=f"{value}", **finding),),
        )

    return Verdict(
        outcome=Outcome.PASS,
        candidate=Subject(model="sha256:m"),
        base=None,
        policy="sha256:p",
        policy_from="policy.yaml",
        rules=(
            rule("latency", "latency_ratio", ratio, outcome),
            rule("latency", "decision_agreement", 0.99, Outcome.PASS),
            rule("accuracy", "roc_auc", auc, Outcome.PASS),
        ),
        errors={},
    )


def test_times_do_not_count() -> None:
    """Two runs with other times, one of them inconclusive, give the same bytes; all else counts."""
    first, second = verdict(0.8), verdict(1.05, Outcome.INCONCLUSIVE)
    assert first != second
    assert settled(first).to_json() == settled(second).to_json()
    assert verdict_digest(first) == verdict_digest(second)
    assert verdict_digest(first) != verdict_digest(verdict(0.8, auc=0.91))


def test_what_is_no_time_is_kept() -> None:
    """Agreement is measured by the latency gate, and is no time."""
    timed, agreement, accuracy = settled(verdict(0.8)).rules
    assert (timed.outcome, timed.findings[0].value) == (Outcome.NONE, None)
    assert agreement.findings[0].value == 0.99
    assert accuracy == verdict(0.8).rules[2]


def test_it_is_settled_once() -> None:
    """Settling what is settled changes nothing, so the file in an image has the label's digest."""
    once = settled(verdict(0.8))
    assert settled(once) == once
    assert verdict_digest(once) == verdict_digest(verdict(0.8))
