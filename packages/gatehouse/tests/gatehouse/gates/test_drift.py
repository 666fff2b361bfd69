"""The drift gate: its statistics by hand, false alarms and power on seeded tables, odd columns."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.evidence import Evidence, Measurement, Of, Subject
from gatehouse.gates.drift import DriftMeasure
from gatehouse.gates.drift import measure as drift
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by

SETTINGS = DriftMeasure(maximum_rows=100_000, rare_level=20)
RowsOf = Callable[[int, int], pd.DataFrame]
MakeWorkspace = Callable[..., Workspace]


def compared(old: pd.DataFrame, new: pd.DataFrame, **changes: Any) -> dict[str, drift.Test]:
    used = SETTINGS.model_copy(update=changes)
    found = drift.compare_tables(old, new, list(old.columns), used, seed=0)
    return {test.slice: test for test in found}


def one_column(old: Any, new: Any, **changes: Any) -> dict[str, drift.Test]:
    return compared(pd.DataFrame({"x": old}), pd.DataFrame({"x": new}), **changes)


def middle(test: drift.Test) -> float:
    """The measured distance; the interval reaches as far below as above it."""
    assert test.interval is not None
    assert test.interval.low > 0
    return (test.interval.low + test.interval.high) / 2


def outcomes(policy: Policy, old: pd.DataFrame, new: pd.DataFrame) -> dict[str, Outcome]:
    """What the repository's own drift rules say of each column."""
    measurements = drift.adjusted(list(compared(old, new).values()))
    evidence = Evidence(
        gate="drift", candidate=Subject(), base=Subject(), settings={}, tools={},
        measurements=tuple(measurements),
    )  # fmt: skip
    rules = [r for r in policy.rules.values() if r.gate == "drift" and r.measurement == "drift"]
    found: dict[str, Outcome] = {}
    for rule in rules:
        if any(fnmatchcase(m.slice, rule.slice) for m in measurements):
            found |= {finding.slice: finding.outcome for finding in apply_rule(rule, evidence)}
    assert set(found) == {m.slice for m in measurements}, (
        "a column that no rule of the policy judges"
    )
    return found


# Holm's adjustment


# The statistics


def test_numbers_are_scipys() -> None:
    """Attacks test and effect of a numeric column."""
    rng = np.random.default_rng(0)
    old, new = rng.normal(0, 2, 900), rng.normal(0.3, 2, 700)
    test = one_column(old, new)["number=x"]
    distance = stats.wasserstein_distance(old, new) / old.std()
    assert middle(test) == pytest.approx(distance, rel=0.01)
    assert 0.7 * distance < test.effect < distance  # less chance
    assert test.p_value < 0.01
    assert test.n == 700
    assert test.unit == "sigma"


def test_pure_shift_has_its_own_size_as_effect() -> None:
    """Attacks the unit: a shift by 0.1 sigma has effect 0.1, whatever the scale."""
    values = np.random.default_rng(0).normal(0, 1, 2000)
    for scale in (1e-6, 1.0, 1e9):
        moved = values * scale + 0.1 * values.std() * scale
        found = one_column(values * scale, moved)["number=x"]
        assert middle(found) == pytest.approx(0.1, rel=0.02)
        assert found.effect == pytest.approx(0.1, abs=0.03)


def test_categories_are_scipys() -> None:
    """Attacks test and effect of a category column, missing values among them."""
    old = ["a"] * 500 + ["b"] * 300 + [None] * 200
    new = ["a"] * 450 + ["b"] * 300 + [None] * 250
    test = one_column(pd.Series(old, dtype="str"), pd.Series(new, dtype="str"))["category=x"]
    p_value = stats.chi2_contingency([[500, 300, 200], [450, 300, 250]], correction=False).pvalue
    assert test.p_value == pytest.approx(p_value, abs=0.04)  # of another statistic
    assert middle(test) == pytest.approx(0.05)
    assert 0.02 < test.effect < 0.05
    assert test.unit == "share"


def test_missing_is_not_a_category_that_is_called_so() -> None:
    """Attacks the name of missing: values that read '(missing)' or 'nan' are values."""
    old = pd.Series(["(missing)"] * 100 + ["nan"] * 100, dtype="str")
    new = pd.Series([None] * 100 + ["nan"] * 100, dtype="str")
    assert middle(one_column(old, new)["category=x"]) == pytest.approx(0.5)


def test_rare_categories_are_merged() -> None:
    """Attacks chi-squared on cells of one row: 2,000 categories of one row each are one."""
    old = pd.Series([f"o{i}" for i in range(2000)] + ["a"] * 1000, dtype="str")
    new = pd.Series([f"n{i}" for i in range(2000)] + ["a"] * 1000, dtype="str")
    test = one_column(old, new)["category=x"]
    assert test.effect == 0.0
    assert test.p_value == 1.0


def test_unseen_category_that_is_not_rare_is_seen() -> None:
    """Attacks a category that only the candidate has, and one that only the base has."""
    old = pd.Series(["a"] * 900 + ["old"] * 100, dtype="str")
    new = pd.Series(["a"] * 900 + ["new"] * 100, dtype="str")
    test = one_column(old, new)["category=x"]
    assert middle(test) == pytest.approx(0.1)
    assert test.p_value < 1e-8


@settings(max_examples=50, deadline=None)
@given(
    old=st.lists(st.sampled_from(["a", "b", "c", "|", None]), min_size=1, max_size=80),
    new=st.lists(st.sampled_from(["a", "b", "d", "\n", None]), min_size=1, max_size=80),
    rare=st.integers(1, 30),
)
def test_any_categories_give_numbers(
    old: list[str | None], new: list[str | None], rare: int
) -> None:
    """Attacks with any values: effect and p-value lie in [0, 1], and order plays no part."""
    texts = [pd.Series(values, dtype="str") for values in (old, new)]
    test = drift.compare_categories("x", texts[0], texts[1], rare)
    assert 0 <= test.effect <= 1
    assert 0 <= test.p_value <= 1
    mirrored = drift.compare_categories("x", texts[0][::-1], texts[1][::-1], rare)
    assert mirrored.effect == pytest.approx(test.effect)
    assert mirrored.p_value == pytest.approx(test.p_value)


@settings(max_examples=50, deadline=None)
@given(
    old=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=40),
    new=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=40),
)
def test_any_numbers_give_evidence(old: list[float], new: list[float]) -> None:
    """Attacks with NaN and infinity: evidence takes finite numbers only, and no warning."""
    found = drift.compare_numbers("x", np.array(old), np.array(new))
    for m in drift.adjusted(found):
        assert m.value is not None
        assert m.p_value is not None


# Odd columns


def test_constant_columns() -> None:
    """Attacks a standard deviation of zero: no change is 0, any change of a constant is 1 sigma."""
    assert one_column([5] * 100, [5] * 80)["number=x"].effect == 0.0
    moved = one_column([0.1] * 100, [0.2] * 80)["number=x"]
    assert moved.effect == pytest.approx(1.0)
    assert moved.p_value < 1e-6
    widened = one_column([0] * 100, [0, 1] * 50)["number=x"]
    assert middle(widened) == pytest.approx(1.0)


def test_columns_that_are_all_missing() -> None:
    """Attacks columns without a value: only whether they are missing can be compared."""
    nothing, something = [np.nan] * 200, list(np.arange(200.0))
    both = one_column(nothing, nothing)
    assert set(both) == {"category=x (missing)"}
    assert both["category=x (missing)"].effect == 0.0
    lost = one_column(something, nothing)
    assert set(lost) == {"category=x (missing)"}
    assert lost["category=x (missing)"].effect == 1.0
    assert lost["category=x (missing)"].p_value < 1e-10


def test_missing_values_alone_are_drift() -> None:
    """Attacks what library presets miss: 40 % of a column gone, the rest unchanged."""
    rng = np.random.default_rng(0)
    old = rng.normal(size=4000)
    new = np.where(rng.random(4000) < 0.4, np.nan, rng.normal(size=4000))
    found = one_column(old, new)
    assert found["category=x (missing)"].effect == pytest.approx(0.4, abs=0.03)
    assert found["category=x (missing)"].p_value < 1e-10
    assert found["number=x"].n < 2600


@pytest.mark.parametrize("kinds", [("int64", "float64"), ("float32", "int8"), ("bool", "int64")])
def test_storage_of_numbers_is_no_change(kinds: tuple[str, str]) -> None:
    """Attacks integers that became floats since one value is missing: the same kind of column."""
    values = np.array([0, 1] * 50)
    found = one_column(values.astype(kinds[0]), values.astype(kinds[1]))
    assert found["number=x"].effect == 0.0


def test_tiny_tables() -> None:
    """Attacks tables of one row: numbers, no crash, no warning."""
    old = pd.DataFrame({"x": [1.0], "c": pd.Series(["a"], dtype="str")})
    new = pd.DataFrame({"x": [2.0], "c": pd.Series(["b"], dtype="str")})
    found = compared(old, new)
    assert found["number=x"].n == 1
    assert found["category=c"].p_value == 1.0  # rare in both


def test_large_tables_are_sampled_alike(rows_of: RowsOf) -> None:
    """Attacks sampling: a large table against itself has exactly no drift."""
    rows = rows_of(3000, 0)
    found = compared(rows, rows.copy(), maximum_rows=500)
    for test in found.values():
        assert test.n <= 500
        assert test.effect == 0.0
        assert test.p_value == 1.0


# The policy's rules


@pytest.mark.parametrize(("n", "allowed"), [(2500, 2), (10_000, 0)])
def test_clean_pairs_do_not_alarm(policy: Policy, rows_of: RowsOf, n: int, allowed: int) -> None:
    """Attacks false alarms in 30 clean pairs; benchmarks/gates counts many more.

    Small tables have only Holm's 1 % to protect them, large ones the floor of the effect as well.
    """
    alarms = 0
    for seed in range(30):
        found = outcomes(policy, rows_of(n, 2 * seed), rows_of(n, 2 * seed + 1))
        alarms += Outcome.FAIL in found.values()
    assert alarms <= allowed


@pytest.mark.parametrize("column", ["age", "size"])
def test_a_shift_of_a_tenth_sigma_is_seen(policy: Policy, rows_of: RowsOf, column: str) -> None:
    """Attacks power on numbers: 20,000 rows show a shift of 0.1 sigma, in that column alone."""
    for seed in range(5):
        old, new = rows_of(20_000, 2 * seed), rows_of(20_000, 2 * seed + 1)
        shift = 0.1 * old[column].std()
        if column == "age":  # stays an integer: whole steps for a share of the rows
            rng = np.random.default_rng(seed)
            new[column] += np.floor(shift + rng.random(len(new))).astype(int)
        else:
            new[column] += shift
        found = outcomes(policy, old, new)
        failed = [where for where, outcome in found.items() if outcome is Outcome.FAIL]
        assert failed == [f"number={column}"], seed


def test_five_points_of_a_category_are_seen(policy: Policy, rows_of: RowsOf) -> None:
    """Attacks power on categories: 5 of 100 rows moved from one to another, at 20,000 rows."""
    for seed in range(5):
        old, new = rows_of(20_000, 2 * seed), rows_of(20_000, 2 * seed + 1)
        rng = np.random.default_rng(seed)
        moved = (new["colour"] == "red") & (rng.random(len(new)) < 0.1)
        new["colour"] = new["colour"].mask(moved, "blue").astype("str")
        found = outcomes(policy, old, new)
        failed = [where for where, outcome in found.items() if outcome is Outcome.FAIL]
        assert failed == ["category=colour"], seed


def test_few_rows_are_inconclusive(policy: Policy, rows_of: RowsOf) -> None:
    """Attacks silence on small tables: below the rule's minimum nothing passes."""
    found = outcomes(policy, rows_of(300, 0), rows_of(300, 1))
    assert set(found.values()) == {Outcome.INCONCLUSIVE}


# Whole workspaces


def by_slice(evidence: Evidence) -> dict[str, Measurement]:
    return {m.slice: m for m in evidence.measurements if m.name == "drift"}


def schema_of(evidence: Evidence) -> Measurement:
    (found,) = (m for m in evidence.measurements if m.name == "schema_changes")
    return found


def test_no_base_nothing_measured(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks the first commit: evidence without measurements, and no base named."""
    evidence = evidence_by("drift", make_workspace(), None, policy)
    assert evidence.measurements == ()
    assert evidence.base is None


def test_identical_workspaces(make_workspace: MakeWorkspace, policy: Policy) -> None:
    """Attacks noise where there is none: the same data and model drift by exactly 0."""
    evidence = evidence_by("drift", make_workspace(), make_workspace("base"), policy)
    found = by_slice(evidence)
    assert set(found) == {
        "number=age", "tail=age", "number=size", "tail=size", "category=size (missing)",
        "category=colour", "category=sex", "category=race", "category=y", "prediction",
    }  # fmt: skip
    for m in found.values():
        assert m.of is Of.COMPARISON
        assert (m.value, m.p_value) == (0.0, 1.0)
    assert schema_of(evidence).value == 0


def test_another_model_moves_no_data(
    make_workspace: MakeWorkspace, policy: Policy, small_graph: Callable[..., Any]
) -> None:
    """Attacks two questions in one number: what another model changes, no rule on data limits."""
    moved = make_workspace(int8=small_graph(slope=1 / 30))
    evidence = evidence_by("drift", moved, make_workspace("base"), policy)
    assert all(m.value == 0.0 for m in by_slice(evidence).values())
    distances = {m.slice: m.value for m in evidence.measurements if m.name == "score_distance"}
    assert set(distances) == {"all", "sex=f", "sex=m", "race=a", "race=b", "race=c"}
    assert all(distance is not None and distance > 0.02 for distance in distances.values())
    flips = {m.slice: m for m in evidence.measurements if m.name == "flip_rate"}
    assert set(flips) == set(distances)
    same = evidence_by("drift", make_workspace("same"), make_workspace("base"), policy)
    told = [m.value for m in same.measurements if m.name in ("flip_rate", "score_distance")]
    assert set(told) == {0.0}


def test_rows_that_the_base_scores_otherwise_are_other_rows(
    make_workspace: MakeWorkspace, policy: Policy, rows_of: RowsOf
) -> None:
    """Attacks the predictions' slice: other test rows, whatever the candidate's model is."""
    older = rows_of(3000, 5).assign(age=lambda rows: rows["age"] + 15)
    evidence = evidence_by("drift", make_workspace(test=older), make_workspace("base"), policy)
    found = by_slice(evidence)["prediction"]
    assert found.interval is not None
    assert found.interval.low > 0.05
    assert found.p_value is not None
    assert found.p_value < 0.001


def test_columns_that_came_went_and_changed_kind(
    make_workspace: MakeWorkspace, policy: Policy, rows_of: RowsOf
) -> None:
    """Attacks the schema: counted and named, and not compared as values."""
    train = rows_of(3000, 1).drop(columns="race")
    train["extra"] = 1
    train["size"] = train["size"].astype("str")
    evidence = evidence_by("drift", make_workspace(train=train), make_workspace("base"), policy)
    schema = schema_of(evidence)
    assert schema.value == 3
    assert schema.samples == ("race: gone", "extra: new", "size: number became text")
    names = {where.partition("=")[2].partition(" ")[0] for where in by_slice(evidence)}
    assert not {"race", "extra", "size"} & names


def test_row_keys_are_not_compared(
    make_workspace: MakeWorkspace,
    policy: Policy,
    rows_of: RowsOf,
    contract_of: Callable[..., Any],
) -> None:
    """Attacks a growing row number: every new load would drift by its keys."""
    contract = contract_of(key={"type": "integer", "role": "key"})
    tables = [rows_of(3000, 1).assign(key=np.arange(3000) + start) for start in (0, 10_000)]
    candidate, base = (
        make_workspace(name, train=table, contract=contract)
        for name, table in zip(("candidate", "base"), tables, strict=True)
    )
    assert not [
        where for where in by_slice(evidence_by("drift", candidate, base, policy)) if "key" in where
    ]


@pytest.mark.parametrize("role", ["key", "weight", "ignored"])
def test_a_new_role_takes_no_column_out_of_sight(
    make_workspace: MakeWorkspace,
    policy: Policy,
    rows_of: RowsOf,
    contract_of: Callable[..., Any],
    role: str,
) -> None:
    """Attacks a change that moves a column and gives it a role that is not tested."""
    train = rows_of(3000, 1)
    train["size"] += 1.0
    hidden = contract_of(size={"role": role} | ({"missing": 0.0} if role == "key" else {}))
    candidate = make_workspace(train=train, contract=hidden)
    found = by_slice(evidence_by("drift", candidate, make_workspace("base"), policy))
    assert found["number=size"].value is not None
    assert found["number=size"].value > 0.9


@pytest.mark.parametrize("role", ["key", "weight", "ignored"])
def test_what_no_model_reads_is_not_tested(
    make_workspace: MakeWorkspace,
    policy: Policy,
    rows_of: RowsOf,
    contract_of: Callable[..., Any],
    role: str,
) -> None:
    """Attacks alarms about row numbers, survey weights and notes, which move with every load."""
    contract = contract_of(note={"type": "number", "role": role})
    tables = [rows_of(3000, 1).assign(note=np.arange(3000.0) + start) for start in (1, 10_000)]
    candidate, base = (
        make_workspace(name, train=table, contract=contract)
        for name, table in zip(("candidate", "base"), tables, strict=True)
    )
    assert not [
        where
        for where in by_slice(evidence_by("drift", candidate, base, policy))
        if "note" in where
    ]


def test_evidence_is_the_same_on_every_run(
    make_workspace: MakeWorkspace, policy: Policy, rows_of: RowsOf
) -> None:
    """Attacks determinism, sampling included."""
    measure = policy.measure.model_copy(
        update={"drift": DriftMeasure(maximum_rows=700, rare_level=20)}
    )
    sampled = policy.model_copy(update={"measure": measure})
    candidate, base = make_workspace(train=rows_of(3000, 7)), make_workspace("base")
    first, again = (evidence_by("drift", candidate, base, sampled) for _ in range(2))
    assert first == again
    assert max(m.n for m in by_slice(first).values()) == 700
