"""The fairness gate: Fairlearn's values, the bootstrap, what is protected, groups too small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fl
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by
from tests.shared import SPECS

GAPS = ("demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference")


def predictions_of(groups: dict[str, tuple[int, int, int, int]]) -> tuple[np.ndarray, Predictions]:
    """Rows with the given TP, FN, FP, TN for each group."""
    names, labels, decisions = [], [], []
    for name, cells in groups.items():
        for count, label, decision in zip(cells, (1, 1, 0, 0), (1, 0, 1, 0), strict=True):
            names += [name] * count
            labels += [label] * count
            decisions += [decision] * count
    d = np.array(decisions, float)
    return np.array(names, object), Predictions(np.array(labels, float), d, d)


def measured(
    policy: Policy, **groups: tuple[int, int, int, int]
) -> dict[tuple[str, str], Measurement]:
    names, predictions = predictions_of(groups)
    found = fairness.measure_rows(pd.DataFrame({"g": names}), ["g"], [predictions], policy)
    return {(m.name, m.slice.removeprefix("g=")): m for m in found}


def test_gaps_and_rates_are_fairlearns(policy: Policy) -> None:
    """Attacks the point values: when every group is large, all are Fairlearn's own."""
    groups = {"a": (120, 60, 50, 300), "b": (80, 90, 20, 200), "c": (60, 55, 70, 90)}
    names, p = predictions_of(groups)
    found = measured(policy, **groups)
    arguments = {"sensitive_features": names}
    y, d = p.labels.astype(int), p.decisions.astype(int)
    for metric in GAPS:
        expected = getattr(fl, metric)(y, d, **arguments)
        assert found[metric, "g"].value == pytest.approx(expected), metric
    frame = fl.MetricFrame(metrics=fl.true_positive_rate, y_true=y, y_pred=d, **arguments)
    for group, value in frame.by_group.items():
        assert found["true_positive_rate", str(group)].value == value
    for m in found.values():
        assert m.decides
        assert m.note is None


def test_a_group_that_always_decides_one_way_is_not_certain(policy: Policy) -> None:
    """Attacks empty cells: 200 of 200 selected leaves room for a rate below 1, as Wilson says."""
    found = measured(policy, a=(100, 0, 100, 0), b=(60, 60, 60, 60))
    interval = found["selection_rate", "a"].interval
    wilson = binomtest(200, 200).proportion_ci(policy.measure.fairness.confidence, "wilson")
    assert interval is not None
    assert interval.low == pytest.approx(wilson.low, rel=1e-12)
    assert interval.high == 1.0
    gap = found["demographic_parity_difference", "g"]
    assert gap.value == 0.5
    assert gap.interval is not None
    assert gap.interval.low < 0.5 - 1.645 * np.sqrt(0.25 / 240)


def test_ratio_where_nobody_of_a_group_is_selected(policy: Policy) -> None:
    """Attacks the ratio of a rate of 0: it is 0, and the interval says what it may be instead."""
    found = measured(policy, a=(0, 60, 0, 60), b=(30, 30, 30, 30))
    ratio = found["demographic_parity_ratio", "g"]
    assert ratio.value == 0.0
    assert ratio.interval is not None
    assert ratio.interval.low == 0.0
    assert 3 / 120 < ratio.interval.high < 0.12


def test_small_groups_are_reported_and_do_not_decide(policy: Policy) -> None:
    """Attacks a tiny group that would blow up the gap: it is shown, named, and left out."""
    found = measured(policy, a=(60, 60, 60, 60), b=(61, 60, 60, 60), tiny=(9, 0, 9, 0))
    tiny = found["selection_rate", "tiny"]
    assert tiny.value == 1.0
    assert tiny.n == 18
    assert not tiny.decides
    for gap in GAPS:
        m = found[gap, "g"]
        assert m.value is not None
        assert m.note == "too small to decide: g=tiny"
        assert m.n == 481
    assert found["demographic_parity_difference", "g"].value == pytest.approx(121 / 241 - 0.5)


def test_a_rate_needs_rows_of_its_own_denominator(policy: Policy) -> None:
    """Attacks rates on a handful of positives, and groups whose other rate has rows enough."""
    groups = {"a": (60, 60, 60, 60), "b": (60, 60, 60, 60), "few": (40, 9, 150, 50)}
    found = measured(policy, **groups)
    assert found["selection_rate", "few"].decides
    assert not found["true_positive_rate", "few"].decides
    assert found["false_positive_rate", "few"].decides
    gap = found["equalized_odds_difference", "g"]
    assert gap.note == "too small to decide: g=few (true positive rate)"
    assert gap.value == pytest.approx(0.25)  # of the false positive rates
    assert found["demographic_parity_difference", "g"].note is None


@pytest.mark.parametrize(
    "groups", [{"a": (60, 60, 60, 60)}, {"a": (60, 60, 60, 60), "b": (1, 1, 1, 1)}]
)
def test_one_group_that_counts_has_no_gap(
    policy: Policy, groups: dict[str, tuple[int, int, int, int]]
) -> None:
    """Attacks comparison of a group with nobody: null with the reason, not 0."""
    found = measured(policy, **groups)
    for gap in GAPS:
        m = found[gap, "g"]
        assert m.value is None
        assert m.interval is None
        assert "fewer than two groups" in (m.note or "")


def test_nothing_to_divide_by_is_null(policy: Policy) -> None:
    """Attacks Fairlearn's 0 for a group without positives: there is no rate, not a rate of 0."""
    found = measured(policy, a=(60, 60, 60, 60), none=(0, 0, 30, 100))
    rate = found["true_positive_rate", "none"]
    assert rate.value is None
    assert rate.interval is None
    assert not rate.decides
    assert found["false_positive_rate", "none"].value == pytest.approx(30 / 130)


def test_nobody_selected_anywhere(policy: Policy) -> None:
    """Attacks the ratio 0 / 0: the difference is 0, the ratio is null."""
    found = measured(policy, a=(0, 60, 0, 60), b=(0, 70, 0, 70))
    assert found["demographic_parity_difference", "g"].value == 0.0
    assert found["demographic_parity_ratio", "g"].value is None
    assert found["equalized_odds_difference", "g"].value == 0.0


def test_missing_protected_value_is_a_group(policy: Policy) -> None:
    """Attacks rows without the attribute: they are a group, not dropped."""
    rows = pd.DataFrame({"sex": pd.Series(["f", None, "m", None], dtype="str")})
    labels = fairness.group_labels(rows, ("sex",))
    assert labels.tolist() == ["sex=f", "sex=(missing)", "sex=m", "sex=(missing)"]


def test_intersections_of_three() -> None:
    """Attacks the partitions: singles, pairs and the triple, each group named by all its parts."""
    assert fairness.partitions(["a", "b", "c"], 3) == [
        ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"),
    ]  # fmt: skip
    rows = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"], "c": ["p", "q"]})
    assert fairness.group_labels(rows, ("a", "b", "c")).tolist() == [
        "a=x & b=1 & c=p",
        "a=y & b=2 & c=q",
    ]


def test_bias_in_an_intersection_alone_is_seen(policy: Policy) -> None:
    """Attacks fairness by attribute only: sex and race are even, their intersection is not."""
    low, high = (50, 100, 50, 100), (100, 50, 100, 50)
    cells = {("f", "a"): low, ("f", "b"): high, ("m", "a"): high, ("m", "b"): low}
    names, p = predictions_of({f"{sex} {race}": c for (sex, race), c in cells.items()})
    frame = pd.DataFrame([name.split() for name in names], columns=["sex", "race"])
    gaps: dict[str, Measurement] = {}
    for attributes in fairness.partitions(["sex", "race"], 2):
        found = fairness.measure_partitions(frame, [attributes], [p], policy, 1)
        gaps |= {m.slice: m for m in found if m.name == "equalized_odds_difference"}
    assert gaps["sex"].value == gaps["race"].value == 0.0
    crossed = gaps["sex & race"]
    assert crossed.value == pytest.approx(1 / 3)
    assert crossed.interval is not None
    assert crossed.interval.low > 0.15


def test_whole_workspace(make_workspace: Callable[..., Workspace], policy: Policy) -> None:
    """Attacks the gate end to end: all partitions of the contract, the same on every run."""
    workspace = make_workspace()
    first, again = (evidence_by("fairness", workspace, None, policy) for _ in range(2))
    assert first == again
    gaps = [m.slice for m in first.measurements if m.name == "equalized_odds_difference"]
    assert gaps == ["sex", "race", "sex & race"]
    assert (
        sum(m.name == "accuracy" for m in first.measurements) == 2 + 3 + 6 + 1
    )  # the pool of small groups


def test_one_row(make_workspace: Callable[..., Workspace], policy: Policy) -> None:
    """Attacks the smallest test split there can be: Fairlearn takes one row for no array."""
    test = make_workspace("other").split("test").head(1)
    evidence = evidence_by("fairness", make_workspace(test=test), None, policy)
    assert not any(m.decides and m.value is not None for m in evidence.measurements)


def test_no_protected_attribute(
    make_workspace: Callable[..., Workspace],
    policy: Policy,
    contract_of: Callable[..., Contract],
) -> None:
    """Attacks a contract that protects nothing: evidence without measurements, no crash."""
    contract = contract_of(sex={"role": "ignored"}, race={"role": "ignored"})
    assert (
        evidence_by("fairness", make_workspace(contract=contract), None, policy).measurements == ()
    )


def gaps_of(evidence: Evidence) -> list[str]:
    return [
        m.slice
        for m in evidence.measurements
        if m.name == "equalized_odds_difference" and m.of is Of.CANDIDATE
    ]


def test_what_the_base_protects_stays_measured(
    make_workspace: Callable[..., Workspace],
    policy: Policy,
    contract_of: Callable[..., Contract],
) -> None:
    """Attacks a change that takes an attribute out of its contract's protection."""
    blind = make_workspace(contract=contract_of(race={"role": "ignored"}))
    base = make_workspace("base")
    assert gaps_of(evidence_by("fairness", blind, None, policy)) == ["sex"]
    evidence = evidence_by("fairness", blind, base, policy)
    assert gaps_of(evidence) == ["sex", "race", "sex & race"]
    assert evidence.base == base.subject(SPECS["fairness"])


def test_what_the_candidate_protects_anew_is_measured(
    make_workspace: Callable[..., Workspace],
    policy: Policy,
    contract_of: Callable[..., Contract],
) -> None:
    """Attacks an attribute that only the candidate protects: the base's contract adds, no more."""
    base = make_workspace("base", contract=contract_of(race={"role": "ignored"}))
    assert gaps_of(evidence_by("fairness", make_workspace(), base, policy)) == [
        "sex",
        "race",
        "sex & race",
    ]


@pytest.mark.parametrize("by", ["the candidate", "the base"])
def test_a_protected_column_that_is_gone_stays_measured(
    make_workspace: Callable[..., Workspace],
    policy: Policy,
    contract_of: Callable[..., Contract],
    by: str,
) -> None:
    """Attacks fairness by deletion: the exam is the base's, and has the column still."""
    test = make_workspace("other").split("test").drop(columns="race")
    contract = contract_of(race=None) if by == "the base" else None
    candidate, base = make_workspace(test=test, contract=contract), make_workspace("base")
    whole = evidence_by("fairness", make_workspace("whole"), base, policy)
    assert evidence_by("fairness", candidate, base, policy).measurements == whole.measurements


def test_a_protected_column_that_no_row_has_is_told(
    make_workspace: Callable[..., Workspace], policy: Policy
) -> None:
    """Attacks a first run without the column: nothing could be seen."""
    test = make_workspace("other").split("test").drop(columns="race")
    with pytest.raises(GatehouseError, match=r"no column 'race'.*protects"):
        evidence_by("fairness", make_workspace(test=test), None, policy)


def test_group_that_vanished_from_the_test_split(
    make_workspace: Callable[..., Workspace], policy: Policy
) -> None:
    """Attacks a category of the contract that no test row has: the others are still compared."""
    test = make_workspace("other").split("test")
    test = test[test["race"] != "c"]
    evidence = evidence_by("fairness", make_workspace(test=test), None, policy)
    slices = {m.slice for m in evidence.measurements}
    assert "race=c" not in slices
    (gap,) = (m for m in evidence.measurements if (m.name, m.slice) == (GAPS[0], "race"))
    assert gap.value is not None


def test_hostile_group_names(policy: Policy) -> None:
    """Attacks names that look like syntax: they come through as they are."""
    name = 'race=<b>| & "x"\n# y'
    names, p = predictions_of({name: (60, 60, 60, 60), "race=": (60, 60, 60, 60)})
    rows = pd.DataFrame({"race": names})
    found = fairness.measure_rows(rows, ["race"], [p], policy)
    assert {m.slice for m in found} == {f"race={name}", "race=race=", "race"}


@settings(max_examples=30, deadline=None)
@given(cells=st.lists(st.tuples(*[st.integers(0, 400)] * 4).filter(any), min_size=1, max_size=4))
def test_any_table_gives_finite_ordered_numbers(
    policy: Policy, cells: list[tuple[int, int, int, int]]
) -> None:
    """Attacks with any confusion cells: intervals in [0, 1] around the value, no warning."""
    found = measured(policy, **{f"g{i}": c for i, c in enumerate(cells)})
    for m in found.values():
        assert m.value is None or 0 <= m.value <= 1
        if m.value is None:
            assert m.interval is None
        else:
            assert m.interval is not None
            assert 0 <= m.interval.low <= m.value <= m.interval.high <= 1
