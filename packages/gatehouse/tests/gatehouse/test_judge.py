"""The judge: three-way decisions, evidence that can't be used, waivers, and their laws."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.decide import decide
from gatehouse.evidence import Evidence, Measurement, Of, Subject
from gatehouse.judge import NOT_REACHED, Case, apply_rule, compared_with, judge
from gatehouse.policy import Policy, Rule, Waiver, parse_policy
from gatehouse.verdict import Outcome, RuleResult, Verdict
from tests.gatehouse.tiny import POLICY, good, measured
from tests.shared import NAMES, SPECS

TODAY = date(2026, 11, 21)
POLICY_ = parse_policy(POLICY, "policy.yaml")
SUBJECT = Subject(
    contract="sha256:c", raw="sha256:a", data="sha256:d", model="sha256:e", model_fp32="sha256:f"
)
BASE = Subject(contract="sha256:c", data="sha256:1", model="sha256:2", model_fp32="sha256:3")


def evidence(gate: str, base: Subject | None = BASE, **changes: Any) -> Evidence:
    made = Evidence(
        gate=gate,
        candidate=Subject(**{field: getattr(SUBJECT, field) for field in SPECS[gate].looks_at}),
        base=compared_with(SPECS[gate], base),
        settings=POLICY_.settings(SPECS[gate]),
        tools={},
        measurements=good(gate, base=base is not None),
    )
    return made.model_copy(update=changes)


def case(base: Subject | None = BASE, **changed: Evidence | str) -> Case:
    found: dict[str, Evidence | str] = {gate: evidence(gate, base) for gate in NAMES}
    found |= changed
    return Case(evidence=found, candidate=SUBJECT, base=base, today=TODAY)


def rule_of(verdict: Verdict, name: str) -> RuleResult:
    return next(result for result in verdict.rules if result.rule == name)


def with_rule(name: str, **changes: Any) -> Policy:
    rules = POLICY_.rules | {name: Rule(**POLICY_.rules[name].model_dump() | changes)}
    return POLICY_.model_copy(update={"rules": rules})


def accuracy(*measurements: Measurement) -> Evidence:
    rest = good("accuracy", base=True)[1:]
    return evidence("accuracy", measurements=(*measurements, *rest))


def test_good_evidence_passes_with_and_without_a_base() -> None:
    """Attacks a judge that says no to everything, and comparisons that fail for want of a base."""
    assert judge(case(), POLICY_, "p").outcome is Outcome.PASS
    alone = judge(case(None), POLICY_, "p")
    assert alone.outcome is Outcome.PASS
    assert rule_of(alone, "accuracy-base").outcome is Outcome.NONE
    assert rule_of(alone, "drift-columns").outcome is Outcome.NONE


@pytest.mark.parametrize(
    ("limit", "value", "width", "expected"),
    [
        ({"at_least": 0.8}, 0.85, 0.04, Outcome.PASS),
        ({"at_least": 0.8}, 0.85, 0.05, Outcome.PASS),
        ({"at_least": 0.8}, 0.85, 0.06, Outcome.INCONCLUSIVE),
        ({"at_least": 0.8}, 0.75, 0.06, Outcome.INCONCLUSIVE),
        ({"at_least": 0.8}, 0.75, 0.04, Outcome.FAIL),
        ({"at_least": 0.8}, 0.8, 0.0, Outcome.PASS),
        ({"at_least": 0.8}, 0.7999, 0.0, Outcome.FAIL),
        ({"at_most": 0.2}, 0.15, 0.04, Outcome.PASS),
        ({"at_most": 0.2}, 0.15, 0.06, Outcome.INCONCLUSIVE),
        ({"at_most": 0.2}, 0.25, 0.06, Outcome.INCONCLUSIVE),
        ({"at_most": 0.2}, 0.25, 0.04, Outcome.FAIL),
        ({"at_most": 0.0}, 0.0, 0.0, Outcome.PASS),
        ({"at_most": 0.0}, 1.0, 0.0, Outcome.FAIL),
    ],
)
def test_the_interval_s_side_decides(
    limit: dict[str, Any], value: float, width: float, expected: Outcome
) -> None:
    """Attacks deciding by the point value: noise would pass or fail by luck."""
    if limit == {"at_least": 0.8} and width == 0.05:
        value = 0.8500000001  # so that the low end is not below the limit by rounding
    rule = Rule(gate="accuracy", measurement="m", why="w", **limit)
    assert decide(rule, measured("m", value, width))[0] is expected


@pytest.mark.parametrize(
    ("value", "p_value", "n", "expected"),
    [
        (0.10, 0.001, 500, Outcome.FAIL),
        (0.10, 0.02, 500, Outcome.PASS),  # large, but not significant
        (0.04, 0.001, 500, Outcome.PASS),  # significant, but small
        (0.05, 0.001, 500, Outcome.PASS),  # at the limit is within it
        (0.10, 0.01, 500, Outcome.PASS),  # at alpha is not below it
        (0.10, 0.001, 50, Outcome.FAIL),  # too few rows, but plain
        (0.04, 0.5, 50, Outcome.INCONCLUSIVE),
        (0.10, None, 500, Outcome.ERROR),
        (None, None, 500, Outcome.INCONCLUSIVE),
    ],
)
def test_a_rule_with_alpha_needs_significance_and_size(
    value: float | None, p_value: float | None, n: int, expected: Outcome
) -> None:
    """Attacks alarms on tiny effects in much data, and on large ones by chance."""
    rule = Rule(
        gate="drift", measurement="m", of=Of.COMPARISON, at_most=0.05, alpha=0.01,
        minimum_n=100, why="w",
    )  # fmt: skip
    assert decide(rule, measured("m", value, p_value=p_value, n=n))[0] is expected


def test_too_few_rows_are_inconclusive_unless_a_failure_is_plain() -> None:
    """Attacks a pass on a handful of rows."""
    rule = Rule(gate="accuracy", measurement="m", at_least=0.8, minimum_n=100, why="w")
    assert decide(rule, measured("m", 0.9, 0.01, n=99))[0] is Outcome.INCONCLUSIVE
    assert decide(rule, measured("m", 0.9, 0.01, n=100))[0] is Outcome.PASS
    assert decide(rule, measured("m", 0.5, 0.01, n=3))[0] is Outcome.FAIL


def test_an_interval_in_doubt_is_inconclusive_unless_a_failure_is_plain() -> None:
    """Attacks a pass on an interval that rarely covers, and a defect that hides behind it."""
    rule = Rule(gate="accuracy", measurement="m", at_least=0.8, why="w")
    outcomes = [
        decide(rule, measured("m", value, 0.01).model_copy(update={"doubt": "heavy tails"}))
        for value in (0.9, 0.5)
    ]
    assert outcomes[0] == (Outcome.INCONCLUSIVE, "heavy tails")
    assert outcomes[1][0] is Outcome.FAIL


@pytest.mark.parametrize(
    ("value", "class_n", "expected"),
    [
        (0.9, 19, Outcome.INCONCLUSIVE),
        (0.9, 20, Outcome.PASS),
        (0.5, 3, Outcome.FAIL),
        (0.9, None, Outcome.ERROR),
    ],
)
def test_too_few_rows_of_the_smallest_class_are_inconclusive(
    value: float, class_n: int | None, expected: Outcome
) -> None:
    """Attacks a pass on a million rows of which a handful are positive."""
    rule = Rule(gate="accuracy", measurement="m", at_least=0.8, minimum_class_n=20, why="w")
    found = measured("m", value, 0.01, n=1_000_000).model_copy(update={"class_n": class_n})
    assert decide(rule, found)[0] is expected


@pytest.mark.parametrize(
    ("value", "width", "n", "expected", "part"),
    [
        (-0.02, 0.005, 500, Outcome.FAIL, ""),
        (-0.02, 0.015, 500, Outcome.FAIL, "surely worse"),
        (-0.02, 0.015, 3, Outcome.FAIL, "surely worse"),  # at any n
        (-0.02, 0.025, 500, Outcome.INCONCLUSIVE, "can't show a margin of 0.01"),
        (-0.02, 0.025, 3, Outcome.INCONCLUSIVE, "too few"),
        (-0.009, 0.008, 500, Outcome.PASS, "within the margin"),  # surely worse, but within
        (-0.005, 0.009, 500, Outcome.PASS, "within the margin"),
        (-0.005, 0.009, 3, Outcome.INCONCLUSIVE, "too few"),
        (-0.005, 0.011, 500, Outcome.INCONCLUSIVE, "can't show a margin of 0.01"),
        (0.005, 0.02, 500, Outcome.INCONCLUSIVE, "can't show a margin of 0.01"),
        (0.005, 0.005, 500, Outcome.PASS, ""),
        (0.05, 0.005, 500, Outcome.PASS, ""),
    ],
)
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("neutral", [0.0, 1.0])
def test_a_margin_is_decided_by_the_estimate_where_rows_show_it(
    value: float, width: float, n: int, expected: Outcome, part: str, lower: bool, neutral: float
) -> None:
    """Attacks a sure loss that only warns, and warnings for models that are within the margin."""
    sign = 1.0 if lower else -1.0
    limit: dict[str, Any] = {"at_least" if lower else "at_most": neutral - sign * 0.01}
    rule = Rule(gate="accuracy", measurement="m", of=Of.COMPARISON, minimum_n=100, why="w", **limit)
    found = measured("m", neutral + sign * value, width, n=n, of=Of.COMPARISON, neutral=neutral)
    outcome, text = decide(rule, found)
    assert (outcome, part in text) == (expected, True), text


def test_a_margin_of_nothing_needs_the_whole_interval() -> None:
    """Attacks a rule without a margin that passes by its estimate."""
    rule = Rule(gate="accuracy", measurement="m", of=Of.COMPARISON, at_least=0.0, why="w")
    found = measured("m", 0.001, 0.01, of=Of.COMPARISON, neutral=0.0)
    assert decide(rule, found)[0] is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("meaning", "on_fail", "blocks", "shown"),
    [
        ("fail", "fail", True, Outcome.INCONCLUSIVE),
        ("warn", "fail", False, Outcome.INCONCLUSIVE),
        ("pass", "fail", False, Outcome.NONE),
        ("fail", "warn", False, Outcome.INCONCLUSIVE),
    ],
)
def test_policy_says_what_inconclusive_means(
    meaning: str, on_fail: str, blocks: bool, shown: Outcome
) -> None:
    """Attacks each meaning of inconclusive, and a rule that only warns."""
    policy = with_rule("accuracy-floor", inconclusive=meaning, on_fail=on_fail)
    verdict = judge(case(accuracy=accuracy(measured("roc_auc", 0.8, 0.05))), policy, "p")
    result = rule_of(verdict, "accuracy-floor")
    assert (result.blocks, result.outcome) == (blocks, shown)
    assert (verdict.outcome is Outcome.FAIL) is blocks


@pytest.mark.parametrize(
    ("meaning", "on_fail", "blocks"),
    [("fail", "fail", True), ("warn", "fail", True), ("pass", "fail", False),
     ("warn", "warn", False)],
)  # fmt: skip
def test_what_could_not_be_measured_blocks_unless_it_may_pass(
    meaning: str, on_fail: str, blocks: bool
) -> None:
    """Attacks a rule turned off by a split so small that there is nothing to measure.

    One slice without a value blocks even beside others that pass, and a waiver still covers it.
    """
    policy = with_rule("fairness-odds", inconclusive=meaning, on_fail=on_fail)
    loud = good("fairness", base=True)
    mute = measured("equalized_odds_difference", None, slice="sex & age", n=0)
    found = case(fairness=evidence("fairness", measurements=(*loud, mute)))
    verdict = judge(found, policy, "p")
    result = rule_of(verdict, "fairness-odds")
    assert result.blocks is blocks
    assert (verdict.outcome is Outcome.FAIL) is blocks
    assert result.outcome is (Outcome.NONE if meaning == "pass" else Outcome.INCONCLUSIVE)
    known = waiver(rule="fairness-odds", slice="sex & age")
    waived = policy.model_copy(update={"waivers": (known,)})
    assert judge(found, waived, "p").outcome is Outcome.PASS


def test_a_test_that_could_not_be_made_blocks_too() -> None:
    """Attacks the drift of a column that is wholly missing, where a warning was meant for noise."""
    policy = with_rule("drift-columns", inconclusive="warn", minimum_n=100)
    few = measured("drift", 0.01, slice="number=age", p_value=0.5, of=Of.COMPARISON, n=9)
    mute = few.model_copy(update={"value": None, "p_value": None})
    for measurement, outcome in ((few, Outcome.PASS), (mute, Outcome.FAIL)):
        found = evidence("drift", measurements=(measurement,))
        assert judge(case(drift=found), policy, "p").outcome is outcome


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("age=[20, 30)", "age=[20, 30)", True),
        ("age=[2-9]", "age=3", False),
        ("age=[!0]", "age=5", False),
        ("age=[[]*", "age=[20, 30)", False),
        ("age=[*)", "age=[20, 30)", True),
        ("age=[?0, 30)", "age=[20, 30)", True),
        ("[[a]]", "[[a]]", True),
    ],
)
def test_brackets_in_slices_are_brackets(pattern: str, name: str, matches: bool) -> None:
    """Attacks rules that match nothing, and waivers that match more, for a bracket in a name."""
    policy = with_rule("fairness-odds", slice=pattern)
    found = evidence(
        "fairness", measurements=(measured("equalized_odds_difference", 0.9, slice=name),)
    )
    result = rule_of(judge(case(fairness=found), policy, "p"), "fairness-odds")
    assert result.outcome is (Outcome.FAIL if matches else Outcome.ERROR)
    policy = POLICY_.model_copy(update={"waivers": (waiver(rule="fairness-odds", slice=pattern),)})
    result = rule_of(judge(case(fairness=found), policy, "p"), "fairness-odds")
    assert result.outcome is (Outcome.WAIVED if matches else Outcome.FAIL)


def test_a_failure_that_only_warns_lets_the_merge_through() -> None:
    """Attacks on_fail: warn that blocks, or that hides the failure."""
    bad = accuracy(measured("roc_auc", 0.5, 0.01))
    verdict = judge(case(accuracy=bad), with_rule("accuracy-floor", on_fail="warn"), "p")
    result = rule_of(verdict, "accuracy-floor")
    assert verdict.outcome is Outcome.PASS
    assert result.outcome is Outcome.FAIL
    assert result.warns


@pytest.mark.parametrize("gate", list(NAMES))
def test_missing_evidence_fails_each_gate_even_where_its_rules_only_warn(gate: str) -> None:
    """Attacks a pass by leaving evidence out."""
    rules = {
        name: rule.model_copy(update={"on_fail": "warn"}) for name, rule in POLICY_.rules.items()
    }
    policy = POLICY_.model_copy(update={"rules": rules})
    whole = case()
    for found in (
        {g: e for g, e in whole.evidence.items() if g is not gate},
        {**whole.evidence, gate: "was it cut short?"},
    ):
        verdict = judge(Case(found, SUBJECT, BASE, TODAY), policy, "p")
        assert verdict.outcome is Outcome.FAIL
        assert list(verdict.errors) == [gate]
        assert verdict.gate(gate) is Outcome.ERROR


@pytest.mark.parametrize(
    ("gate", "field"), [(gate, field) for gate in NAMES for field in SPECS[gate].looks_at]
)
def test_evidence_of_anything_else_is_stale(gate: str, field: str) -> None:
    """Attacks each digest in turn: evidence of another contract, data or model, or of none."""
    now = SUBJECT.model_copy(update={field: "sha256:other"})
    verdict = judge(Case(case().evidence, now, BASE, TODAY), POLICY_, "p")
    assert field in verdict.errors[gate]
    gone = SUBJECT.model_copy(update={field: None})
    assert gate in judge(Case(case().evidence, gone, BASE, TODAY), POLICY_, "p").errors
    unsaid = evidence(gate).candidate.model_copy(update={field: None})
    forged = evidence(gate, candidate=unsaid)
    # Nothing said and nothing here must not agree with each other.
    both = Case({**case().evidence, gate: forged}, gone, BASE, TODAY)
    assert gate in judge(both, POLICY_, "p").errors
    assert gate in judge(case(BASE, **{gate: forged}), POLICY_, "p").errors


def test_what_the_data_gate_s_stop_left_unmeasured_is_told_as_its_consequence() -> None:
    """Attacks four gates told as stale beside the one to mend, and a stop that lets them pass."""
    now = SUBJECT.model_copy(update={"raw": "sha256:other", "data": "sha256:other"})
    failed = measured("failed_expectations", 2, slice="severity=critical")
    stopped = evidence("data", candidate=Subject(contract="sha256:c", raw="sha256:other"),
                       measurements=(failed,))  # fmt: skip
    found = case(data=stopped, latency="was it cut short?").evidence
    old = dict(found)
    del old["fairness"]
    verdict = judge(Case(old, now, BASE, TODAY), POLICY_, "p")
    assert verdict.outcome is Outcome.FAIL
    assert all(verdict.gate_blocks(gate) for gate in NAMES)
    assert verdict.errors == {
        "rows": NOT_REACHED, "drift": NOT_REACHED, "accuracy": NOT_REACHED,
        "fairness": NOT_REACHED, "latency": "was it cut short?",
    }  # fmt: skip
    # Evidence of another time's stop says nothing of these data.
    before = judge(Case(old, SUBJECT, BASE, TODAY), POLICY_, "p").errors
    assert NOT_REACHED not in before.values()
    held = {
        **old,
        "data": stopped.model_copy(update={"measurements": good("data", base=True)}),
    }
    told = judge(Case(held, now, BASE, TODAY), POLICY_, "p").errors
    assert told["accuracy"].startswith("stale: measured on other data (")


@pytest.mark.parametrize("gate", [gate for gate in NAMES if SPECS[gate].compares])
@pytest.mark.parametrize("said", [None, Subject(), SUBJECT])
def test_evidence_compared_with_another_base_is_an_error(gate: str, said: Subject | None) -> None:
    """Attacks escaping the comparison: with no base, or with one that is easy to beat."""
    forged = evidence(gate, base=said)
    assert "another base" in judge(case(BASE, **{gate: forged}), POLICY_, "p").errors[gate]


@pytest.mark.parametrize("gate", [gate for gate in NAMES if gate != "data"])
def test_evidence_made_with_other_settings_is_an_error(gate: str) -> None:
    """Attacks measuring with fewer resamples or another seed until a number fits."""
    forged = evidence(gate, settings=evidence(gate).settings | {"seed": 7})
    assert "other settings" in judge(case(BASE, **{gate: forged}), POLICY_, "p").errors[gate]


def test_a_rule_that_matches_nothing_is_an_error() -> None:
    """Attacks a misspelt rule, or a measurement left out: neither may pass in silence."""
    policy = with_rule("accuracy-floor", measurement="roc_auk")
    verdict = judge(case(), policy, "p")
    assert verdict.outcome is Outcome.FAIL
    assert "roc_auk" in rule_of(verdict, "accuracy-floor").findings[0].text
    assert judge(case(fairness=evidence("fairness", measurements=())), POLICY_, "p").outcome is (
        Outcome.FAIL
    )


def test_a_measurement_that_does_not_decide_never_decides() -> None:
    """Attacks small groups: reported ones may neither fail nor stand in for deciding ones."""
    quiet = measured("equalized_odds_difference", 0.9, 0.01, slice="tiny", decides=False)
    loud = good("fairness", base=True)
    both = evidence("fairness", measurements=(*loud, quiet))
    verdict = judge(case(fairness=both), POLICY_, "p")
    assert [f.slice for f in rule_of(verdict, "fairness-odds").findings] == ["sex"]
    assert verdict.outcome is Outcome.PASS
    only = evidence("fairness", measurements=(quiet.model_copy(update={"value": 0.0}),))
    assert judge(case(fairness=only), POLICY_, "p").outcome is Outcome.FAIL


@pytest.mark.parametrize("order", [1, -1])
def test_a_forged_good_measurement_does_not_hide_a_bad_one(order: int) -> None:
    """Attacks a second, good measurement of the same name and slice, before or after."""
    pair = [measured("roc_auc", 0.95, 0.01), measured("roc_auc", 0.5, 0.01)][::order]
    verdict = judge(case(accuracy=accuracy(*pair)), POLICY_, "p")
    assert rule_of(verdict, "accuracy-floor").outcome is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL


def test_the_base_s_own_number_is_never_taken_for_the_candidate_s() -> None:
    """Attacks judging by the base's metric."""
    forged = accuracy(measured("roc_auc", 0.99, of=Of.BASE))
    assert rule_of(judge(case(accuracy=forged), POLICY_, "p"), "accuracy-floor").outcome is (
        Outcome.ERROR
    )


def parity(value: float, of: Of = Of.CANDIDATE, wide: float = 0.02) -> Measurement:
    return measured("equalized_odds_difference", value, wide, slice="sex", of=of)


@pytest.mark.parametrize(
    ("ours", "base", "change", "outcome"),
    [
        (0.19, 0.19, 0.0, Outcome.AS_BEFORE),
        (0.20, 0.19, 0.01, Outcome.AS_BEFORE),  # not surely worse
        (0.22, 0.19, 0.03, Outcome.AS_BEFORE),  # surely worse, but the intervals overlap
        (0.25, 0.19, 0.06, Outcome.FAIL),  # surely worse
        (0.19, 0.05, 0.14, Outcome.FAIL),  # the base passes
        (0.19, 0.11, 0.0, Outcome.AS_BEFORE),  # the base's interval crosses the limit
        (0.11, 0.19, -0.08, Outcome.AS_BEFORE),
        (0.05, 0.19, -0.14, Outcome.PASS),
        (0.19, None, None, Outcome.FAIL),
        (0.19, 0.19, None, Outcome.AS_BEFORE),
        (0.20, 0.19, None, Outcome.FAIL),  # without an interval, only the same value is no change
    ],
)
def test_a_warning_that_the_base_gets_too_is_none(
    ours: float, base: float | None, change: float | None, outcome: Outcome
) -> None:
    """Attacks warnings that are always on: only the change that made it worse gets one."""
    found = [parity(ours)]
    if base is not None:
        found.append(parity(base, Of.BASE))
    if change is not None:
        found.append(parity(change, Of.COMPARISON))
    rest = [m for m in good("fairness", base=True) if m.name != found[0].name]
    verdict = judge(
        case(fairness=evidence("fairness", measurements=(*rest, *found))),
        with_rule("fairness-odds", inconclusive="warn", on_fail="warn", at_most=0.1), "p",
    )  # fmt: skip
    result = rule_of(verdict, "fairness-odds")
    assert result.outcome is outcome
    assert result.warns == (outcome is Outcome.FAIL)
    if outcome is Outcome.AS_BEFORE:
        assert f"the base's is {base}" in result.findings[0].text


@pytest.mark.parametrize(
    ("on_fail", "base", "change", "outcome"),
    [
        ("fail", 0.07, 0.02, Outcome.AS_BEFORE),
        ("fail", 0.04, 0.05, Outcome.INCONCLUSIVE),  # surely worse
        ("fail", 0.07, None, Outcome.INCONCLUSIVE),  # nobody compared them
        ("warn", 0.07, 0.02, Outcome.INCONCLUSIVE),  # a later failure would not block
    ],
)
def test_an_interval_that_crosses_by_chance_is_no_news_where_failures_block(
    on_fail: str, base: float, change: float | None, outcome: Outcome
) -> None:
    """Attacks warnings of two models that differ by chance."""
    found = [parity(0.09), parity(base, Of.BASE)]
    if change is not None:
        found.append(parity(change, Of.COMPARISON))
    rest = [m for m in good("fairness", base=True) if m.name != found[0].name]
    verdict = judge(
        case(fairness=evidence("fairness", measurements=(*rest, *found))),
        with_rule("fairness-odds", inconclusive="warn", on_fail=on_fail, at_most=0.1), "p",
    )  # fmt: skip
    assert rule_of(verdict, "fairness-odds").outcome is outcome


def test_a_failure_that_blocks_is_never_as_before() -> None:
    """Attacks a limit that a bad base would switch off."""
    found = [parity(0.19), parity(0.19, Of.BASE), parity(0.0, Of.COMPARISON)]
    rest = [m for m in good("fairness", base=True) if m.name != found[0].name]
    verdict = judge(
        case(fairness=evidence("fairness", measurements=(*rest, *found))),
        with_rule("fairness-odds", inconclusive="warn", on_fail="fail", at_most=0.1), "p",
    )  # fmt: skip
    assert rule_of(verdict, "fairness-odds").outcome is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL


def waiver(**changes: Any) -> Waiver:
    told: dict[str, Any] = {
        "rule": "accuracy-floor", "reason": "It is known and planned", "approver": "jane",
        "expires": TODAY,
    }  # fmt: skip
    return Waiver(**told | changes)


BAD = accuracy(measured("roc_auc", 0.5, 0.01))


@pytest.mark.parametrize(
    ("changes", "outcome", "state"),
    [
        ({}, Outcome.WAIVED, "used"),
        ({"expires": TODAY + timedelta(days=1)}, Outcome.WAIVED, "used"),
        ({"expires": TODAY - timedelta(days=1)}, Outcome.FAIL, "expired"),
        ({"rule": "fairness-odds"}, Outcome.FAIL, "unused"),
        ({"slice": "al?"}, Outcome.WAIVED, "used"),
        ({"slice": "sex=*"}, Outcome.FAIL, "unused"),
        ({"slice": "ALL"}, Outcome.FAIL, "unused"),
    ],
)
def test_a_waiver_counts_for_its_rule_slice_and_days(
    changes: dict[str, Any], outcome: Outcome, state: str
) -> None:
    """Attacks waivers of yesterday, of another rule and of another slice; the last day counts."""
    policy = POLICY_.model_copy(update={"waivers": (waiver(**changes),)})
    verdict = judge(case(accuracy=BAD), policy, "p")
    assert rule_of(verdict, "accuracy-floor").outcome is outcome
    assert [found.state for found in verdict.waivers] == [state]
    assert (verdict.outcome is Outcome.PASS) is (outcome is Outcome.WAIVED)


def test_a_waiver_of_one_slice_does_not_cover_the_rest() -> None:
    """Attacks a waiver for one group that lets another's failure through, or is called used."""
    policy = POLICY_.model_copy(
        update={
            "waivers": (
                waiver(rule="fairness-odds", slice="sex"),
                waiver(rule="fairness-odds", slice="age"),
            )
        }
    )
    bad = [measured("equalized_odds_difference", 0.9, 0.01, slice=name) for name in ("sex", "race")]
    found = evidence("fairness", measurements=tuple(bad))
    verdict = judge(case(fairness=found), policy, "p")
    assert verdict.outcome is Outcome.FAIL
    assert [state.state for state in verdict.waivers] == ["used", "unused"]


def test_errors_are_never_waived() -> None:
    """Attacks a waiver that excuses missing evidence, or a rule that matches nothing."""
    policy = with_rule("accuracy-floor", measurement="roc_auk")
    policy = policy.model_copy(update={"waivers": (waiver(),)})
    assert judge(case(), policy, "p").outcome is Outcome.FAIL
    policy = POLICY_.model_copy(update={"waivers": (waiver(),)})
    assert judge(case(accuracy="there is none"), policy, "p").outcome is Outcome.FAIL


def test_a_waiver_only_in_the_proposal_does_not_count_and_is_shown() -> None:
    """Attacks a pull request that waives its own failure."""
    proposed = POLICY_.model_copy(update={"waivers": (waiver(),)})
    verdict = judge(case(accuracy=BAD), POLICY_, "p", proposed=proposed)
    assert verdict.outcome is Outcome.FAIL
    assert [state.state for state in verdict.waivers] == ["proposed"]
    assert verdict.proposed is not None
    assert verdict.proposed.outcome is Outcome.PASS
    assert verdict.proposed.rules == {"accuracy-floor": Outcome.WAIVED}


def test_a_proposal_s_limits_are_tried_on_the_evidence_that_is_there() -> None:
    """Attacks 'would fail' for want of a new measuring, which says nothing of the proposal."""
    measure = POLICY_.measure.model_copy(update={"resamples": 9999, "seed": 1})
    proposed = POLICY_.model_copy(update={"measure": measure})
    verdict = judge(case(), POLICY_, "p", proposed=proposed)
    assert verdict.proposed is not None
    assert (verdict.proposed.outcome, verdict.proposed.rules) == (Outcome.PASS, {})
    strict = with_rule("accuracy-floor", at_least=0.95).model_copy(update={"measure": measure})
    verdict = judge(case(), POLICY_, "p", proposed=strict)
    assert verdict.proposed is not None
    assert verdict.proposed.rules == {"accuracy-floor": Outcome.FAIL}


VALUES = st.floats(-1, 1).map(lambda value: round(value, 3))


@st.composite
def _measurements(draw: st.DrawFn) -> Measurement:
    return measured(
        "m",
        draw(st.none() | VALUES),
        draw(st.sampled_from([0.0, 0.01, 0.3])),
        p_value=draw(st.sampled_from([0.0, 0.005, 0.5, 1.0])),
        n=draw(st.integers(0, 200)),
        slice=draw(st.sampled_from(["a", "b"])),
        decides=draw(st.booleans()),
        neutral=draw(st.sampled_from([None, 0.0])),
    )


MEANINGS: st.SearchStrategy[Literal["fail", "warn", "pass"]] = st.sampled_from(
    ["fail", "warn", "pass"]
)


@given(
    st.lists(_measurements(), max_size=4), VALUES, st.floats(0, 1), st.booleans(), st.booleans(),
    MEANINGS, st.integers(0, 200),
)  # fmt: skip
def test_loosening_a_limit_never_turns_a_pass_into_a_fail(
    measurements: list[Measurement], limit: float, more: float, upper: bool, test: bool,
    meaning: Literal["fail", "warn", "pass"], minimum_n: int,
) -> None:  # fmt: skip
    """Attacks the order of the decisions: more room can only help."""
    upper = upper or test
    looser = limit + more if upper else limit - more
    policies = [
        POLICY_.model_copy(
            update={
                "rules": {
                    "r": Rule(
                        gate="data", measurement="m", slice="*", why="w", minimum_n=minimum_n,
                        inconclusive=meaning, alpha=0.01 if test else None,
                        at_most=value if upper else None, at_least=None if upper else value,
                    )
                }
            }
        )
        for value in (limit, looser)
    ]  # fmt: skip
    found = evidence("data", measurements=tuple(measurements))
    strict, loose = (judge(case(data=found), policy, "p").outcome for policy in policies)
    assert not (strict is Outcome.PASS and loose is Outcome.FAIL)


@given(st.permutations(list(NAMES)), st.lists(_measurements(), max_size=4))
def test_judging_is_pure(order: list[str], measurements: list[Measurement]) -> None:
    """Attacks hidden state: the same input, in any order of gates, gives the same bytes."""
    whole = case(data=evidence("data", measurements=tuple(measurements)))
    shuffled = Case({gate: whole.evidence[gate] for gate in order}, SUBJECT, BASE, TODAY)
    policy = POLICY_.model_copy(update={"waivers": (waiver(),)})
    first, second = judge(whole, policy, "p").to_json(), judge(shuffled, policy, "p").to_json()
    assert first == second
    assert Verdict.model_validate_json(first).to_json() == first


@given(st.lists(_measurements().filter(lambda m: m.decides), min_size=1, max_size=5))
def test_more_measurements_never_make_a_verdict_better(measurements: list[Measurement]) -> None:
    """Attacks padding the evidence: what was added can't turn the rule's outcome for the better."""
    rule = Rule(gate="data", measurement="m", slice="*", at_most=0.1, why="w")

    def rank(found: list[Measurement]) -> int:
        findings = apply_rule(rule, evidence("data", measurements=tuple(found)))
        return max(finding.outcome.rank for finding in findings)

    assert rank(measurements) >= rank(measurements[:1])
