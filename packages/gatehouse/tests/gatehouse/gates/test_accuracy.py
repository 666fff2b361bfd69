"""The accuracy gate on whole workspaces: what it writes, and how the judge reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates.accuracy import measure as accuracy
from gatehouse.gates.predictions import Predictions, predict
from gatehouse.gates.slices import WORST
from gatehouse.judge import apply_rule
from gatehouse.policy import Policy
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by

MakeGraph = Callable[..., Any]

NAMES = {
    "roc_auc", "accuracy", "balanced_accuracy", "f1", "precision", "recall", "log_loss",
    "brier_score_loss", "average_precision", "recall_at_alerts", "precision_at_recall",
    "calibration_error", "calibration_slope", "calibration_intercept",
}  # fmt: skip
SEEN = "test_rows_in_train"


def by_key(evidence: Evidence) -> dict[tuple[str, Of], Measurement]:
    """Of all rows; slices are told apart."""
    return {(m.name, m.of): m for m in of_all_rows(evidence)}


def of_all_rows(evidence: Evidence) -> list[Measurement]:
    return [m for m in evidence.measurements if m.slice == "all" and m.name != WORST]


def test_points_are_sklearns_and_lie_in_their_intervals(
    make_workspace: Callable[..., Workspace], policy: Policy
) -> None:
    """Attacks the point values, and intervals that would not hold them."""
    workspace = make_workspace()
    evidence = evidence_by("accuracy", workspace, None, policy)
    rows = workspace.split("test")
    y, scores = (rows["y"] == "yes").to_numpy(int), workspace.model.scores(rows)
    found = by_key(evidence)
    assert {name for name, _ in found} == NAMES | {SEEN}
    assert found["roc_auc", Of.CANDIDATE].value == sk.roc_auc_score(y, scores)
    assert found["f1", Of.CANDIDATE].value == sk.f1_score(y, scores >= 0.5)
    for m in of_all_rows(evidence):
        assert m.value is not None
        assert m.n == len(rows)
        if m.name == SEEN:  # counted, not estimated
            assert m.interval is None
            continue
        assert m.interval is not None
        if m.name != "calibration_error":  # biased upward in resamples
            assert m.interval.low <= m.value <= m.interval.high
    assert evidence.base is None


def test_same_model_as_base_differs_by_exactly_nothing(
    make_workspace: Callable[..., Workspace], policy: Policy
) -> None:
    """Attacks pairing: the comparison of a model with itself is 0 without width."""
    candidate, base = make_workspace("candidate"), make_workspace("base")
    evidence = evidence_by("accuracy", candidate, base, policy)
    compared = [m for m in of_all_rows(evidence) if m.of is Of.COMPARISON and m.slice == "all"]
    assert {m.name for m in compared} == NAMES
    for m in compared:
        assert m.value == 0.0
        assert m.interval is not None
        assert (m.interval.low, m.interval.high) == (0.0, 0.0)


def test_evidence_is_the_same_on_every_run(
    make_workspace: Callable[..., Workspace], policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks determinism, which `verify` rests on."""
    candidate = make_workspace()
    base = make_workspace("base", int8=small_graph(slope=1 / 20))
    first, again = (evidence_by("accuracy", candidate, base, policy) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("label", ["no", "yes"])
def test_one_class_only(
    make_workspace: Callable[..., Workspace], policy: Policy, label: str
) -> None:
    """Attacks metrics that need both classes: null with the reason, and no warning."""
    test = make_workspace("other").split("test").assign(y=label)
    evidence = evidence_by("accuracy", make_workspace(test=test), None, policy)
    found = by_key(evidence)
    auc = found["roc_auc", Of.CANDIDATE]
    assert auc.value is None
    assert auc.interval is None
    assert auc.note is not None
    assert "one class" in auc.note
    assert found["accuracy", Of.CANDIDATE].value is not None
    assert (found["recall", Of.CANDIDATE].value is None) == (label == "no")


def test_nobody_is_decided_positive(
    make_workspace: Callable[..., Workspace], policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks precision without positive decisions: null, and the note says it is the model."""
    never = small_graph(slope=0.0, bonus={"red": -5.0}, other=-5.0)
    found = by_key(evidence_by("accuracy", make_workspace(int8=never), None, policy))
    precision = found["precision", Of.CANDIDATE]
    assert precision.value is None
    assert "no row positive" in (precision.note or "")
    assert found["f1", Of.CANDIDATE].value == 0.0
    assert found["roc_auc", Of.CANDIDATE].value == 0.5


def test_one_row(make_workspace: Callable[..., Workspace], policy: Policy) -> None:
    """Attacks the smallest test split there can be."""
    test = make_workspace("other").split("test").head(1)
    evidence = evidence_by("accuracy", make_workspace(test=test), None, policy)
    assert {m.n for m in of_all_rows(evidence)} == {1}


def test_unseen_category_and_missing_number_are_scored(
    make_workspace: Callable[..., Workspace], policy: Policy
) -> None:
    """Attacks rows that the graph has no level for: scored as its unknown, not refused."""
    test = make_workspace("other").split("test")
    test["colour"] = test["colour"].where(test.index % 2 == 0, "purple").astype("str")
    evidence = evidence_by("accuracy", make_workspace(test=test), None, policy)
    assert by_key(evidence)["accuracy", Of.CANDIDATE].value is not None


@pytest.mark.parametrize("name", ["colour", "y"])
def test_missing_column_is_told(
    make_workspace: Callable[..., Workspace], policy: Policy, name: str
) -> None:
    """Attacks a test split without a column that the graph reads, or without its labels."""
    test = make_workspace("other").split("test").drop(columns=name)
    with pytest.raises(GatehouseError, match=f"column '{name}'"):
        evidence_by("accuracy", make_workspace(test=test), None, policy)


@pytest.mark.parametrize("copied", [0, 1, 300])
def test_test_rows_that_stand_in_train_are_counted(
    make_workspace: Callable[..., Workspace], policy: Policy, copied: int
) -> None:
    """Attacks a leak: copies of test rows in train, in another order, with whole numbers as floats.

    Rows that stand in both by chance (those without a size) are counted as well.
    """
    plain = make_workspace("plain")
    test, train = plain.split("test"), plain.split("train")
    chance = set(train.itertuples(index=False, name=None))
    fresh = test[[row not in chance for row in test.itertuples(index=False, name=None)]]
    leaked = fresh[fresh["size"].notna()].sample(copied, random_state=0)
    train = pd.concat([train[train["size"].notna()], leaked]).sample(frac=1, random_state=1)
    candidate = make_workspace(train=train.assign(age=train["age"] * 1.0), test=test)
    evidence = evidence_by("accuracy", candidate, None, policy)
    seen = by_key(evidence)[SEEN, Of.CANDIDATE]
    assert seen.value == copied / len(test)
    (rule,) = (rule for rule in policy.rules.values() if rule.measurement == SEEN)
    (finding,) = apply_rule(rule, evidence)
    assert finding.outcome is (Outcome.FAIL if copied > 1 else Outcome.PASS)


def test_a_row_that_differs_in_one_column_is_not_in_train(
    make_workspace: Callable[..., Workspace], rows_of: Callable[[int, int], pd.DataFrame]
) -> None:
    """Attacks the count with near copies: another label, or a value missing, is another row."""
    plain = make_workspace("plain", train=rows_of(120, 1).dropna())
    train = plain.split("train")
    for name, value in (("y", "no"), ("size", np.nan), ("colour", "red"), ("age", 7)):
        other = train[train[name] != value].assign(**{name: value}).astype(train.dtypes)
        assert len(other)
        assert not accuracy.seen_in(other, plain).any(), name
    assert accuracy.seen_in(train, plain).all()


@pytest.mark.parametrize(("positives", "told"), [(4, False), (5, True)])
def test_too_few_of_a_class_leave_no_area(policy: Policy, positives: int, told: bool) -> None:
    """Attacks a value without an interval, which a rule would take for exact: null and why."""
    labels = np.r_[np.ones(positives), np.zeros(100)]
    scores = np.linspace(0.9, 0.1, len(labels))
    models = {Of.CANDIDATE: Predictions(labels, scores, (scores >= 0.5).astype(float))}
    (measured,) = (m for m in accuracy.measure_models(models, policy) if m.name == "roc_auc")
    assert (measured.value is not None) is (measured.interval is not None) is told
    assert measured.class_n == positives
    assert told or "too few to tell: 4 rows of a class" in (measured.note or "")
    (loss,) = (m for m in accuracy.measure_models(models, policy) if m.name == "log_loss")
    assert loss.value is not None
    assert (loss.doubt is None) is told


def test_worse_model_is_seen(
    make_workspace: Callable[..., Workspace], policy: Policy, small_graph: MakeGraph
) -> None:
    """Attacks the comparison's sign: a model that ignores age is worse, beyond its interval."""
    candidate = make_workspace(int8=small_graph(slope=0.0))
    found = by_key(evidence_by("accuracy", candidate, make_workspace("base"), policy))
    difference = found["roc_auc", Of.COMPARISON]
    assert difference.interval is not None
    assert difference.interval.high < -0.1


def test_predictions_follow_the_contracts_positive_class(
    contract_of: Callable[..., Contract],
) -> None:
    """Attacks the order of classes: labels are 1 where the target is the positive category."""
    contract = contract_of(y={"positive": "no"})
    assert contract.classes == ("yes", "no")
    rows = pd.DataFrame({"y": ["no", "yes", "no"]})

    class Always:
        def outputs(self, rows: pd.DataFrame) -> np.ndarray:
            return np.full((len(rows), 2), 0.5)

        def decisions(self, outputs: np.ndarray) -> np.ndarray:
            return np.asarray(outputs[:, 1] >= 0.5, np.intp)

    predictions = predict(Always(), rows, contract)  # type: ignore[arg-type]
    assert predictions.labels.tolist() == [1.0, 0.0, 1.0]
    assert predictions.decisions.tolist() == [1.0, 1.0, 1.0]
