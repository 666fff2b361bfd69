"""Slices in the report: their table, the sentence about the worst, and what it leaves out."""

from __future__ import annotations

import pytest

from gatehouse.evidence import FALL, Evidence, Measurement, Of
from gatehouse.gates.slices import WORST
from gatehouse.judge import apply_rule
from gatehouse.policy import Rule
from gatehouse.report import quantities
from gatehouse.report.words import PLAIN, sentence
from gatehouse.verdict import Outcome, RuleResult
from tests.gatehouse.report.conftest import BASE, SUBJECT, measurement

WHERE = "job=missing & age in [20, 30)"


def run() -> list[Measurement]:
    found = [measurement("roc_auc", 0.9, 0.01, of=of) for of in (Of.CANDIDATE, Of.BASE)]
    for name, of, value in (
        ("roc_auc", Of.CANDIDATE, 0.66), ("roc_auc", Of.BASE, 0.92),
        ("roc_auc", Of.COMPARISON, -0.26),
    ):  # fmt: skip
        found.append(measurement(name, value, of=of, slice=WHERE, n=312, decides=False))
    found.append(
        measurement(WORST, 0.31, 0.1, of=Of.COMPARISON, slice=WHERE, n=312, unit="share",
                    p_value=1e-9)
    )  # fmt: skip
    return found


def test_a_slice_has_its_own_table_and_a_line() -> None:
    """Attacks a slice among the metrics of all rows, and one without its rows."""
    whole, _, below = quantities.accuracy(run()).partition("Worst of 1 tested slices")
    assert WHERE not in whole
    assert f"`{WHERE}`, 312 rows, loss against the base +31.0%" in below
    row = next(line for line in below.splitlines() if line.startswith(f"| `{WHERE}`"))
    assert "| 312 | ROC AUC | 0.660 | 0.920 | \N{MINUS SIGN}0.260 |" in row


def said(rule: Rule, measured: Measurement) -> tuple[Outcome, str]:
    evidence = Evidence(gate="accuracy", candidate=SUBJECT, base=BASE, settings={}, tools={},
                        measurements=(measured,))  # fmt: skip
    (finding,) = apply_rule(rule, evidence)
    result = RuleResult(rule="r", gate="accuracy", measurement=rule.measurement, of=rule.of,
                        limit=rule.limit, bound="at_most", outcome=finding.outcome, blocks=False,
                        why="w", findings=(finding,))  # fmt: skip
    return finding.outcome, sentence(result, finding, measured, PLAIN)


def rule_on(name: str, of: Of) -> Rule:
    return Rule(gate="accuracy", measurement=name, of=of, slice="*", at_most=0.1, alpha=0.01,
                inconclusive="pass", why="w")  # fmt: skip


@pytest.mark.parametrize(
    ("p_value", "outcome", "end"),
    [(1e-9, Outcome.FAIL, "; adjusted p < 0.0001)"), (0.2, Outcome.PASS, "(p = 0.2))")],
)
def test_the_worst_slice_is_named_with_its_loss(p_value: float, outcome: Outcome, end: str) -> None:
    measured = run()[-1].model_copy(update={"p_value": p_value})
    found, text = said(rule_on(WORST, Of.COMPARISON), measured)
    assert found is outcome
    assert text.startswith(f"in {WHERE} (312 rows) the model loses +31.0%")
    assert text.endswith(end)


def test_no_worst_slice_is_named_as_such() -> None:
    quiet = measurement(WORST, 0.0, of=Of.COMPARISON, unit="share", p_value=1.0)
    outcome, text = said(rule_on(WORST, Of.COMPARISON), quiet)
    assert (outcome, text) == (Outcome.PASS, "no slice loses against the base")


def test_a_fall_over_time_is_a_sentence() -> None:
    fall = measurement(FALL, 0.15, 0.02, slice="roc_auc", p_value=1e-9)
    outcome, text = said(rule_on(FALL, Of.CANDIDATE), fall)
    assert outcome is Outcome.FAIL
    assert text.startswith("ROC AUC falls by +0.150 [+0.130, +0.170] over the periods of the test")
