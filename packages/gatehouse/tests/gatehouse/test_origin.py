"""Attacks what is said of a model's origin: by a desk, by the measuring process, by the gates."""

from __future__ import annotations

from datetime import date

import pytest

from gatehouse.evidence import Evidence, Subject
from gatehouse.judge import Case, judge
from gatehouse.origin import MEASUREMENT, unknown_origin, with_origin, without_origin
from gatehouse.policy import load_policy
from gatehouse.verdict import Outcome
from tests.sample import SAMPLE

SUBJECT = Subject(contract="sha256:c", raw="sha256:r", data="sha256:d")


def evidence() -> Evidence:
    """Of the rows gate, at a desk."""
    return Evidence(
        gate="rows", candidate=SUBJECT, settings={}, tools={}, measurements=(unknown_origin(),)
    )


@pytest.mark.parametrize(
    ("found", "outcome", "blocks", "message"),
    [
        (evidence(), Outcome.NONE, False, "only a pull request's gates know"),
        (with_origin(evidence(), None), Outcome.PASS, False, "come from a run that counts"),
        (with_origin(evidence(), "a fork"), Outcome.FAIL, True, "no run that counts: a fork"),
    ],
)
def test_what_the_rule_finds(found: Evidence, outcome: Outcome, blocks: bool, message: str) -> None:
    """At a desk nothing fails for it; a model of no run blocks."""
    policy = load_policy(SAMPLE / "policy.yaml")
    case = Case({"rows": found}, SUBJECT, None, date(2026, 11, 30))
    (rule,) = [r for r in judge(case, policy, "here").rules if r.rule == "model-from-run"]
    assert (rule.outcome, rule.blocks) == (outcome, blocks)
    assert message in rule.findings[0].text


def test_the_last_word_counts() -> None:
    """Attacks with evidence that speaks of the origin already, twice."""
    forged = with_origin(evidence(), None)
    forged = forged.model_copy(update={"measurements": forged.measurements * 2})
    found = with_origin(forged, "no run")
    assert [m.value for m in found.measurements if m.name == MEASUREMENT] == [1]
    assert without_origin(found).measurements == ()
