"""Joint drift: can a classifier tell the candidate's rows from the base's?

Two tables may agree in every column and still differ in how the columns depend on each other, for
example after a wrong join. A gradient-boosted classifier that predicts which table a row is from
sees that (Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017). Each half of the
rows is scored by a classifier that learned from the other half. Equal rows are always in the same
half: rows that both tables have would otherwise be recognized.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Interval, Measurement, Of
from gatehouse.gates.drift.chance import CONFIDENCE
from gatehouse.rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

Floats = NDArray[np.float64]

JOINT = "joint_drift"
_ROWS, _CELLS = 100_000, 10_000_000
_LEAST = 50
"""Minimum rows of each table in each half."""
_SHUFFLED = 5_000
"""Rows of each table whose columns are shuffled one at a time."""
_TELLS = 0.005
"""A column gives the difference away if the area falls by at least this when it is shuffled."""
_NAMED = 3


def most_rows(columns: int, maximum: int) -> int:
    """Return how many rows of both tables together the classifier may read."""
    return min(_ROWS, maximum, _CELLS // max(1, columns))


def joint_drift(old: pd.DataFrame, new: pd.DataFrame, columns: list[str], seed: int) -> Measurement:
    """Return the cross-fitted area under the ROC curve of old against new rows.

    0.5 means that the tables can't be told apart. With too few rows, the interval is [0, 1].
    `samples` has the columns that give the difference away, by how much the area falls when they
    are shuffled (Breiman 2001).

    Args:
        old: rows of the base.
        new: rows of the candidate.
        columns: names of the columns that the classifier may read; both tables have them.
        seed: of halves, trees and shuffles.
    """
    from threadpoolctl import threadpool_limits

    n = min(len(old), len(new))
    if not columns:
        return _unknown(n, "both tables have no column in common")
    cells = _encoded(old[columns], new[columns], seed)
    varies = [name for name, values in zip(columns, cells.T, strict=True) if _varies(values)]
    cells = cells[:, [columns.index(name) for name in varies]]
    is_new = np.repeat([False, True], [len(old), len(new)])
    half = _halves(old[columns], new[columns], seed)
    least = min(int(np.sum((half == k) & (is_new == side))) for k in (0, 1) for side in (0, 1))
    if least < _LEAST or not varies:
        return _unknown(n, f"fewer than {_LEAST} rows in a half of a table, or all rows equal")
    areas, errors = [], []
    with threadpool_limits(1):  # threads wait for each other longer than they save here
        for k in (0, 1):
            model = _classifier(seed).fit(cells[half != k], is_new[half != k])
            scores = model.predict_proba(cells[half == k])[:, 1]
            area, error = _area(scores, is_new[half == k])
            areas.append(area)
            errors.append(error)
        value = float(np.mean(areas))
        # Both halves may err alike by chance, so the error of their mean is that of one of them.
        error = float(np.sqrt(np.mean(np.square(errors))))
        wide = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
        telling = _telling(model, cells[half == 1], is_new[half == 1], varies, seed) if (
            value - wide > 0.5
        ) else {}  # fmt: skip
    return Measurement(
        name=JOINT,
        of=Of.COMPARISON,
        value=value,
        unit="1",
        interval=Interval(
            low=max(0.0, value - wide), high=min(1.0, value + wide), confidence=CONFIDENCE
        ),
        n=n,
        method="ROC AUC of a cross-fitted classifier of old against new rows; DeLong's interval",
        note=f"the columns that tell are {', '.join(telling)}" if telling else None,
        samples=tuple(f"{name}: -{fall:.3f} if shuffled" for name, fall in telling.items()),
    )


def _unknown(n: int, reason: str) -> Measurement:
    return Measurement(
        name=JOINT, of=Of.COMPARISON, value=0.5, unit="1", n=n, method="not measured", note=reason,
        interval=Interval(low=0.0, high=1.0, confidence=CONFIDENCE),
    )  # fmt: skip


def _encoded(old: pd.DataFrame, new: pd.DataFrame, seed: int) -> Floats:
    """Return the rows of both tables as numbers, [N, columns]; missing values are NaN.

    Categories are numbered by their frequency, so that few splits separate the frequent ones, and
    equally frequent ones at random: in the order of the rows, the base's would come first.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    found = []
    for name in old.columns:
        both = pd.concat([old[name], new[name]], ignore_index=True)
        if both.dtype.kind in "iufb":
            values = both.to_numpy(np.float64, na_value=np.nan)
            found.append(np.where(np.isfinite(values), values, np.nan))
            continue
        codes, levels = pd.factorize(both)  # -1 is missing
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        rank = np.empty(len(levels) + 1)
        rank[np.lexsort((rng.random(len(levels)), -counts))] = np.arange(len(levels))
        rank[-1] = np.nan
        found.append(rank[codes])
    return np.column_stack(found)


def _varies(values: Floats) -> bool:
    """Return whether a column has two values other than missing."""
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.min() < known.max())


def _halves(old: pd.DataFrame, new: pd.DataFrame, seed: int) -> NDArray[np.int64]:
    """Return which half each row of both tables is in, by a hash of its values, shape [N]."""
    hashes = np.concatenate([row_hashes(old), row_hashes(new)])
    mixed = (hashes ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(63)).astype(np.int64)


def _classifier(seed: int) -> HistGradientBoostingClassifier:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.2, max_iter=40, max_leaf_nodes=15, max_bins=63, early_stopping=False,
        random_state=seed % 2**32,
    )  # fmt: skip


def _area(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the area under the ROC curve and its standard error.

    Sources: DeLong et al. 1988; Sun and Xu 2014 for the ranks.
    """
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    up, down = scores[positive], scores[~positive]
    above = (ranks[positive] - rankdata(up)) / len(down)
    below = 1 - (ranks[~positive] - rankdata(down)) / len(up)
    variance = above.var(ddof=1) / len(up) + below.var(ddof=1) / len(down)
    return float(above.mean()), float(np.sqrt(variance))


def _telling(
    model: HistGradientBoostingClassifier,
    cells: Floats,
    is_new: NDArray[np.bool_],
    columns: list[str],
    seed: int,
) -> dict[str, float]:
    """Return how far the area falls for the few columns that matter most, largest first."""
    rng = np.random.default_rng(seed)
    sides = [np.flatnonzero(is_new == side) for side in (False, True)]
    few = np.concatenate([rng.permutation(side)[:_SHUFFLED] for side in sides])
    cells, is_new = cells[few], is_new[few]
    whole, _ = _area(model.predict_proba(cells)[:, 1], is_new)
    falls = {}
    for place, name in enumerate(columns):
        shuffled = cells.copy()
        shuffled[:, place] = rng.permutation(shuffled[:, place])
        area, _ = _area(model.predict_proba(shuffled)[:, 1], is_new)
        falls[name] = whole - area
    ordered = sorted(columns, key=lambda name: -falls[name])[:_NAMED]
    return {name: falls[name] for name in ordered if falls[name] >= _TELLS}
