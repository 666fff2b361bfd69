"""What a pull request changes in policy and contract: no loosening goes by unseen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.changes import contract_changes, policy_changes
from gatehouse.contract import parse_contract
from gatehouse.policy import Policy, parse_policy
from gatehouse.verdict import Change
from tests.gatehouse.tiny import CONTRACT, POLICY

BASE = parse_policy(POLICY, "policy.yaml")
OPPOSITE = {"loosened": "tightened", "tightened": "loosened", "neutral": "neutral"}
WAIVER = (
    "waivers: [{rule: accuracy-floor, reason: It is fine for now, approver: me, "
    "expires: 2027-01-01}]"
)


def _directions(changes: tuple[Change, ...]) -> dict[str, str]:
    return {change.key: change.direction for change in changes}


@pytest.mark.parametrize(
    ("old", "new", "key", "there", "back"),
    [
        ("at_least: 0.8", "at_least: 0.7", "rules.accuracy-floor.at_least",
         "loosened", "tightened"),
        ("at_most: 0.25", "at_most: 0.3", "rules.fairness-odds.at_most", "loosened", "tightened"),
        ("alpha: 0.01", "alpha: 0.001", "rules.drift-columns.alpha", "loosened", "tightened"),
        ("    alpha: 0.01\n", "", "rules.drift-columns.alpha", "loosened", "loosened"),
        (
            "inconclusive: warn", "inconclusive: pass", "rules.fairness-odds.inconclusive",
            "loosened", "tightened",
        ),
        (
            "at_least: 0.8", "at_least: 0.8\n    on_fail: warn", "rules.accuracy-floor.on_fail",
            "loosened", "tightened",
        ),
        (
            "at_least: 0.8", "at_least: 0.8\n    minimum_n: 9", "rules.accuracy-floor.minimum_n",
            "tightened", "loosened",
        ),
        ('slice: "*"', "slice: sex", "rules.fairness-odds.slice", "loosened", "loosened"),
        ("at_least: 0.8", "at_most: 0.8", "rules.accuracy-floor.at_most", "loosened", "loosened"),
        ("measurement: roc_auc\n    at_l", "measurement: accuracy\n    at_l",
         "rules.accuracy-floor.measurement", "loosened", "loosened"),
        ("why: The least that is of use", "why: Because", "rules.accuracy-floor.why",
         "neutral", "neutral"),
        ("  accuracy-floor:", "  accuracy-roof:", "rules.accuracy-floor", "loosened", "tightened"),
        ("at_least: 0.8", "at_least: 0.8\n    accept: never", "rules.accuracy-floor.accept",
         "tightened", "loosened"),
        ("at_least: 0.8", 'at_least: 0.8\n    accept: ["@ada"]', "rules.accuracy-floor.accept",
         "loosened", "loosened"),
        ("waivers: []", "comment: failures", "comment", "neutral", "neutral"),
        ("waivers: []", "solo: true", "solo", "loosened", "loosened"),
        ("waivers: []", "solo: false", "solo", "tightened", "loosened"),
        ("waivers: []", WAIVER, "waivers.accuracy-floor", "loosened", "tightened"),
        ("waivers: []", "bases: {old: gatehouse-old}", "bases.old", "loosened", "loosened"),
        ("confidence: 0.95", "confidence: 0.99", "measure.confidence", "loosened", "loosened"),
        ("seed: 0", "seed: 1", "measure.seed", "loosened", "loosened"),
        ("resamples: 2000", "resamples: 200", "measure.resamples", "loosened", "tightened"),
        (
            "minimum_rows: 100", "minimum_rows: 1000", "measure.fairness.minimum_rows",
            "loosened", "tightened",
        ),
        ("sessions: 11", "sessions: 7", "measure.latency.sessions", "loosened", "tightened"),
        ("batch: 256", "batch: 1", "measure.latency.batch", "loosened", "loosened"),
    ],
)  # fmt: skip
def test_each_change_of_a_policy_has_its_direction(
    old: str, new: str, key: str, there: str, back: str
) -> None:
    """Attacks every way to move the goalposts, both ways; what can't be shown strict is loosened.

    Confidence is one: wider intervals turn a failure into inconclusive, which may only warn.
    """
    assert POLICY.count(old) >= 1
    proposed = parse_policy(POLICY.replace(old, new, 1), "policy.yaml")
    assert _directions(policy_changes(BASE, proposed))[key] == there
    assert _directions(policy_changes(proposed, BASE))[key] == back


def test_fewer_people_who_may_accept_are_stricter() -> None:
    """Attacks a list of users that grows, or names others."""
    both, one, other = (
        parse_policy(POLICY.replace("at_least: 0.8", f"at_least: 0.8\n    accept: {who}"), "p")
        for who in ('["@ada", "@bob"]', '["@ada"]', '["@eve"]')
    )
    key = "rules.accuracy-floor.accept"
    assert _directions(policy_changes(both, one))[key] == "tightened"
    assert _directions(policy_changes(one, both))[key] == "loosened"
    assert _directions(policy_changes(one, other))[key] == "loosened"


def test_a_prolonged_waiver_is_loosened() -> None:
    """Attacks an expiry that moves by a day, over and over."""
    before = parse_policy(POLICY.replace("waivers: []", WAIVER), "p")
    after = parse_policy(POLICY.replace("waivers: []", WAIVER.replace("01-01", "01-02")), "p")
    assert "loosened" in [change.direction for change in policy_changes(before, after)]


def test_layout_is_no_change() -> None:
    """Attacks noise: comments, order and 0.80 for 0.8 are no changes."""
    text = "# hello\n" + POLICY.replace("at_least: 0.8\n", "at_least: 0.80\n")
    proposed = parse_policy(text, "p")
    turned = proposed.model_copy(update={"rules": dict(reversed(proposed.rules.items()))})
    assert policy_changes(BASE, turned) == ()
    assert turned.digest == BASE.digest


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    """The tiny policy with other limits, meanings and settings."""
    data = BASE.model_dump()
    data["measure"]["seed"] = draw(st.integers(0, 2))
    data["measure"]["resamples"] = draw(st.sampled_from([200, 2000]))
    for name in list(data["rules"]):
        rule: dict[str, Any] = data["rules"][name]
        key = "at_most" if rule["at_most"] is not None else "at_least"
        rule[key] = draw(st.sampled_from([rule[key], 0.1, 0.5]))
        rule["on_fail"] = draw(st.sampled_from(["fail", "warn"]))
        rule["inconclusive"] = draw(st.sampled_from(["fail", "warn", "pass"]))
        if draw(st.booleans()) and len(data["rules"]) > 1:
            del data["rules"][name]
    return Policy.model_validate(data)


@given(_policies(), _policies())
def test_changes_are_empty_for_equals_and_turn_round_for_limits(one: Policy, two: Policy) -> None:
    """Attacks directions that depend on more than the two values."""
    assert policy_changes(one, one) == ()
    assert bool(policy_changes(one, two)) == (one != two)
    there, back = _directions(policy_changes(one, two)), _directions(policy_changes(two, one))
    assert set(there) == set(back)
    for key, direction in there.items():
        if key.startswith("rules."):
            assert back[key] == OPPOSITE[direction], key


AGE = "age: {type: number, range: [0, 120], missing: 0.5, description: Years}"
JOB = "job: {type: category, categories: [nurse, cook], missing: 0.5, description: Work}"


@pytest.mark.parametrize(
    ("old", "new", "key", "there", "back"),
    [
        ("[0, 120]", "[0, 130]", "columns.age.range", "loosened", "tightened"),
        ("[0, 120]", "[-1, 110]", "columns.age.range", "loosened", "loosened"),
        ("range: [0, 120], ", "", "columns.age.range", "loosened", "tightened"),
        ("missing: 0.5, description: Years", "missing: true, description: Years",
         "columns.age.missing", "loosened", "tightened"),
        ("[nurse, cook]", "[nurse, cook, priest]", "columns.job.categories", "loosened",
         "tightened"),
        ("[nurse, cook]", "[nurse, priest]", "columns.job.categories", "loosened", "loosened"),
        ("[nurse, cook]", "[cook, nurse]", "columns.job.categories", "neutral", "neutral"),
        ("missing: 0.5, description: Work", "missing: 0.5, unknown: other, description: Work",
         "columns.job.unknown", "loosened", "tightened"),
        ("missing: 0.5, description: Work", "missing: 0.5, severity: warning, description: Work",
         "columns.job.severity", "loosened", "tightened"),
        ("missing: 0.5, description: Work", "missing: 0.5, logged: false, description: Work",
         "columns.job.logged", "tightened", "loosened"),
        ("role: protected", "role: feature", "columns.sex.role", "loosened", "tightened"),
        ("role: protected", "role: protected, model_input: true", "columns.sex.model_input",
         "loosened", "neutral"),
        ("type: number", "type: integer", "columns.age.type", "loosened", "loosened"),
        ('positive: "yes"', 'positive: "no"', "columns.rich.positive", "loosened", "loosened"),
        ("  sex: {", "  other: {", "columns.sex", "loosened", "neutral"),
        ("[age, job]", "[age]", "split.identity", "loosened", "loosened"),
        ("[age, job]", "[job, age]", "split.identity", "loosened", "loosened"),
        ("test: 0.2", "test: 0.3", "split.test", "loosened", "loosened"),
        ("valid: 0.16", "valid: 0.1", "split.valid", "loosened", "loosened"),
        ("description: Years", "description: Age", "columns.age.description", "neutral",
         "neutral"),
        ("name: tiny", "name: small", "name", "neutral", "neutral"),
        ("name: tiny", "name: tiny\ncopies: 0.5", "copies", "loosened", "tightened"),
        (f"  {AGE}\n  {JOB}\n", f"  {JOB}\n  {AGE}\n", "columns", "neutral", "neutral"),
    ],
)  # fmt: skip
def test_each_change_of_a_contract_has_its_direction(
    old: str, new: str, key: str, there: str, back: str
) -> None:
    """Attacks a contract that lets in what the base's refuses."""
    assert old in CONTRACT
    base = parse_contract(CONTRACT, "contract.yaml")
    proposed = parse_contract(CONTRACT.replace(old, new, 1), "contract.yaml")
    assert _directions(contract_changes(base, proposed))[key] == there
    assert _directions(contract_changes(proposed, base))[key] == back
    assert contract_changes(proposed, proposed) == ()


def test_a_changed_retention_is_a_loosened_contract() -> None:
    """Attacks by an age, or a column, by which other rows may be taken out of the exam."""
    dated = CONTRACT.replace(
        "  age: {", "  seen: {type: string, role: ignored, description: W}\n  age: {", 1
    )
    texts = ["", "retention: {column: seen, days: 365}\n", "retention: {column: seen, days: 30}\n"]
    plain, year, month = (parse_contract(dated + text, "contract.yaml") for text in texts)
    assert [str(change.after) for change in contract_changes(plain, year)] == ["365 days by seen"]
    for before, after in ((plain, year), (year, month), (month, year), (year, plain)):
        (change,) = contract_changes(before, after)
        assert (change.key, change.direction) == ("retention", "loosened")
