"""Joint drift: columns that depend on each other in another way, and clean pairs of tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from gatehouse.gates.drift.joint import _area, joint_drift, most_rows

NAMES = ["x", "y", "colour", "noise", "many"]


def rows(n: int, seed: int) -> pd.DataFrame:
    """Rows whose `y` and `colour` depend on `x`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    colours = np.array(["red", "green", "blue"])[np.digitize(x + rng.normal(size=n), [-1, 1])]
    return pd.DataFrame(
        {
            "x": x,
            "y": np.where(rng.random(n) < 0.1, np.nan, x + rng.normal(0, 0.5, n)),
            "colour": pd.Series(colours, dtype="str"),
            "noise": rng.integers(0, 9, n),
            "many": pd.Series(rng.integers(0, 500, n)).map("level {}".format).astype("str"),
        }
    )


def test_a_permuted_column_is_seen_and_named() -> None:
    """Attacks a wrong join: each column is distributed as before, and belongs to other rows."""
    old, new = rows(4000, 0), rows(4000, 1)
    new["y"] = np.random.default_rng(2).permutation(new["y"])
    found = joint_drift(old, new, NAMES, seed=0)
    assert found.interval is not None
    assert found.interval.low > 0.6
    assert {text.partition(":")[0] for text in found.samples[:2]} == {"x", "y"}
    assert found.note is not None


@pytest.mark.parametrize("n", [400, 2000, 10_000])
def test_clean_pairs_are_not_told_apart(n: int) -> None:
    """Attacks false alarms, and intervals that don't hold 0.5: both halves may err alike."""
    found = [joint_drift(rows(n, 2 * k), rows(n, 2 * k + 1), NAMES, seed=k) for k in range(8)]
    assert sum(m.interval is not None and m.interval.low > 0.5 for m in found) <= 1
    assert all(m.samples == () for m in found if m.interval and m.interval.low <= 0.5)


def test_shared_rows_are_not_recognized() -> None:
    """Attacks rows in both tables, which a classifier that learned them would know by heart."""
    old = rows(4000, 0)
    new = pd.concat([old.iloc[200:], rows(200, 1)], ignore_index=True)
    for other in (old.copy(), new):
        found = joint_drift(old, other, NAMES, seed=0)
        assert found.value == pytest.approx(0.5, abs=0.01)


def test_few_rows_tell_nothing() -> None:
    """Attacks a pass on no ground: the interval holds everything, with the reason."""
    found = joint_drift(rows(60, 0), rows(60, 1), NAMES, seed=0)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)
    assert found.note is not None
    assert joint_drift(rows(900, 0), rows(900, 1), [], seed=0).note is not None


def test_odd_values_are_numbers() -> None:
    """Attacks infinities, columns without a value and constants."""
    old, new = rows(800, 0), rows(800, 1)
    for frame in (old, new):
        frame["wild"] = np.where(np.arange(800) % 3 == 0, np.inf, 1e300)
        frame["none"] = np.nan
        frame["nothing"] = pd.Series([None] * 800, dtype="str")
        frame["same"] = 1
    found = joint_drift(old, new, list(old.columns), seed=0)
    assert found.interval is not None
    assert found.interval.low < 0.5


def test_the_area_is_scikit_learns() -> None:
    """Attacks the ranks, with ties, and the standard error against resampling."""
    rng = np.random.default_rng(0)
    positive = rng.random(600) < 0.3
    scores = (rng.normal(size=600) + positive).round(1)
    area, error = _area(scores, positive)
    assert area == pytest.approx(roc_auc_score(positive, scores))
    drawn = []
    for _ in range(400):
        up, down = (rng.choice(scores[side], side.sum()) for side in (positive, ~positive))
        drawn.append(roc_auc_score(np.repeat([1, 0], [len(up), len(down)]), np.append(up, down)))
    assert error == pytest.approx(np.std(drawn), rel=0.15)


def test_wide_tables_are_read_in_part() -> None:
    """Attacks memory: ten million cells at most."""
    assert most_rows(15, 1_000_000) == 100_000
    assert most_rows(1000, 100_000) == 10_000
