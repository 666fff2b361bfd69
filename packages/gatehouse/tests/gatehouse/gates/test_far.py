"""Stand-ins for missing values and slips of units: they hide no shift, and are no shift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gatehouse.evidence import Evidence, Subject
from gatehouse.gates.drift.far import EVERYTHING, usual_values
from gatehouse.gates.drift.measure import adjusted, compare_numbers, compare_values
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.verdict import Outcome

Floats = NDArray[np.float64]
ROWS = 12_000
STANDINS = (
    (999_999_999.0, 0.0007), (-999.0, 0.02), (9999.0, 0.05), (999.0, 0.3), (-9999.0, 0.45),
    (2.0**31 - 1, 0.0001), (3e38, 0.001), (-1e300, 0.01),
)  # fmt: skip


def ages(rng: np.random.Generator) -> Floats:
    return np.clip(rng.normal(45, 13, ROWS), 18, 95).round()


def planted(values: Floats, standin: float, part: float, rng: np.random.Generator) -> Floats:
    return np.where(rng.random(len(values)) < part, standin, values)


def failing(old: Floats, new: Floats, policy: Policy) -> dict[str, str]:
    """The rule of the policy that each failing slice breaks."""
    evidence = Evidence(
        gate="drift", candidate=Subject(), base=Subject(), settings={}, tools={},
        measurements=tuple(adjusted(compare_numbers("x", old, new))),
    )  # fmt: skip
    return {
        finding.slice: name
        for name in ("drift-numbers", "drift-tails", "drift-categories")
        if any(m.slice.startswith(policy.rules[name].slice[:-1]) for m in evidence.measurements)
        for finding in apply_rule(policy.rules[name], evidence)
        if finding.outcome is Outcome.FAIL
    }


@pytest.mark.parametrize(("standin", "part"), STANDINS)
def test_a_standin_hides_no_shift(policy: Policy, standin: float, part: float) -> None:
    """Attacks by stand-ins in both samples: the others' shift by 0.2 sigma still fails the rule."""
    rng = np.random.default_rng(0)
    for _ in range(3):
        old, new = (
            planted(ages(rng), standin, part, rng),
            planted(ages(rng) + 3, standin, part, rng),
        )
        assert failing(old, new, policy) == {"number=x": "drift-numbers"}


@pytest.mark.parametrize(("standin", "part"), STANDINS)
def test_a_standin_is_no_shift(policy: Policy, standin: float, part: float) -> None:
    """Attacks with the clean control: as many stand-ins in both, and nothing else moved."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        old, new = (planted(ages(rng), standin, part, rng) for _ in range(2))
        assert failing(old, new, policy) == {}


@pytest.mark.parametrize("standin", [-999.0, 9999.0, 999_999_999.0])
def test_standins_that_come_or_go_are_seen(policy: Policy, standin: float) -> None:
    """Attacks a new code for missing: 1 of 100 rows fails, 1 of 1,000 passes."""
    rng = np.random.default_rng(0)
    clean = ages(rng)
    many = planted(ages(rng), standin, 0.01, rng)
    for old, new in ((clean, many), (many, clean)):
        assert failing(old, new, policy) == {"tail=x": "drift-tails"}
    assert failing(clean, planted(ages(rng), standin, 0.001, rng), policy) == {}


def test_a_tail_that_grew_is_seen(policy: Policy) -> None:
    """Attacks a unit mistaken in 5 of 1,000 rows, and codes that lie farther than they did."""
    rng = np.random.default_rng(0)
    old, new = rng.lognormal(0, 1, ROWS), rng.lognormal(0, 1, ROWS)
    wrong = np.where(rng.random(ROWS) < 0.005, new * 1000, new)
    assert failing(old, wrong, policy) == {"tail=x": "drift-tails"}
    old, new = (np.where(rng.random(ROWS) < 0.01, code, ages(rng)) for code in (9999, 999_999))
    assert failing(old, new, policy) == {"tail=x": "drift-tails"}


@pytest.mark.parametrize("sentinel", [1e6, 2.0**31 - 1, 3e38])
def test_one_sentinel_sets_no_effect(policy: Policy, sentinel: float) -> None:
    """Attacks a deviation that one value sets: values times 3 beside one sentinel in 20,000."""
    rng = np.random.default_rng(0)
    old, new = rng.lognormal(10, 0.5, 20_000), 3 * rng.lognormal(10, 0.5, 20_000)
    alone = {test.slice: test for test in compare_numbers("x", old, new)}["number=x"]
    old[5] = new[9] = sentinel
    beside = {test.slice: test for test in compare_numbers("x", old, new)}["number=x"]
    assert beside.effect == pytest.approx(alone.effect, rel=0.01)
    assert failing(old, new, policy) == {"number=x": "drift-numbers"}


def test_a_shift_of_all_rows_is_a_number_that_moved(policy: Policy) -> None:
    """Attacks a change of units of all rows: no row is a stand-in where all of them moved."""
    rng = np.random.default_rng(0)
    for factor in (1.6, 10.0, 1000.0, 1e-6, 1e12):
        old, new = ages(rng), ages(rng) * factor
        assert "number=x" in failing(old, new, policy), factor


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1.0, 1e200, 1e307])
def test_no_scale_is_too_small_or_too_large(policy: Policy, scale: float) -> None:
    """Attacks squares that are 0 or infinite: a shift by 0.2 sigma reads so at every scale."""
    rng = np.random.default_rng(0)
    old, new = rng.normal(0, 1, ROWS), rng.normal(0, 1, ROWS)
    moved = compare_numbers("x", old * scale, (new + 0.2) * scale)[-1]
    assert moved.effect == pytest.approx(0.2, abs=0.04)
    assert failing(old * scale, new * scale, policy) == {}


@pytest.mark.parametrize(
    "column",
    [
        lambda rng: np.where(rng.random(ROWS) < 0.92, 0, rng.lognormal(8, 1, ROWS)),
        lambda rng: np.where(rng.random(ROWS) < 0.47, 40, rng.normal(40, 12, ROWS).round()),
        lambda rng: (rng.random(ROWS) < 0.1) * 1.0,
        lambda rng: rng.standard_cauchy(ROWS),
        lambda rng: rng.lognormal(0, 2, ROWS),
        lambda rng: np.where(rng.random(ROWS) < 0.96, 999, rng.integers(0, 28, ROWS)),
    ],
    ids=["mostly zero", "one value in half", "binary", "Cauchy", "heavy tail", "mostly 999"],
)
def test_odd_columns_do_not_alarm(policy: Policy, column: object) -> None:
    """Attacks with clean pairs of columns that have no bulk, or no end."""
    assert callable(column)
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert failing(column(rng) * 1.0, column(rng) * 1.0, policy) == {}


def test_rounding_is_no_shift(policy: Policy) -> None:
    """Attacks an effect by ranks: prices that were stored as float32 are the same prices."""
    prices = np.random.default_rng(0).choice([0.1, 0.25, 0.3, 9.99], ROWS)
    assert failing(prices, prices.astype(np.float32).astype(np.float64), policy) == {}


def test_values_that_are_rare_and_near_are_usual() -> None:
    """Attacks a span that is too narrow: the tail of ages, 40 hours in half of the rows, 0 or 1."""
    rng = np.random.default_rng(0)
    hours = np.where(rng.random(ROWS) < 0.47, 40, rng.normal(40, 12, ROWS).round())
    columns: list[Floats] = [ages(rng), hours, (rng.random(ROWS) < 0.01).astype(np.float64)]
    for values in columns:
        assert usual_values(values, values).holds(values).all()


def test_one_value_has_no_far_ones() -> None:
    """Attacks constants: without a width, nothing lies far from them."""
    assert usual_values(np.zeros(5), np.zeros(3)) == EVERYTHING


def test_predictions_of_rare_events_keep_their_high_scores() -> None:
    """Attacks the span of predictions: of shares none is far, though most are next to 0."""
    rng = np.random.default_rng(0)
    low = rng.beta(1, 2000, ROWS)
    old, new = low.copy(), low.copy()
    old[:200], new[:200] = 0.5, 0.9
    found = compare_values("prediction", old, new)
    assert found.interval is not None
    assert found.interval.high > 0.1


def test_one_wild_prediction_sets_no_scale() -> None:
    """Attacks predicted numbers: one of 1e9 in both must not hide that the others moved."""
    rng = np.random.default_rng(0)
    old, new = rng.normal(100, 10, ROWS), rng.normal(103, 10, ROWS)
    old[0] = new[0] = 1e9
    assert compare_values("prediction", old, new).effect == pytest.approx(0.3, abs=0.05)
    new[: ROWS // 10] = 1e9
    assert compare_values("prediction", old, new).effect > 1


@settings(max_examples=60, deadline=None)
@given(
    old=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    new=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
)
def test_any_numbers_leave_some_in_both(old: list[float], new: list[float]) -> None:
    """Attacks with any numbers: some of either sample stay usual, and no warning is given."""
    both = np.array(old), np.array(new)
    usual = usual_values(*both)
    assert all(usual.holds(sample).any() for sample in both)
    for test in compare_numbers("x", *both):
        assert np.isfinite(test.effect)
