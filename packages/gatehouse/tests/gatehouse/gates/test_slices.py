"""Slices: how they are written, which rows they are, the search, the tests, and the gate's use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.slices import WORST
from gatehouse.gates.slices.cells import Cells, cells_of
from gatehouse.gates.slices.grammar import Part, Slice, check_slice, parse_slice, slice_text
from gatehouse.gates.slices.losses import guess_loss, row_losses
from gatehouse.gates.slices.masks import rows_of
from gatehouse.gates.slices.mean import mean_of
from gatehouse.gates.slices.search import search
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy, Rule
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by

MakeWorkspace = Callable[..., Workspace]

RULE = Rule(gate="accuracy", measurement=WORST, of=Of.COMPARISON, slice="*", at_most=0.1,
            alpha=0.01, inconclusive="pass", why="w")  # fmt: skip


@pytest.mark.parametrize(
    "text", ["sex=Female", "age in [18, 30)", "size in [-inf, 0.5)", "job=missing & a b=c=d"]
)
def test_a_slice_is_written_as_it_is_read(text: str) -> None:
    """Attacks a found slice that the policy could not name."""
    assert slice_text(parse_slice(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sex", "is not a slice; write column=value"),
        ("=a", "is not a slice"),
        ("age in [30, 18)", "the bin is empty"),
        ("age in [a, 18)", "a bin's ends are numbers"),
        ("age in [nan, 18)", "the bin is empty"),
        ("sex=a & sex=b", "names a column twice"),
    ],
)
def test_a_text_that_is_no_slice_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_slice(text)


def table() -> pd.DataFrame:
    return pd.DataFrame({
        "age": [18.0, 29.0, 30.0, np.nan], "job": ["cook", None, "", "nurse"],
        "count": [1, 2, 2, 3],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("age in [18, 30)", [1, 1, 0, 0]),
        ("age=30", [0, 0, 1, 0]),
        ("age=missing", [0, 0, 0, 1]),
        ("job=missing", [0, 1, 1, 0]),
        ("job=cook", [1, 0, 0, 0]),
        ("count=2 & job=missing", [0, 1, 1, 0]),
    ],
)
def test_the_rows_of_a_slice(text: str, rows: list[int]) -> None:
    assert rows_of(parse_slice(text), [table()]).astype(int).tolist() == rows


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("agee=1", "no column 'agee'"),
        ("job in [1, 2)", "'job' holds text"),
        ("age=old", "'age' holds numbers"),
    ],
)
def test_a_slice_that_does_not_fit_the_rows_names_the_fix(text: str, reason: str) -> None:
    with pytest.raises(GatehouseError, match=reason):
        rows_of(parse_slice(text), [table()])


@pytest.mark.parametrize("integers", [True, False])
def test_the_cells_of_a_column_are_the_rows_of_their_slices(integers: bool) -> None:
    """Attacks names that mean other rows than those that were searched."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 40, 2000).astype(float) if integers else rng.normal(size=2000) * 1e4
    columns = {
        "n": np.where(rng.random(2000) < 0.1, np.nan, numbers),
        "few": rng.integers(0, 3, 2000),
        "text": rng.choice(["a", "b", "", "missing", "rare"], 2000, p=[0.5, 0.3, 0.1, 0.09, 0.01]),
    }
    rows = pd.DataFrame(columns)
    for name in rows:
        cells = cells_of(rows[name], 30)
        assert len(cells.parts) > 1
        for k, part in enumerate(cells.parts):
            found = rows_of((part,), [rows])
            assert np.array_equal(found, cells.codes == k), str(part)
            assert found.sum() >= 30
    assert "text=rare" not in map(str, cells_of(rows["text"], 30).parts)


def test_the_search_finds_what_a_full_search_finds() -> None:
    """Attacks pruning that drops the best slice."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        columns = [
            Cells(rng.integers(0, 5, 3000), tuple(Part(f"c{c}", str(k)) for k in range(5)))
            for c in range(6)
        ]
        losses = rng.normal(size=3000)
        losses[(columns[1].codes == 2) & (columns[4].codes == 3)] += 0.5
        full: dict[Slice, Floats] = {}
        for cells in columns:
            for k, part in enumerate(cells.parts):
                full[(part,)] = losses[cells.codes == k]
        for a, b in combinations(columns, 2):
            for i, j in np.ndindex(5, 5):
                full[a.parts[i], b.parts[j]] = losses[(a.codes == i) & (b.codes == j)]
        scores = {parts: x.sum() / np.sqrt(len(x)) for parts, x in full.items() if len(x) >= 30}
        best = sorted(scores, key=lambda parts: -scores[parts])
        assert search(columns, losses, 30)[:10] == best[:10]


def test_the_mean_of_clusters_is_as_sure_as_its_clusters() -> None:
    """Attacks rows of one unit that count as many."""
    rng = np.random.default_rng(0)
    each = rng.normal(size=50)
    alone, copies = mean_of(each), mean_of(np.repeat(each, 20), None, np.repeat(np.arange(50), 20))
    assert (alone.value, alone.error, alone.units) == pytest.approx(
        (copies.value, copies.error, copies.units)
    )
    doubled = mean_of(each, np.full(50, 2.0))
    assert doubled.p_value == pytest.approx(alone.p_value)


def test_a_guess_loses_the_unit() -> None:
    """Attacks a unit that is not the loss of the best constant guess, for each task."""
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.2).astype(float)
    binary = Predictions(y, np.full(500, y.mean()), np.zeros(500), classes=("no", "yes"))
    k = rng.integers(0, 3, 500).astype(float)
    shares = np.bincount(k.astype(int)) / 500
    several = Predictions(k, np.full(500, shares.max()), np.full(500, shares.argmax()),
                          Task.MULTICLASS, ("a", "b", "c"), np.tile(shares, (500, 1)))  # fmt: skip
    v = rng.normal(size=500)
    number = Predictions(v, np.full(500, np.median(v)), v, Task.REGRESSION)
    for each in (binary, several, number):
        assert row_losses(each).mean() == pytest.approx(guess_loss(each))


def worst(evidence_measurements: tuple[Measurement, ...]) -> list[Measurement]:
    return [m for m in evidence_measurements if m.name == WORST]


def named(policy: Policy, *slices: str) -> Policy:
    accuracy = policy.measure.accuracy.model_copy(update={"slices": slices})
    return policy.model_copy(
        update={"measure": policy.measure.model_copy(update={"accuracy": accuracy})}
    )


def test_a_model_that_loses_in_one_category_is_blocked(
    make_workspace: MakeWorkspace,
    small_graph: Callable[..., object],
    policy: Policy,
    rows_of: Callable[[int, int], pd.DataFrame],
) -> None:
    """Attacks a loss that the mean hides, and a worst slice that a rule can't block."""
    test = rows_of(3000, 2)
    base = make_workspace("base", test=test)
    bad = small_graph(bonus={"red": 1.0, "blue": 3.0})
    candidate = make_workspace(test=test, int8=bad, fp32=bad)
    evidence = evidence_by("accuracy", candidate, base, policy)
    first = worst(evidence.measurements)[0]
    assert "colour=blue" in first.slice
    assert first.p_value is not None
    assert first.p_value < 1e-6
    assert any(f.outcome is Outcome.FAIL for f in apply_rule(RULE, evidence))
    shown = {m.of for m in evidence.measurements if m.slice == first.slice and not m.decides}
    assert shown == set(Of)


def test_the_same_model_has_no_worst_slice(make_workspace: MakeWorkspace, policy: Policy) -> None:
    candidate, base = make_workspace(), make_workspace("base")
    evidence = evidence_by("accuracy", candidate, base, policy)
    (only,) = worst(evidence.measurements)
    assert (only.slice, only.value, only.p_value) == ("all", 0.0, 1.0)
    assert [f.outcome for f in apply_rule(RULE, evidence)] == [Outcome.PASS]


def test_without_a_base_the_worst_slice_informs(
    make_workspace: MakeWorkspace, small_graph: Callable[..., object], policy: Policy
) -> None:
    bad = small_graph(bonus={"red": 1.0, "blue": 3.0})
    evidence = evidence_by("accuracy", make_workspace(int8=bad, fp32=bad), None, policy)
    found = worst(evidence.measurements)
    assert {m.of for m in found} == {Of.CANDIDATE}
    assert "colour=blue" in found[0].slice
    assert [f.outcome for f in apply_rule(RULE, evidence)] == [Outcome.NONE]


def test_named_slices_are_measured_for_both_models(
    make_workspace: MakeWorkspace, policy: Policy
) -> None:
    """Attacks a slice without its own metrics, and one of too few rows that looks measured."""
    candidate, base = make_workspace(), make_workspace("base")
    asked = named(policy, "colour=blue & sex=f", "age in [0, 1)")
    evidence = evidence_by("accuracy", candidate, base, asked)
    rows = base.split("test")
    inside = {(m.name, m.of): m for m in evidence.measurements if m.slice == "colour=blue & sex=f"}
    assert {of for _, of in inside} == set(Of)
    n = int(((rows["colour"] == "blue") & (rows["sex"] == "f")).sum())
    assert inside["roc_auc", Of.CANDIDATE].n == n
    few = [m for m in evidence.measurements if m.slice == "age in [0, 1)"]
    assert few
    assert all(m.value is None and "too few" in (m.note or "") for m in few)


def test_a_slice_of_an_unknown_column_stops_the_gate(
    make_workspace: MakeWorkspace, policy: Policy
) -> None:
    with pytest.raises(GatehouseError, match=r"no column 'color'.*colour"):
        evidence_by("accuracy", make_workspace(), None, named(policy, "color=blue"))


def test_the_losses_of_unknown_outputs_are_finite() -> None:
    """Attacks the log of a production row, which holds the decided class's probability alone."""
    k = np.array([0.0, 1.0, 2.0])
    several = Predictions(k, np.array([1.0, 0.5, 0.4]), np.array([0.0, 0.0, 2.0]),
                          Task.MULTICLASS, ("a", "b", "c"))  # fmt: skip
    assert np.isfinite(row_losses(several)).all()
    assert row_losses(replace(several, scores=np.ones(3)))[1] > 5
