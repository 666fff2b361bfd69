"""Training noise in the policy: which differences it explains, and which limits lie inside it."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from scipy.stats import t

from gatehouse.evidence import Evidence, Of, Subject
from gatehouse.judge import apply_rule
from gatehouse.policy import Rule, parse_policy
from gatehouse.policy_noise import Noise
from tests.gatehouse.tiny import POLICY, measured


def noise(deviation: float, seeds: int = 8) -> Noise:
    return Noise(
        date=datetime.date(2026, 11, 21), params="a" * 12, seeds=seeds, rows=500,
        deviation={"roc_auc": deviation},
    )  # fmt: skip


@pytest.mark.parametrize("seeds", [3, 5, 8, 50])
def test_the_quantile_is_scipy_s(seeds: int) -> None:
    """Attacks a normal quantile, which is half as large as it must be for three seeds."""
    expected = t.ppf(0.975, seeds - 1) * np.sqrt(2) * 0.01
    assert noise(0.01, seeds).moves("roc_auc") == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_two_more_trainings_stay_within_it(seeds: int) -> None:
    """Attacks a bound that is too narrow because a few seeds show too little of the spread."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2_000):
        moves = noise(float(rng.normal(size=seeds).std(ddof=1)), seeds).moves("roc_auc")
        inside += moves is not None and abs(rng.normal() - rng.normal()) <= moves
    assert 0.93 < inside / 2_000 < 0.97


def test_a_difference_within_the_noise_is_named_and_decided_as_ever() -> None:
    """Attacks noise that turns a verdict, and other slices and metrics that it says nothing of."""
    rule = Rule(gate="accuracy", measurement="roc_auc", of=Of.COMPARISON, slice="*",
                at_least=-0.01, why="w")  # fmt: skip
    found = {"of": Of.COMPARISON, "neutral": 0.0}
    measurements = (
        measured("roc_auc", -0.02, 0.005, **found),
        measured("roc_auc", -0.002, 0.005, slice="class=a", **found),
        measured("roc_auc", -0.5, 0.1, **found),
    )
    evidence = Evidence(gate="accuracy", candidate=Subject(), base=Subject(), settings={},
                        tools={}, measurements=measurements)  # fmt: skip
    without = apply_rule(rule, evidence)
    named = apply_rule(rule, evidence, noise(0.01))
    assert [each.outcome for each in named] == [each.outcome for each in without]
    assert [each.noise is not None for each in named] == [True, False, False]
    assert "within training noise" in named[0].text
    assert all(each.noise is None for each in without)


def test_a_limit_inside_the_noise_is_found() -> None:
    """Attacks a margin that two trainings of one setting can reach."""
    policy = parse_policy(POLICY, "policy.yaml")
    assert policy.inside_noise() == []
    limit = policy.rules["accuracy-base"].limit
    for deviation, inside in ((abs(limit) / 10, []), (abs(limit), ["accuracy-base"])):
        noisy = policy.model_copy(update={"noise": noise(deviation)})
        assert [name for name, _, _ in noisy.inside_noise()] == inside
