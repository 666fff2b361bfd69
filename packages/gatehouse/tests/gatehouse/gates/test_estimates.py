"""Intervals without resamples: against the bootstrap, DeLong and SciPy; weights; units; tails."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn import metrics as sk

from gatehouse.contract import Task
from gatehouse.evidence import Better, Measurement, Of
from gatehouse.gates import estimates
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.accuracy.measure import measure_models
from gatehouse.gates.bootstrap import Floats, Statistic, bootstrap, percentile_interval
from gatehouse.gates.estimates import Known, difference, estimate, influence_of, resample
from gatehouse.gates.metrics import METRICS
from gatehouse.gates.metrics.figures import Figure, figures
from gatehouse.gates.metrics.metric import Metric
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions
from gatehouse.policy import Policy

MEASURE = AccuracyMeasure(calibration_bins=15)
N = 2_000
OWN_SCALE = ("calibration_error", "recall_at_alerts", "precision_at_recall")
"""Their errors depend on bins or on a threshold: see their own tests."""


def binary(n: int, seed: int, *, noise: float = 0.0) -> Predictions:
    """Scores of a fair model; two calls with one seed score the same rows."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(np.float64)
    z = rng.normal(1.5 * y - 1, 1.0) + rng.normal(0, 1, n) * noise
    scores = 1 / (1 + np.exp(-z))
    return Predictions(y, scores, (scores >= 0.5).astype(np.float64))


def several(n: int, seed: int, *, noise: float = 0.0) -> Predictions:
    """Three classes, the last of them rare."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=[0.5, 0.4, 0.1])
    z = np.eye(3)[labels] * 1.2 + rng.normal(0, 1, (n, 3)) + rng.normal(0, 1, (n, 3)) * noise
    outputs = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return Predictions(
        labels.astype(float), outputs.max(axis=1), outputs.argmax(axis=1).astype(float),
        Task.MULTICLASS, ("a", "b", "c"), outputs,
    )  # fmt: skip


def numbers(n: int, seed: int, *, noise: float = 0.0) -> Predictions:
    """A number, and predictions of it."""
    rng = np.random.default_rng(seed)
    labels = rng.normal(100, 15, n)
    values = labels + rng.normal(1, 5, n) + rng.normal(0, 1, n) * noise
    return Predictions(labels, values, values, Task.REGRESSION)


def figure(p: Predictions, name: str) -> Figure:
    return next(each for each in figures(p, MEASURE) if each.metric.name == name)


@pytest.mark.parametrize("make", [binary, several, numbers])
@pytest.mark.parametrize("together", [False, True])
def test_widths_are_the_bootstraps(make: type[Predictions], together: bool) -> None:
    """Attacks each metric's influence, its weights, and sums over units.

    1,000 resamples know a width to about 4 %, of few units or a rare class to less. The calibration
    error has kinks, where no interval is right.
    """
    rng = np.random.default_rng(0)
    ours, theirs = make(N, 1), make(N, 1, noise=0.3)  # type: ignore[call-arg, arg-type]
    if together:
        weights, units = rng.uniform(0.2, 2, N), rng.integers(0, 400, N)
        ours, theirs = (replace(each, weights=weights, units=units) for each in (ours, theirs))
    metrics = [metric for metric in METRICS if metric.name not in OWN_SCALE]
    pairs = [
        pair
        for pair in zip(*(figures(each, MEASURE, metrics) for each in (ours, theirs)), strict=True)
        if pair[0].slice == "all"
    ]  # fmt: skip
    over = {(of, k): each.over for k, pair in enumerate(pairs) for of, each in enumerate(pair)}
    drawn = bootstrap(over, N, 1000, 0, units=ours.units, weights=ours.weights)
    for k, (here, there) in enumerate(map(influence_of, pair) for pair in pairs):
        for found, values in (
            (estimate(here, 0.95), drawn[0, k]),
            (difference(here, there, 0.95), drawn[0, k] - drawn[1, k]),
        ):
            expected = percentile_interval(values, 0.95)
            assert found.interval is not None
            assert expected is not None
            assert found.interval.low <= found.value <= found.interval.high
            ratio = (found.interval.high - found.interval.low) / (expected.high - expected.low)
            assert 0.85 < ratio < 1.15, (here.figure.metric.name, ratio)


def test_the_area_is_delongs() -> None:
    """Attacks ranks and ties: the variance by all pairs, as DeLong et al. (1988) wrote it."""
    p, q = (replace(each, scores=np.round(each.scores, 1)) for each in
            (binary(60, 0), binary(60, 0, noise=1.0)))  # fmt: skip
    components = []
    for each in (p, q):
        pairs = each.scores[each.labels == 1][:, None] - each.scores[each.labels == 0][None]
        psi = (pairs > 0) + 0.5 * (pairs == 0)
        components.append((psi.mean(axis=1), psi.mean(axis=0)))
    by_hand = sum(
        np.var(one - two, ddof=1) / len(one)
        for one, two in zip(components[0], components[1], strict=True)
    )
    influence = [influence_of(figure(each, "roc_auc")).influence for each in (p, q)]
    assert influence[0] is not None
    assert influence[1] is not None
    assert np.square(influence[0] - influence[1]).sum() == pytest.approx(by_hand)
    assert figure(p, "roc_auc").value == pytest.approx(sk.roc_auc_score(p.labels, p.scores))


def test_a_mean_of_many_rows_has_students_interval() -> None:
    """Attacks standard error and degrees of freedom, where one more row adds next to nothing."""
    p = numbers(20_000, 0)
    found = estimate(influence_of(figure(p, "mean_error")), 0.95).interval
    expected = ttest_1samp(p.scores - p.labels, 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("make", [binary, several, numbers])
def test_weights_are_scikit_learns_sample_weight(make: type[Predictions], policy: Policy) -> None:
    """Attacks a metric of the gate that counts each row once, where the contract has weights."""
    weight = np.random.default_rng(3).exponential(1, 500)
    p = replace(make(500, 2), weights=weight)  # type: ignore[call-arg, arg-type]
    found = {m.name: m.value for m in measure_models({Of.CANDIDATE: p}, policy) if m.slice == "all"}
    y, d, told = p.labels, p.decisions, {"sample_weight": weight}
    if p.task is Task.REGRESSION:
        expected = {
            "mean_absolute_error": sk.mean_absolute_error(y, d, **told),
            "root_mean_squared_error": sk.root_mean_squared_error(y, d, **told),
            "r2": sk.r2_score(y, d, **told),
            "mean_error": np.average(d - y, weights=weight),
        }
    else:
        expected = {
            "accuracy": sk.accuracy_score(y, d, **told),
            "balanced_accuracy": sk.balanced_accuracy_score(y, d, **told),
        }
    if p.task is Task.BINARY:
        expected |= {
            "f1": sk.f1_score(y, d, **told),
            "precision": sk.precision_score(y, d, **told),
            "recall": sk.recall_score(y, d, **told),
            "roc_auc": sk.roc_auc_score(y, p.scores, **told),
            "log_loss": sk.log_loss(y, p.scores, **told),
            "brier_score_loss": sk.brier_score_loss(y, p.scores, **told),
        }
    if p.task is Task.MULTICLASS:
        expected |= {
            "f1_macro": sk.f1_score(y, d, average="macro", **told),
            "log_loss": sk.log_loss(y, p.outputs, **told),
            "roc_auc": sk.roc_auc_score(y, p.outputs, multi_class="ovr", **told),
        }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def measured(p: Predictions, policy: Policy) -> dict[str, Measurement]:
    return {m.name: m for m in measure_models({Of.CANDIDATE: p}, policy)}


def width(measurement: Measurement) -> float:
    assert measurement.interval is not None
    return measurement.interval.high - measurement.interval.low


@pytest.mark.parametrize("make", [binary, numbers])
def test_copies_of_a_row_prove_no_more_than_the_row(
    make: type[Predictions], policy: Policy
) -> None:
    """Attacks intervals that count each visit of a patient as another patient."""
    once = make(300, 4)  # type: ignore[call-arg, arg-type]
    rows = np.repeat(np.arange(300), 9)
    copied = Predictions(once.labels[rows], once.scores[rows], once.decisions[rows], once.task)
    alone, naive, grouped = (
        measured(each, policy) for each in (once, copied, replace(copied, units=rows))
    )
    for name, m in grouped.items():
        assert (m.n, naive[name].n) == (300, 2700)
        assert m.value == pytest.approx(alone[name].value)
        if name not in OWN_SCALE:
            assert width(m) == pytest.approx(width(alone[name]), rel=0.06), name
            assert width(naive[name]) < width(m) / 2.3, name


def test_perfect_models_of_few_groups_prove_little(policy: Policy) -> None:
    """Attacks [0.99, 1] after 900 rows of nine people, all of them right."""
    labels = np.tile([0.0, 1.0], 450)
    p = Predictions(labels, labels, labels, units=np.repeat(np.arange(9), 100))
    for name in ("accuracy", "recall", "balanced_accuracy"):
        interval = measured(p, policy)[name].interval
        assert interval is not None
        assert 0.4 < interval.low < 0.75, name


@pytest.mark.parametrize(("errors", "told"), [("normal", True), ("t3", False)])
def test_heavy_tails_are_in_doubt(policy: Policy, errors: str, told: bool) -> None:
    """Attacks an interval of squared errors whose variance does not exist."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels = rng.normal(0, 1, 2000)
        values = labels + (rng.normal(0, 1, 2000) if errors == "normal" else
                           rng.standard_t(3, 2000))  # fmt: skip
        p = Predictions(labels, values, values, Task.REGRESSION)
        found.append(measured(p, policy)["root_mean_squared_error"].doubt is None)
    assert sum(found) >= 19 if told else sum(found) <= 2


def median_score(sample: Sample) -> Statistic:
    """A statistic without a closed form: the weighted median of the scores."""
    order = np.argsort(sample.predictions.scores)
    scores = sample.predictions.scores[order]

    def over(counts: Floats) -> Floats:
        below = np.cumsum(counts[:, order], axis=1)
        return np.asarray(scores[(below < below[:, -1:] / 2).sum(axis=1)])

    return over


MEDIAN = Metric(
    name="median_score", label="median score", unit="1", better=Better.HIGHER,
    tasks=(Task.BINARY,), weighted=median_score,
)  # fmt: skip


def median_of(p: Predictions) -> Known:
    (each,) = figures(p, MEASURE, [MEDIAN])
    return resample([each], 400, 0)[0]


def test_other_metrics_are_resampled_and_weighted() -> None:
    """Attacks a metric of a fork's own that has no closed form: weights and units count."""
    p = binary(600, 0)
    found = estimate(median_of(p), 0.95)
    assert found.interval is not None
    assert "percentile bootstrap" in found.method
    assert found.value == pytest.approx(np.median(p.scores), abs=0.01)
    rows = np.repeat(np.arange(600), 4)
    copied = Predictions(p.labels[rows], p.scores[rows], p.decisions[rows], units=rows)
    grouped = estimate(median_of(copied), 0.95)
    assert grouped.interval is not None
    ratio = (grouped.interval.high - grouped.interval.low) / (
        found.interval.high - found.interval.low
    )
    assert 0.8 < ratio < 1.25
    heavy = replace(p, weights=np.where(p.scores > 0.5, 1.0, 0.0))
    assert estimate(median_of(heavy), 0.95).value > 0.5


def test_a_large_table_is_resampled_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks resamples of a million rows: a part of them, with errors scaled to all."""
    p = binary(40_000, 0)
    whole = estimate(median_of(p), 0.95)
    monkeypatch.setattr(estimates, "MOST_ROWS", 4_000)
    part = estimate(median_of(p), 0.95)
    assert whole.value == part.value
    assert "4,000 sampled rows" in part.method
    assert whole.interval is not None
    assert part.interval is not None
    ratio = (part.interval.high - part.interval.low) / (whole.interval.high - whole.interval.low)
    assert 0.75 < ratio < 1.35


def test_every_built_in_metric_has_a_closed_form() -> None:
    """Attacks a metric that makes the gate slow on a million rows."""
    for p in (binary(50, 0), several(80, 0), numbers(50, 0)):
        for each in figures(p, MEASURE):
            assert influence_of(each).influence is not None, each.metric.name


@pytest.mark.parametrize("confidence", [0.8, 0.999])
def test_more_confidence_is_wider(confidence: float) -> None:
    """Attacks an interval that ignores the confidence, of each scale and shape."""
    for p in (binary(200, 0), several(300, 0), numbers(200, 0)):
        for each in figures(p, MEASURE):
            known = influence_of(each)
            interval, usual = (estimate(known, c).interval for c in (confidence, 0.95))
            assert interval is not None
            assert usual is not None
            wider = interval.high - interval.low > usual.high - usual.low
            assert wider is (confidence > 0.95)
            assert math.isfinite(interval.low)
