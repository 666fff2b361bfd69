"""Several classes, and numbers: each gate's measurements against scikit-learn's and Fairlearn's,
and a planted defect beside a clean run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference
from scipy.stats import binomtest
from sklearn import metrics as sk

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.accuracy import measure as accuracy
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.drift import measure as drift
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.latency import measure as latency
from gatehouse.gates.metrics import BY_NAME
from gatehouse.gates.metrics.figures import Figure, figures, value_of
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions, labels_of
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by
from tests.gatehouse.gates.task_graphs import (
    MULTICLASS,
    REGRESSION,
    TaskGraph,
    banded,
    numbered,
)

MakeWorkspace = Callable[..., Workspace]
ContractOf = Callable[..., Contract]
RowsOf = Callable[[int, int], pd.DataFrame]


def measured(p: Predictions) -> dict[tuple[str, str], Figure]:
    """Every metric, by name and slice."""
    return {
        (figure.metric.name, figure.slice): figure
        for figure in figures(p, AccuracyMeasure(calibration_bins=5))
    }


def several(n: int, seed: int) -> Predictions:
    """Random predictions of three classes, better than chance."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n).astype(float)
    logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[labels.astype(int)]
    outputs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    decided = outputs.argmax(axis=1).astype(float)
    return Predictions(
        labels, outputs.max(axis=1), decided, Task.MULTICLASS, ("a", "b", "c"), outputs
    )


def numbers(n: int, seed: int) -> Predictions:
    """Random predictions of a number."""
    rng = np.random.default_rng(seed)
    labels = rng.normal(100, 15, n)
    values = labels + rng.normal(2, 5, n)
    return Predictions(labels, values, values, Task.REGRESSION)


def sklearn_values(p: Predictions, weight: Floats) -> dict[tuple[str, str], float]:
    """scikit-learn's answers with the counts as weights."""
    told = {"sample_weight": weight}
    y = p.labels
    if p.task is Task.REGRESSION:
        return {
            ("mean_absolute_error", "all"): sk.mean_absolute_error(y, p.scores, **told),
            ("root_mean_squared_error", "all"): sk.root_mean_squared_error(y, p.scores, **told),
            ("r2", "all"): sk.r2_score(y, p.scores, **told),
        }
    d = p.decisions
    found = {
        ("accuracy", "all"): sk.accuracy_score(y, d, **told),
        ("balanced_accuracy", "all"): sk.balanced_accuracy_score(y, d, **told),
        ("f1_macro", "all"): sk.f1_score(y, d, average="macro", **told),
        ("log_loss", "all"): sk.log_loss(y, p.outputs, labels=[0, 1, 2], **told),
        ("roc_auc", "all"): sk.roc_auc_score(y, p.outputs, multi_class="ovr", **told),
    }
    recall = sk.recall_score(y, d, average=None, **told)
    precision = sk.precision_score(y, d, average=None, **told)
    for k, name in enumerate(p.classes):
        found["recall", f"class={name}"] = recall[k]
        found["precision", f"class={name}"] = precision[k]
    return found


@pytest.mark.parametrize("make", [several, numbers])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_scikit_learns(make: Callable[[int, int], Predictions], seed: int) -> None:
    """Attacks each formula: of the rows as they are, and of rows that count unlike."""
    p = make(60, seed)
    counts = np.random.default_rng(seed).integers(0, 4, 60).astype(float)
    found = measured(p)
    for key, expected in sklearn_values(p, np.ones(60)).items():
        assert found[key].value == pytest.approx(expected), key
    for key, expected in sklearn_values(p, counts).items():
        assert found[key].over(counts[None])[0] == pytest.approx(expected), key


def test_r2_of_resamples_that_do_not_vary_is_undefined() -> None:
    """Attacks a variance that is rounding: its quotient would be any number."""
    labels = np.append(np.zeros(99), 1.0)
    p = Predictions(labels, labels + 0.1, labels + 0.1, Task.REGRESSION)
    none = np.append(np.ones(99), 0.0)
    assert np.isnan(measured(p)["r2", "all"].over(none[None])[0])


def test_what_the_log_does_not_hold_is_not_measured() -> None:
    """Without the probabilities of all classes there is no log loss and no area, and no guess."""
    p = several(60, 0)
    known = {name for name, _ in measured(p)}
    less = Predictions(p.labels, p.scores, p.decisions, p.task, p.classes)
    assert known - {name for name, _ in measured(less)} == {"log_loss", "roc_auc"}


def test_a_class_that_is_not_there_leaves_its_metrics_undefined(policy: Policy) -> None:
    """Attacks an average over fewer classes than the model tells apart."""
    p = several(60, 0).of_rows(several(60, 0).labels < 2)
    assert np.isnan(value_of(BY_NAME["roc_auc"], Sample(p, AccuracyMeasure(calibration_bins=5))))
    found = {(m.name, m.slice): m for m in accuracy.measure_models({Of.CANDIDATE: p}, policy)}
    assert found["roc_auc", "all"].value is None
    assert found["recall", "class=c"].value is None
    assert found["recall", "class=c"].note


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize(
    ("sizes", "classes"),
    [([20, 10], {"all": 1}), ([20, 10, 5], {"class=a": 0, "class=b": 1, "class=c": 2})],
)
def test_few_rows_without_error_prove_little(
    policy: Policy, sizes: list[int], classes: dict[str, int], right: bool
) -> None:
    """Attacks [1, 1] after 30 rows: Wilson's interval on the rows that each share divides by."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    said = labels if right else (labels + 1) % len(sizes)
    outputs = np.eye(len(sizes))[said]
    task = Task.BINARY if len(sizes) == 2 else Task.MULTICLASS
    scores = outputs[:, 1] if task is Task.BINARY else outputs.max(axis=1)
    p = Predictions(
        labels.astype(float), scores, said.astype(float), task, tuple("abc"[: len(sizes)]), outputs
    )
    found = {(m.name, m.slice): m for m in accuracy.measure_models({Of.CANDIDATE: p}, policy)}
    rows = {("accuracy", "all"): sum(sizes)}
    for where, k in classes.items():
        rows |= {("recall", where): sizes[k], ("precision", where): int((said == k).sum())}
    for key, of in rows.items():
        m = found[key]
        low, high = binomtest(of * right, of).proportion_ci(0.95, method="wilson")
        assert m.value == right
        assert m.interval is not None
        assert (m.interval.low, m.interval.high) == pytest.approx((low, high)), key
        assert "Wilson" in m.method
        assert m.note is None
    balanced = found["balanced_accuracy", "all"]
    assert (balanced.value, balanced.note) == (right, None)
    assert balanced.interval is not None
    # No surer than of all rows together, and no less than of the rarest class alone.
    whole, rarest = (binomtest(n * right, n).proportion_ci(0.95, "wilson") for n in
                     (sum(sizes), min(sizes)))  # fmt: skip
    assert balanced.interval.low <= whole.low + 1e-9
    assert balanced.interval.high >= whole.high - 1e-9
    assert balanced.interval.low >= rarest.low - 1e-9
    assert "MOVER" in balanced.method
    area = found["roc_auc", "all"].interval
    assert area is not None
    assert not right or 0.4 < area.low < 0.8 < area.high == 1


def test_models_without_error_on_rows_of_their_own_may_differ(policy: Policy) -> None:
    """Attacks [0, 0] of a canary and its base that were right on a few rows each."""

    def right(n: int) -> Predictions:
        labels = np.arange(n, dtype=np.float64) % 2
        return Predictions(labels, labels, labels)

    pair = {Of.CANDIDATE: right(40), Of.BASE: right(60)}
    found = {m.name: m for m in accuracy.measure_models(pair, policy, paired=False)
             if m.of is Of.COMPARISON}  # fmt: skip
    m = found["accuracy"]
    assert (m.value, "MOVER" in m.method) == (0, True)
    assert m.interval is not None
    # Newcombe (1998), method 10, of 40/40 and 60/60.
    assert m.interval.low == pytest.approx(
        -(1 - binomtest(40, 40).proportion_ci(0.95, "wilson").low)
    )
    assert m.interval.high == pytest.approx(1 - binomtest(60, 60).proportion_ci(0.95, "wilson").low)


def test_a_model_differs_from_itself_by_nothing(policy: Policy) -> None:
    """Attacks widths of a comparison of equals, of two classes, several, and numbers."""
    for p in (several(60, 0), numbers(60, 0)):
        found = accuracy.measure_models({Of.CANDIDATE: p, Of.BASE: p}, policy)
        inside = [m for m in found if m.of is not Of.COMPARISON]
        assert all(m.note is None for m in inside)
        differences = [m.interval for m in found if m.of is Of.COMPARISON]
        assert len(differences) == len(inside) / 2
        assert all(i is not None and i.low == i.high == 0 for i in differences)


def test_models_on_rows_of_their_own_show_each_n(policy: Policy) -> None:
    """Attacks a comparison of 40 rows with 4,000 that shows one number of rows."""
    pair = {Of.CANDIDATE: several(90, 0), Of.BASE: several(4000, 1)}
    found = accuracy.measure_models(pair, policy, paired=False)
    compared = [m for m in found if m.of is Of.COMPARISON]
    assert {m.n for m in compared} == {90}
    assert all("n: 90 of the candidate, 4,000 of the base" in (m.note or "") for m in compared)


@pytest.mark.parametrize(("values", "task"), [(["a", "x"], "class"), ([1.0, None], "number")])
def test_a_label_that_is_none_is_refused(
    values: list[object], task: str, contract_of: ContractOf
) -> None:
    """Attacks rows whose label would be counted as some class, or as not a number."""
    change = {"categories": ["a", "b", "c"], "positive": None} if task == "class" else REGRESSION
    with pytest.raises(GatehouseError, match="column 'y': 1 rows hold no"):
        labels_of(pd.DataFrame({"y": values}), contract_of(y=change))


@pytest.fixture
def of_task(
    make_workspace: MakeWorkspace, contract_of: ContractOf, rows_of: RowsOf
) -> Callable[..., Workspace]:
    """A workspace of a task: what the graphs do is said by keyword."""

    def make(task: Task, name: str = "candidate", **said: object) -> Workspace:
        regression = task is Task.REGRESSION
        target = numbered if regression else banded
        train = said.pop("train", None)
        test = said.pop("test", None)
        return make_workspace(
            name,
            contract=contract_of(y=REGRESSION if regression else MULTICLASS),
            train=target(rows_of(2000, 1)) if train is None else train,
            test=target(rows_of(1200, 2)) if test is None else test,
            int8=TaskGraph(regression, **said),  # type: ignore[arg-type]
            fp32=TaskGraph(regression),
        )

    return make


def find(evidence: Evidence, name: str, where: str = "all", of: Of = Of.CANDIDATE) -> Measurement:
    (found,) = [m for m in evidence.measurements if (m.name, m.slice, m.of) == (name, where, of)]
    return found


BOTH = pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])


@BOTH
def test_a_worse_model_is_told_from_its_base(
    task: Task, of_task: Callable[..., Workspace], policy: Policy
) -> None:
    """A planted defect beside the same model again: the paired difference tells them apart."""
    base = of_task(task, "base")
    metric = "r2" if task is Task.REGRESSION else "accuracy"
    worse = {"offset": 25.0} if task is Task.REGRESSION else {"centres": (38, 50, 83)}
    same = evidence_by("accuracy", of_task(task, "same"), base, policy)
    assert find(same, metric, of=Of.COMPARISON).value == 0
    other = evidence_by("accuracy", of_task(task, "worse", **worse), base, policy)
    difference = find(other, metric, of=Of.COMPARISON)
    assert difference.interval
    assert difference.interval.high < 0
    if task is Task.MULTICLASS:
        assert find(other, "recall", "class=middle").n == 1200


@BOTH
def test_what_another_model_changes_is_measured_and_is_no_drift(
    task: Task, of_task: Callable[..., Workspace], policy: Policy
) -> None:
    """A model that says otherwise of the same rows, beside one that says the same."""
    base = of_task(task, "base")
    worse = {"offset": 25.0} if task is Task.REGRESSION else {"centres": (38, 50, 83)}
    for name, changes, moved in (("same", {}, False), ("moved", worse, True)):
        found = evidence_by("drift", of_task(task, name, **changes), base, policy)
        assert not any(m.value for m in found.measurements if m.name == "drift")
        names = ["score_distance"] if task is Task.REGRESSION else ["flip_rate", "score_distance"]
        values = [find(found, name, "all", Of.COMPARISON).value or 0.0 for name in names]
        assert all(value > 0.05 if moved else value == 0 for value in values)


@BOTH
def test_rows_that_the_base_scores_otherwise_are_drift(
    task: Task, of_task: Callable[..., Workspace], policy: Policy
) -> None:
    """The unit of the predictions' slice: sigma of numbers, the share of classes."""
    base = of_task(task, "base")
    older = base.split("test").assign(age=lambda rows: rows["age"] + 15)
    found = evidence_by("drift", of_task(task, "older", test=older), base, policy)
    prediction = find(found, "drift", "prediction", Of.COMPARISON)
    assert prediction.unit == ("sigma" if task is Task.REGRESSION else "share")
    assert prediction.interval is not None
    assert prediction.interval.low > 0.02
    assert prediction.p_value is not None
    assert prediction.p_value < 0.01


@BOTH
def test_what_int8_changes_is_measured(
    task: Task, of_task: Callable[..., Workspace], policy: Policy
) -> None:
    """A served graph that says what the trained one says, and one that does not."""
    regression = task is Task.REGRESSION
    name = "prediction_difference" if regression else "decision_agreement"
    metric = "r2_difference" if regression else "accuracy_difference"
    same = evidence_by("latency", of_task(task, "same"), None, policy)
    assert find(same, name, "int8/fp32").value == (0 if regression else 1)
    assert find(same, metric, "int8/fp32").value == 0
    assert (find(same, "single_row_difference", "int8").value or 0) < 1e-5
    change = {"offset": 25.0} if regression else {"centres": (38, 50, 83)}
    evidence = evidence_by("latency", of_task(task, "other", **change), None, policy)
    changed = find(evidence, name, "int8/fp32")
    assert changed.value is not None
    assert changed.interval
    assert changed.interval.low <= changed.value <= changed.interval.high
    assert changed.value > 0.3 if regression else changed.value < 0.95
    assert (find(evidence, metric, "int8/fp32").value or 0) < 0


@BOTH
def test_a_group_that_is_served_worse_is_seen(
    task: Task, of_task: Callable[..., Workspace], policy: Policy, rows_of: RowsOf
) -> None:
    """Attacks the gaps: a clean run lets them near 0 in, a group with wrong labels does not."""
    regression = task is Task.REGRESSION
    names = (
        ("group_loss_difference", "mean_error_difference")
        if regression
        else ("equalized_odds_difference", "accuracy_score_difference")
    )
    clean = evidence_by("fairness", of_task(task, "clean"), None, policy)
    for name in names:
        found = find(clean, name, "sex")
        assert found.interval
        assert found.interval.low < 0.06, name
    test = (numbered if regression else banded)(rows_of(1200, 2))
    women = (test["sex"] == "f").to_numpy()
    if regression:
        test.loc[women, "y"] += 60.0
    else:
        test.loc[women & (test["y"] == "young"), "y"] = "old"
    skewed = evidence_by("fairness", of_task(task, "skewed", test=test), None, policy)
    for name in names:
        found = find(skewed, name, "sex")
        assert found.value
        assert found.interval
        assert found.interval.low > 0.2, name
        assert found.interval.low <= found.value <= found.interval.high


def test_gaps_between_classes_are_fairlearns(policy: Policy) -> None:
    """Attacks one-against-rest: each gap is Fairlearn's largest over the classes."""
    p = several(1500, 3)
    groups = np.random.default_rng(4).choice(["x", "y"], 1500, p=[0.4, 0.6]).astype(object)
    rows = pd.DataFrame({"g": groups})
    found = {(m.name, m.slice): m for m in fairness.measure_rows(rows, ["g"], [p], policy)}
    expected = max(
        demographic_parity_difference(
            p.labels == k, (p.decisions == k).astype(int), sensitive_features=groups
        )
        for k in range(3)
    )
    assert found["demographic_parity_difference", "g"].value == pytest.approx(expected)
    right = MetricFrame(
        metrics=sk.accuracy_score, y_true=p.labels, y_pred=p.decisions, sensitive_features=groups
    )
    assert found["accuracy_score_difference", "g"].value == pytest.approx(right.difference())
    assert found["accuracy", "g=x"].value == pytest.approx(right.by_group["x"])
    assert ("selection_rate", f"g=x & class={p.classes[2]}") in found
    assert ("demographic_parity_ratio", "g") not in found


def test_gaps_between_numbers_are_fairlearns(policy: Policy) -> None:
    """Attacks the scale: gaps are Fairlearn's differences over the target's deviation."""
    p = numbers(900, 5)
    groups = np.random.default_rng(6).choice(["x", "y", "z"], 900).astype(object)
    rows = pd.DataFrame({"g": groups})
    found = {(m.name, m.slice): m for m in fairness.measure_rows(rows, ["g"], [p], policy)}
    loss = MetricFrame(
        metrics=sk.mean_absolute_error, y_true=p.labels, y_pred=p.scores, sensitive_features=groups
    )
    gap = found["group_loss_difference", "g"]
    spread = np.subtract(*np.quantile(p.labels, [0.75, 0.25])) / 1.349
    assert gap.value == pytest.approx(loss.difference() / spread)
    assert gap.unit == "sigma"
    assert found["mean_absolute_error", "g=y"].value == pytest.approx(loss.by_group["y"])


def test_a_class_few_rows_are_of_does_not_silence_the_others(policy: Policy) -> None:
    """Attacks a gap that is not measured since one class of many is rare."""
    p = several(1500, 3)
    rare = np.flatnonzero(p.labels == 2)[20:]
    kept = np.ones(1500, bool)
    kept[rare] = False
    p = p.of_rows(kept)
    groups = np.random.default_rng(4).choice(["x", "y"], len(p.labels)).astype(object)
    found = {
        m.name: m
        for m in fairness.measure_rows(pd.DataFrame({"g": groups}), ["g"], [p], policy)
        if m.slice == "g"
    }
    assert found["equalized_odds_difference"].value is not None


def test_a_group_that_lacks_a_class_is_compared_in_the_others(policy: Policy) -> None:
    """Attacks a large group that is left out of sight, since few of its rows are of one class."""
    n = 600
    groups = np.repeat(["A", "B", "C"], 3 * n).astype(object)
    labels = np.tile(np.repeat([0.0, 1.0, 2.0], n), 3)
    decisions = labels.copy()
    third = groups == "C"
    decisions[third & (labels == 0)] = 1.0  # C's first class is never found
    kept = ~(third & (labels == 2)) | (np.arange(len(labels)) % n < 20)
    p = Predictions(labels, labels, decisions, Task.MULTICLASS, ("a", "b", "c")).of_rows(kept)
    rows = pd.DataFrame({"g": groups[kept]})
    found = {m.name: m for m in fairness.measure_rows(rows, ["g"], [p], policy) if m.slice == "g"}
    gap = found["equalized_odds_difference"]
    assert gap.value == 1.0
    assert gap.interval
    assert gap.interval.low > 0.9
    assert gap.note == "too small to decide: g=C (true positive rate of class c)"


def test_the_interval_of_a_gap_over_classes_holds_it(policy: Policy) -> None:
    """Coverage: without a gap, the lower end lies above 0 about as seldom as is promised."""
    quick = policy.measure.model_copy(update={"resamples": 200})
    policy = policy.model_copy(update={"measure": quick})
    rows = pd.DataFrame({"g": np.tile(np.array(["x", "y", "z"], object), 400)})
    missed = 0
    for seed in range(60):
        p = several(1200, seed)
        found = {
            m.name: m for m in fairness.measure_rows(rows, ["g"], [p], policy) if m.slice == "g"
        }
        gap = found["equalized_odds_difference"]
        assert gap.interval
        missed += gap.interval.low > 0
    assert missed <= 12  # of 60 at 0.90: 6 expected, more than 12 has a chance below 1 %


@pytest.mark.parametrize("wild", [1e4, 1e9])
def test_one_wild_row_hides_no_gap(wild: float, policy: Policy) -> None:
    """Attacks the scale: a row that is far off makes the differences of all others look small."""
    p = numbers(1000, 5)
    groups = np.where(np.arange(1001) % 2 == 0, "x", "y").astype(object)
    labels = np.append(p.labels, wild)
    values = np.append(p.scores, wild) + np.where(groups == "y", 30.0, 0.0)
    p = Predictions(labels, values, values, Task.REGRESSION)
    rows = pd.DataFrame({"g": groups})
    found = {m.name: m for m in fairness.measure_rows(rows, ["g"], [p], policy) if m.slice == "g"}
    gap = found["mean_error_difference"]
    assert gap.interval
    assert gap.interval.low > 1.5


def test_a_constant_target_makes_no_gap_of_dust(policy: Policy) -> None:
    """Attacks division by a deviation that is rounding alone."""
    labels = np.full(400, 0.1)
    p = Predictions(labels, labels + 0.05, labels + 0.05, Task.REGRESSION)
    rows = pd.DataFrame({"g": np.tile(np.array(["x", "y"], object), 200)})
    found = {m.name: m for m in fairness.measure_rows(rows, ["g"], [p], policy) if m.slice == "g"}
    assert (found["group_loss_difference"].value or 0) < 1e-6


@BOTH
def test_a_base_of_another_task_has_no_exam_for_it(
    task: Task, of_task: Callable[..., Workspace], make_workspace: MakeWorkspace, policy: Policy
) -> None:
    """Attacks a change of what is predicted that is compared all the same."""
    for gate in (accuracy, drift, fairness, latency):
        with pytest.raises(GatehouseError, match=r"the base predicts .*no exam"):
            gate.measure(of_task(task), make_workspace("base"), policy)


def test_another_target_is_not_compared(
    of_task: Callable[..., Workspace],
    make_workspace: MakeWorkspace,
    contract_of: ContractOf,
    rows_of: RowsOf,
    policy: Policy,
) -> None:
    """Attacks a number that is held against another one: any model beats what predicts neither."""
    base = of_task(Task.REGRESSION, "base")
    rows = numbered(rows_of(300, 3)).rename(columns={"y": "z"})
    candidate = make_workspace(
        contract=contract_of(y=None, z=REGRESSION | {"role": "target"}),
        train=rows, test=rows, int8=TaskGraph(True), fp32=TaskGraph(True),
    )  # fmt: skip
    with pytest.raises(GatehouseError, match="the base predicts 'y'"):
        evidence_by("accuracy", candidate, base, policy)
