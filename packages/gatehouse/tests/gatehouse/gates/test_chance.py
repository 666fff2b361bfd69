"""What chance does to a distance: against SciPy's exact tests, intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gatehouse.gates.drift.chance import NONE, beside_chance, total_variation, wasserstein


@pytest.mark.parametrize("moved", [5, 20, 35, 50])
def test_two_cells_are_fishers_test(moved: int) -> None:
    """Attacks the permutations: with two cells, they are Fisher's exact test."""
    counts = np.array([[100, 400], [100 + moved, 400 - moved]])
    exact = stats.fisher_exact(counts).pvalue
    found = beside_chance(counts, total_variation).p_value
    assert found == pytest.approx(exact, rel=0.5, abs=0.003)


def test_equal_counts_are_exactly_equal() -> None:
    """Attacks noise where there is none."""
    assert beside_chance(np.array([[3, 4], [3, 4]]), total_variation) == NONE


def test_far_beyond_the_simulated_distances_p_keeps_falling() -> None:
    """Attacks a p-value that can't be below 1 in the number of simulations."""
    values = [
        beside_chance(np.array([[1000, 1000], [1000 + k, 1000 - k]]), total_variation).p_value
        for k in (100, 150, 200, 300)
    ]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4
    assert values[-1] < 1e-9


@pytest.mark.parametrize(("levels", "rows"), [(5, 1000), (50, 5000), (200, 20_000)])
@pytest.mark.parametrize("moved", [0.0, 0.05, 0.2])
def test_chance_is_taken_off_and_the_interval_covers(levels: int, rows: int, moved: float) -> None:
    """Attacks many levels, which seem to move if nothing does, at three true sizes."""
    rng = np.random.default_rng(0)
    old = np.full(levels, 1 / levels)
    half = levels // 2
    new = old.copy()
    new[:half] += moved / half
    new[half:] -= moved / (levels - half)
    found = [
        beside_chance(
            np.stack([rng.multinomial(rows, old), rng.multinomial(rows, new)]), total_variation
        )
        for _ in range(12)
    ]
    assert np.mean([each.effect for each in found]) == pytest.approx(moved, abs=0.02)
    covers = [each.interval is not None and each.interval.low <= moved <= each.interval.high
              for each in found]  # fmt: skip
    assert sum(covers) >= 11


def test_a_distance_in_places_is_scipys() -> None:
    """Attacks the cumulative sums: cells at uneven places."""
    places = np.array([0.0, 1.0, 5.0, 6.5])
    counts = np.array([[10, 20, 30, 40], [40, 10, 40, 10]])
    shares = counts / counts.sum(axis=1, keepdims=True)
    distance = wasserstein(places, 2.0)(shares[:1] - shares[1:])[0]
    expected = stats.wasserstein_distance(places, places, counts[0], counts[1]) / 2
    assert distance == pytest.approx(expected)
