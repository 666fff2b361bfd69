"""The bootstrap: its metrics against scikit-learn's, its coverage, its pairing."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binomtest
from sklearn import metrics as sk

from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.bootstrap import (
    Floats,
    Statistic,
    bootstrap,
    percentile_interval,
    resampled_counts,
    wilson_interval,
)
from gatehouse.gates.metrics import metrics_of
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions

ROWS = st.integers(2, 40)


def decided(labels: Floats, scores: Floats) -> Predictions:
    """Predictions at the threshold 0.5."""
    return Predictions(labels, scores, (scores >= 0.5).astype(np.float64))


@st.composite
def predictions_and_counts(draw: st.DrawFn) -> tuple[Predictions, Floats]:
    """Few distinct scores (many ties), any labels, counts with zeros, never all zero."""
    n = draw(ROWS)
    levels = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.999, 1.0])
    scores = np.array(draw(st.lists(levels, min_size=n, max_size=n)))
    labels = np.array(draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n)))
    counts = draw(hnp.arrays(np.float64, n, elements=st.integers(0, 4).map(float)))
    counts[draw(st.integers(0, n - 1))] += 1
    return decided(labels, scores), counts


def weighted_metrics(predictions: Predictions, calibration_bins: int) -> dict[str, Statistic]:
    """Every metric over counts, by its name."""
    sample = Sample(predictions, AccuracyMeasure(calibration_bins=calibration_bins))
    there = [each for each in metrics_of(predictions.task) if not each.needs_costs]
    return {metric.name: metric.weighted(sample) for metric in there}


def sklearn_values(p: Predictions, counts: Floats) -> dict[str, float]:
    """scikit-learn's answers with the counts as weights; NaN where it has none."""
    drawn = counts > 0
    y, score, decision, weight = (a[drawn] for a in (p.labels, p.scores, p.decisions, counts))
    both = len(np.unique(y)) == 2
    undefined = {"sample_weight": weight, "zero_division": np.nan}
    return {
        "roc_auc": sk.roc_auc_score(y, score, sample_weight=weight) if both else np.nan,
        "accuracy": sk.accuracy_score(y, decision, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(y, decision, sample_weight=weight)
        if both
        else np.nan,
        "f1": sk.f1_score(y, decision, **undefined),
        "precision": sk.precision_score(y, decision, **undefined),
        "recall": sk.recall_score(y, decision, **undefined),
        "log_loss": sk.log_loss(y, score, sample_weight=weight, labels=[0, 1]),
        "brier_score_loss": sk.brier_score_loss(y, score, sample_weight=weight),
    }


@settings(max_examples=150, deadline=None)
@given(case=predictions_and_counts())
def test_every_metric_is_sklearns_with_counts_as_weights(
    case: tuple[Predictions, Floats],
) -> None:
    """Attacks each formula with ties, rows not drawn, and resamples of one class."""
    predictions, counts = case
    expected = sklearn_values(predictions, counts)
    weighted = weighted_metrics(predictions, calibration_bins=5)
    for name, value in expected.items():
        ours = float(weighted[name](counts[None, :])[0])
        assert ours == pytest.approx(value, nan_ok=True, rel=1e-9, abs=1e-12), name


def test_perfect_and_constant_scores() -> None:
    """Attacks the ends: certain and right, certain and wrong, one score for all."""
    y = np.array([0.0, 0.0, 1.0, 1.0])
    whole = np.ones((1, 4))
    for scores, auc in ((y, 1.0), (1 - y, 0.0), (np.full(4, 0.3), 0.5)):
        metrics = weighted_metrics(decided(y, scores), 15)
        assert float(metrics["roc_auc"](whole)[0]) == auc
        assert np.isfinite(metrics["log_loss"](whole)).all()


def test_resamples_of_fewer_rows() -> None:
    """Attacks a resample as large as the table, where that of a smaller split is asked for."""
    counts = np.concatenate(list(resampled_counts(50, 300, seed=0, size=7)))
    assert counts.shape == (300, 50)
    assert (counts.sum(axis=1) == 7).all()


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_counts_are_resamples_of_n_rows(n: int) -> None:
    """Attacks the blocks: every resample has n rows, there are as many as asked for."""
    blocks = list(resampled_counts(n, resamples=701, seed=3))
    counts = np.concatenate(blocks)
    assert counts.shape == (701, n)
    assert (counts.sum(axis=1) == n).all()
    assert (counts >= 0).all()
    assert counts.mean() == pytest.approx(1.0)


def test_resamples_are_poisson_like() -> None:
    """Attacks the draw: the variance of a row's count is that of a multinomial, 1 - 1/n."""
    counts = np.concatenate(list(resampled_counts(50, 4000, seed=0)))
    assert counts.var() == pytest.approx(1 - 1 / 50, abs=0.02)


def test_same_seed_same_values_and_another_seed_others() -> None:
    """Attacks determinism: evidence must come out alike on every run."""
    metrics = {"mean": lambda counts: counts @ np.arange(100.0) / 100}
    first, again, other = (bootstrap(metrics, 100, 50, seed)["mean"] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_difference_of_identical_models_is_exactly_zero() -> None:
    """Attacks pairing: two models that say the same differ by 0, with no width at all."""
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.3).astype(np.float64)
    scores = rng.random(500)
    one, two = (weighted_metrics(decided(y, scores.copy()), 15) for _ in "ab")
    metrics = {f"a/{k}": v for k, v in one.items()} | {f"b/{k}": v for k, v in two.items()}
    drawn = bootstrap(metrics, 500, 200, seed=0)
    for name in one:
        interval = percentile_interval(drawn[f"a/{name}"] - drawn[f"b/{name}"], 0.95)
        assert interval is not None
        assert (interval.low, interval.high) == (0.0, 0.0), name


def test_pairing_narrows_the_difference_of_alike_models() -> None:
    """Attacks pairing: the paired interval is far narrower than two apart would give."""
    rng = np.random.default_rng(1)
    y = (rng.random(1000) < 0.4).astype(np.float64)
    base = np.clip(0.3 + 0.3 * y + rng.normal(0, 0.2, 1000), 0, 1)
    other = np.clip(base + rng.normal(0, 0.01, 1000), 0, 1)
    aucs = [weighted_metrics(decided(y, s), 5)["roc_auc"] for s in (base, other)]
    paired = bootstrap({"a": aucs[0], "b": aucs[1]}, 1000, 300, seed=0)
    apart = bootstrap({"b": aucs[1]}, 1000, 300, seed=1)
    assert np.std(paired["a"] - paired["b"]) < np.std(paired["a"] - apart["b"]) / 5


@pytest.mark.parametrize("name", ["accuracy", "roc_auc"])
def test_coverage_is_about_nominal(name: str) -> None:
    """Attacks the intervals: 90 % of them hold the truth.

    200 tables: the count is binomial, and [165, 195] is more than 3.5 standard errors each way,
    less the percentile bootstrap's own small error; the seed is fixed besides.
    """
    rng = np.random.default_rng(5)

    def table(n: int) -> Predictions:
        y = (rng.random(n) < 0.4).astype(np.float64)
        scores = 1 / (1 + np.exp(-rng.normal(2 * y - 1, 1.2)))
        return decided(y, scores)

    truth = float(weighted_metrics(table(400_000), 5)[name](np.ones((1, 400_000)))[0])
    held = 0
    for seed in range(200):
        metric = weighted_metrics(table(300), 5)[name]
        interval = percentile_interval(bootstrap({"m": metric}, 300, 300, seed)["m"], 0.90)
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert 165 <= held <= 195


def test_interval_needs_half_of_the_resamples() -> None:
    """Attacks metrics that most resamples leave undefined: no interval rather than a wild one."""
    values = np.full(100, np.nan)
    values[:49] = 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert percentile_interval(values, 0.95) is None
        values[:51] = 0.5
        interval = percentile_interval(values, 0.95)
    assert interval is not None
    assert interval.low == interval.high == 0.5


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_the_interval_of_a_share_is_wilsons(confidence: float) -> None:
    """Attacks the arithmetic: SciPy's on shares from none to all."""
    for hits, of in [(0, 1), (1, 1), (0, 40), (3, 40), (20, 40), (40, 40), (17, 9607)]:
        found, theirs = wilson_interval(hits, of, confidence), binomtest(hits, of)
        expected = theirs.proportion_ci(confidence, method="wilson")
        assert (found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert found.low <= hits / of <= found.high
