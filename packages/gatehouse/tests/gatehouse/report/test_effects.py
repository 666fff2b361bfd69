"""Attacks the scale of the picture: 0 is the best, 1 the limit, beyond it is beyond 1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatehouse.evidence import Of
from gatehouse.report.effects import effects, used
from gatehouse.verdict import Outcome, RuleResult
from tests.gatehouse.report.conftest import MakeRun


def result(measurement: str, limit: float, bound: Any, of: Of = Of.CANDIDATE) -> RuleResult:
    return RuleResult(
        rule="r", gate="accuracy", measurement=measurement, of=of, limit=limit, bound=bound,
        outcome=Outcome.PASS, blocks=False, why="", findings=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "value", "place"),
    [
        (result("roc_auc", 0.88, "at_least"), 0.94, 0.5),
        (result("roc_auc", 0.88, "at_least"), 0.82, 1.5),
        (result("roc_auc", -0.01, "at_least", Of.COMPARISON), -0.005, 0.5),
        (result("roc_auc", -0.01, "at_least", Of.COMPARISON), 0.01, -1.0),
        (result("calibration_error", 0.05, "at_most"), 0.01, 0.2),
        (result("latency_ratio", 1.2, "at_most"), 1.1, 0.5),
        (result("latency_ratio", 0.8, "at_most"), 1.2, 1.5),
        (result("touched_exam_rows", 0, "at_most", Of.COMPARISON), 0, 0.0),
        (result("touched_exam_rows", 0, "at_most", Of.COMPARISON), 9, 2.0),
        (result("r2", 1.0, "at_least"), 1.0, 0.0),
    ],
)
def test_values_have_their_place(rule: RuleResult, value: float, place: float) -> None:
    """Attacks a floor drawn as a ceiling, and a ratio whose "no change" is 1."""
    assert used(rule, value) == pytest.approx(place)


@given(
    st.sampled_from(["roc_auc", "latency_ratio", "mean_absolute_error", "r2", "size"]),
    st.floats(-10, 10), st.floats(-10, 10), st.sampled_from(["at_least", "at_most"]),
    st.sampled_from([Of.CANDIDATE, Of.COMPARISON]),
)  # fmt: skip
def test_beyond_the_limit_is_beyond_1(
    name: str, limit: float, value: float, bound: str, of: Of
) -> None:
    """Attacks any limit: the wrong side of it is never drawn as the right one."""
    assume(abs(value - limit) > 1e-6)  # else rounding decides
    place = used(result(name, limit, bound, of), value)
    wrong = value > limit if bound == "at_most" else value < limit
    assert place > 1 if wrong else place <= 1


def test_every_decided_rule_is_there_with_base_and_slices(make_run: MakeRun) -> None:
    """Attacks a picture that leaves a measurement out, or hides the worst slice."""
    chart = effects(make_run(age=0.12, age_p=1e-9))
    rows = {row.name: row for row in chart.rows}
    assert list(rows) == [
        "data-critical", "exam-untouched", "drift-columns", "accuracy-floor", "accuracy-base",
        "fairness-odds", "latency-int8",
    ]  # fmt: skip
    assert [mark.state for mark in rows["drift-columns"].marks] == ["fail", "pass"]
    floor = rows["accuracy-floor"].marks[0]
    assert floor.base is not None
    assert floor.base != 0
    assert rows["accuracy-base"].marks[0].base == 0
    assert rows["data-critical"].value == "0", "a count is a whole number"
    assert rows["accuracy-floor"].limit_text == "at least 0.88"


def test_what_was_not_measured_is_not_drawn(make_run: MakeRun) -> None:
    """Attacks a mark without a value: missing evidence, and no base."""
    chart = effects(make_run(base=False, evidence={"latency": "gone"}))
    assert [row.name for row in chart.rows] == ["data-critical", "accuracy-floor", "fairness-odds"]
