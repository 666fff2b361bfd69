"""The drift gate: are the rows as before, and what does the model change?

*Data.* The candidate's train rows are compared with the base's, column by column. Each comparison
has an effect with an interval, and the p-value of no change (see `chance`). The p-values of all
tests are Holm-adjusted together (Holm 1979). A rule with `alpha` fails if the test is significant
and the whole interval exceeds the limit:

- numeric columns: Wasserstein distance over the base's standard deviation, both of the usual values
  (see `far`), so that a few stand-ins for missing values cannot hide a change of the others;
- tails of numeric columns: total variation distance over the usual values and, on either side, the
  values that are up to 10, 100, 1,000, ... times as far away;
- categories: total variation distance, with missing as a category and rare categories merged;
- missing values of a numeric column (infinite ones count as missing): total variation distance;
- predictions: those of the base's model for the test rows of both, as numbers, or for multiclass
  models the predicted class as a category.

Slices name the effect, because a rule can set a limit for each: `number=age`, `tail=age`,
`category=workclass`, `category=age (missing)`, `prediction`. Keys, groups and timestamps are not
compared, because new rows have new ones. `joint` asks whether the columns still depend on each
other as before. Columns that were added, removed or changed their kind are counted as
`schema_changes`.

*Model.* `models` compares both models on the exam.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Role, Task
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Interval, Measurement, Of
from gatehouse.gates.drift import DriftMeasure
from gatehouse.gates.drift.chance import (
    NONE,
    beside_chance,
    total_variation,
    wasserstein,
)
from gatehouse.gates.drift.far import EVERYTHING, Usual, usual_values
from gatehouse.gates.drift.joint import joint_drift, most_rows
from gatehouse.gates.drift.models import changed_predictions
from gatehouse.gates.exam import exam_of
from gatehouse.gates.holm import holm
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.model import Model
    from gatehouse.workspace import Workspace

PREDICTION = "prediction"

_BINS = 400

_UNTESTED = (Role.KEY, Role.GROUP, Role.WEIGHT, Role.IGNORED)
"""Roles of columns that neither feed the model nor define groups."""


@dataclass(frozen=True)
class Test:
    """One two-sample comparison.

    Attributes:
        effect: size of the change beyond chance; 0 means no change.
        interval: of the size of the change; None if it is exactly 0.
        p_value: unadjusted p-value of no change.
        n: number of rows of the smaller sample.
        unit: unit of the effect.
        method: names of the test and the effect.
    """

    slice: str
    effect: float
    interval: Interval | None
    p_value: float
    n: int
    unit: str
    method: str


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """Measure the drift gate; without a base there is nothing to measure.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    if base is None:
        return Found(measurements=(), tools=versions("numpy", "scipy", "scikit-learn"))
    old, new = base.split("train"), candidate.split("train")
    # Use the base's contract, so that a change cannot hide a column.
    columns = [
        name
        for name, column in base.contract.columns.items()
        if name in old and column.role not in _UNTESTED and not column.kind.moments
    ]
    settings, seed = policy.measure.drift, policy.measure.seed
    exam = exam_of(candidate, base)
    tests = compare_tables(old, new, columns, settings, seed)
    predictions = _predictions(candidate, base, settings, seed)
    if isinstance(predictions, Test):
        tests.append(predictions)
    measurements = [schema_changes(old, new), *adjusted(tests)]
    if isinstance(predictions, Measurement):
        measurements.append(predictions)
    measurements.append(compare_jointly(old, new, columns, settings, seed))
    measurements += changed_predictions(exam, base)
    return Found(
        exam=exam.record,
        tools=versions("numpy", "scipy", "scikit-learn", "onnxruntime"),
        measurements=tuple(measurements),
    )


def schema_changes(old: pd.DataFrame, new: pd.DataFrame) -> Measurement:
    """Count the columns that were added, removed or changed their kind."""
    changes = [f"{name}: gone" for name in old.columns if name not in new.columns]
    changes += [f"{name}: new" for name in new.columns if name not in old.columns]
    changes += [
        f"{name}: {_kind(old[name])} became {_kind(new[name])}"
        for name in old.columns
        if name in new.columns and _kind(old[name]) != _kind(new[name])
    ]
    return Measurement(
        name="schema_changes",
        of=Of.COMPARISON,
        value=len(changes),
        unit="columns",
        n=len(set(old.columns) | set(new.columns)),
        method="names and kinds of columns compared; exact",
        samples=tuple(changes),
    )


def _kind(column: pd.Series) -> str:
    return "number" if column.dtype.kind in "iufb" else "text"


def compare_tables(
    old: pd.DataFrame, new: pd.DataFrame, columns: list[str], settings: DriftMeasure, seed: int
) -> list[Test]:
    """Test every column that both tables have in the same kind; large tables are sampled.

    Both are sampled with the same seed, so equal tables give equal samples and exactly no drift.
    """
    old, new = sample_rows(old, settings, seed), sample_rows(new, settings, seed)
    tests: list[Test] = []
    for name in columns:
        if name not in new.columns or _kind(old[name]) != _kind(new[name]):
            continue
        if _kind(old[name]) == "number":
            tests += compare_numbers(name, _floats(old[name]), _floats(new[name]))
        else:
            label = f"category={name}"
            tests.append(compare_categories(label, old[name], new[name], settings.rare_level))
    return tests


def compare_jointly(
    old: pd.DataFrame, new: pd.DataFrame, columns: list[str], settings: DriftMeasure, seed: int
) -> Measurement:
    """Measure joint drift over the columns that both tables have in the same kind."""
    shared = [name for name in columns if name in new and _kind(old[name]) == _kind(new[name])]
    rows = most_rows(len(shared), settings.maximum_rows) // 2
    return joint_drift(_sampled(old, rows, seed), _sampled(new, rows, seed), shared, seed)


def sample_rows(frame: pd.DataFrame, settings: DriftMeasure, seed: int) -> pd.DataFrame:
    """Return at most `settings.maximum_rows` rows, drawn without replacement."""
    return _sampled(frame, settings.maximum_rows, seed)


def _sampled(frame: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    if len(frame) <= rows:
        return frame
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(frame), rows, replace=False)
    return frame.iloc[np.sort(chosen)]


def _floats(column: pd.Series) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan))


def compare_numbers(name: str, old: NDArray[np.float64], new: NDArray[np.float64]) -> list[Test]:
    """Test a numeric column: its usual values, its tails and, if there are any, missing values."""
    missing_old, missing_new = ~np.isfinite(old), ~np.isfinite(new)
    n = min(len(old), len(new))
    tests = []
    if missing_old.any() or missing_new.any():
        counts = np.array([np.bincount(each, minlength=2) for each in (missing_old, missing_new)])
        tests.append(_moved(f"category={name} (missing)", counts, n))
    if missing_old.all() or missing_new.all():
        return tests
    old, new = old[~missing_old], new[~missing_new]
    usual = usual_values(old, new)
    tails = [np.bincount(part) for part in _split(usual.decades(np.concatenate([old, new])), old)]
    tests.append(_moved(f"tail={name}", _stacked(tails), n))
    old, new = old[usual.holds(old)], new[usual.holds(new)]
    tests.append(_compare_samples(f"number={name}", old, new))
    return tests


def _split(values: NDArray[np.intp], old: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Return the part of pooled values that belongs to the old sample, and the rest."""
    return np.split(values, [len(old)])


def _stacked(counts: list[NDArray[np.intp]]) -> NDArray[np.int64]:
    """Return counts of two samples over the cells of both, [2, K]."""
    cells = max(map(len, counts))
    return np.stack([np.pad(each, (0, cells - len(each))) for each in counts]).astype(np.int64)


def compare_values(label: str, old: NDArray[np.float64], new: NDArray[np.float64]) -> Test:
    """Test two non-empty samples of predicted numbers, all finite.

    Far values are clipped to the ends of the usual range. Shares are not clipped, because for rare
    events the few high scores are the ones that matter.
    """
    shares = all(values.min() >= 0 and values.max() <= 1 for values in (old, new))
    usual = EVERYTHING if shares else usual_values(old, new)
    return _compare_samples(label, old, new, usual)


def _compare_samples(
    label: str, old: NDArray[np.float64], new: NDArray[np.float64], usual: Usual = EVERYTHING
) -> Test:
    n, method = min(len(old), len(new)), (
        "Wasserstein distance / standard deviation of the base, less chance; "
        "permutation test; bootstrap interval"
    )  # fmt: skip
    if len(old) == len(new) and np.array_equal(old, new):
        return Test(label, *NONE, n, "sigma", method)
    spread = old[usual.holds(old)]
    # Scaling by a power of two changes no digit and keeps squares of 1e-200 and 1e200 in range.
    largest = max(np.abs(old.clip(*usual)).max(), np.abs(new.clip(*usual)).max())
    shift = -np.frexp(largest)[1]
    old, new, spread = (
        np.ldexp(values, shift) for values in (old.clip(*usual), new.clip(*usual), spread)
    )
    counts, places = _binned(old, new)
    distance = wasserstein(places, _spread(spread, new))
    return Test(label, *beside_chance(counts, distance), n, "sigma", method)


def _binned(
    old: NDArray[np.float64], new: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return counts of two samples over K bins, [2, K], and the mean value of each bin, [K].

    Each distinct value is a bin if there are few. Otherwise the bins end at quantiles, which are
    closest to each other in the tails, where a few rows can move far.
    """
    values = np.sort(np.concatenate([old, new]))
    ends = np.unique(values)[1:]
    if len(ends) >= _BINS:
        shares = np.sin(np.linspace(0, np.pi / 2, _BINS + 1)[1:-1]) ** 2
        ends = np.unique(values[(shares * len(values)).astype(np.intp)])
    counts = [np.bincount(np.searchsorted(ends, each, "right"), minlength=len(ends) + 1)
              for each in (old, new)]  # fmt: skip
    total = np.bincount(np.searchsorted(ends, values, "right"), values, minlength=len(ends) + 1)
    counts_of_both = np.stack(counts)
    held = counts_of_both.sum(axis=0)
    counts_of_both = counts_of_both[:, held > 0]
    return counts_of_both, total[held > 0] / held[held > 0]


def _spread(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """Return the base's standard deviation.

    For a constant base column, return the candidate's; if both are constant, the distance between
    them, so that the effect is 1.
    """
    for values in (old, new):
        if np.ptp(values) > 0 and (deviation := float(values.std())) > 0:  # squares may be 0
            return deviation
    return float(abs(new[0] - old[0])) or 1.0


def compare_categories(label: str, old: pd.Series, new: pd.Series, rare_level: int) -> Test:
    """Test a category column; missing is a category, and rare categories count as one."""
    import pandas as pd

    codes, levels = pd.factorize(pd.concat([old, new], ignore_index=True))  # -1 is missing
    counts = np.stack(
        [np.bincount(part + 1, minlength=len(levels) + 1) for part in np.split(codes, [len(old)])]
    )
    counts = counts[:, counts.sum(axis=0) > 0]
    rare = counts.sum(axis=0) < rare_level
    if rare.any():
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    counts = counts[:, np.lexsort(counts)]  # so that the order of the rows plays no part
    return _moved(label, counts, min(len(old), len(new)))


def _moved(label: str, counts: NDArray[np.int64], n: int) -> Test:
    method = "total variation distance, less chance; permutation test, bootstrap interval"
    return Test(label, *beside_chance(counts, total_variation), n, "share", method)


def _predictions(
    candidate: Workspace, base: Workspace, settings: DriftMeasure, seed: int
) -> Test | Measurement:
    """Compare the base's predictions of the candidate's test rows with those of its own.

    Test rows, because a model is surer of the rows that it learned from.
    """
    tables = [sample_rows(each.split("test"), settings, seed) for each in (base, candidate)]
    try:
        old, new = (predictions_of(base.model, rows) for rows in tables)
    except GatehouseError as error:
        return Measurement(
            name="drift", of=Of.COMPARISON, slice=PREDICTION, value=None, unit="sigma",
            n=min(map(len, tables)), method="not measured",
            note=f"the base's model can't score the rows: {error}",
        )  # fmt: skip
    return compare_predictions(old, new, settings.rare_level)


def predictions_of(model: Model, rows: pd.DataFrame) -> pd.Series:
    """Return the predictions of `rows` that the drift gate tests, shape [N].

    These are the scores. For multiclass models, they are the predicted classes, because no single
    score represents all classes.
    """
    import pandas as pd

    if model.metadata.task is Task.MULTICLASS:
        decided = model.decisions(model.outputs(rows))
        return pd.Series(np.asarray(model.metadata.classes, object)[decided])
    return pd.Series(model.scores(rows))


def compare_predictions(old: pd.Series, new: pd.Series, rare_level: int) -> Test:
    """Test two samples of predictions, each as returned by `predictions_of`."""
    if _kind(old) == _kind(new) == "number":
        return compare_values(PREDICTION, _floats(old), _floats(new))
    return compare_categories(PREDICTION, old, new, rare_level)


def adjusted(tests: list[Test]) -> list[Measurement]:
    """Return measurements with Holm-adjusted p-values (Holm 1979)."""
    return [
        Measurement(
            name="drift",
            of=Of.COMPARISON,
            slice=test.slice,
            value=test.effect,
            unit=test.unit,
            interval=test.interval,
            p_value=p_value,
            n=test.n,
            method=f"{test.method}; Holm-adjusted over {len(tests)} tests",
        )
        for test, p_value in zip(tests, holm([t.p_value for t in tests]), strict=True)
    ]
