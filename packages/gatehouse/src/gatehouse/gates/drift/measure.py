"""The drift gate: compares the candidate's training data and predictions with the base's.

Each column gets a two-sample test and an effect size. The p-values of all tests are Holm-adjusted
together (Holm 1979), so that a rule can require a change to be both significant and relevant:

- numeric columns: Kolmogorov-Smirnov (`scipy.stats.ks_2samp`). The effect is the Wasserstein
  distance over the base's standard deviation. Both use only the usual values (see `far`);
- values far from the usual ones: the chi-squared test below on the counts far below, usual and far
  above, so that a few stand-ins for missing values cannot hide a change of the other values;
- categories: chi-squared test of homogeneity (`scipy.stats.chi2_contingency`) with missing as a
  category and rare categories merged. The effect is the total variation distance;
- predictions: tested as numbers, or for multiclass models the predicted class as a category;
- missing values of a numeric column (infinite ones count as missing): the same chi-squared test on
  missing or not missing.

The two effects have different units, so the slice names which one it is, and rules can set a limit
for each: `number=age`, `category=workclass`, `category=age (missing)`, `category=age (far values)`.
Row keys are not compared, because new rows have new keys.

Predictions are those of both models on the exam. Columns that were added, removed or changed their
kind are counted separately as `schema_changes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import Role, Task
from gatehouse.evidence import Measurement, Of
from gatehouse.gates.drift import DriftMeasure
from gatehouse.gates.drift.far import EVERYTHING, Usual, usual_values
from gatehouse.gates.exam import Exam, exam_of
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.model import Model
    from gatehouse.workspace import Workspace

PREDICTION = "prediction"

_UNTESTED = (Role.KEY, Role.WEIGHT, Role.IGNORED)
"""Roles of columns that neither feed the model nor define groups."""


@dataclass(frozen=True)
class Test:
    """One two-sample comparison.

    Attributes:
        effect: size of the change; 0 means no change.
        p_value: unadjusted p-value.
        n: number of rows of the smaller sample.
        unit: unit of the effect.
        method: names of the test and the effect.
    """

    slice: str
    effect: float
    p_value: float
    n: int
    unit: str
    method: str


def measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    """Measure the drift gate; without a base there is nothing to measure.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    measurements: list[Measurement] = []
    record = None
    if base is not None:
        old, new = base.split("train"), candidate.split("train")
        # Use the base's contract, so that a change cannot hide a column.
        columns = [
            name
            for name, column in base.contract.columns.items()
            if name in old and column.role not in _UNTESTED and not column.kind.moments
        ]
        measurements.append(schema_changes(old, new))
        settings, seed = policy.measure.drift, policy.measure.seed
        tests = compare_tables(old, new, columns, settings, seed)
        exam = exam_of(candidate, base)
        record = exam.record
        tests.append(_predictions(exam, base, settings, seed))
        measurements += adjusted(tests)
    return Found(
        exam=record,
        tools=versions("numpy", "scipy", "onnxruntime"),
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


def sample_rows(frame: pd.DataFrame, settings: DriftMeasure, seed: int) -> pd.DataFrame:
    """Return at most `settings.maximum_rows` rows, drawn without replacement."""
    if len(frame) <= settings.maximum_rows:
        return frame
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(frame), settings.maximum_rows, replace=False)
    return frame.iloc[np.sort(chosen)]


def _floats(column: pd.Series) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan))


def compare_numbers(name: str, old: NDArray[np.float64], new: NDArray[np.float64]) -> list[Test]:
    """Test a numeric column: its values and, if there are any, its missing and far values."""
    missing_old, missing_new = ~np.isfinite(old), ~np.isfinite(new)
    n = min(len(old), len(new))
    tests = []
    if missing_old.any() or missing_new.any():
        counts = np.array(
            [
                [missing_old.sum(), (~missing_old).sum()],
                [missing_new.sum(), (~missing_new).sum()],
            ],
            dtype=np.float64,
        )
        tests.append(_homogeneity(f"category={name} (missing)", counts, n))
    if missing_old.all() or missing_new.all():
        return tests
    old, new = old[~missing_old], new[~missing_new]
    usual = usual_values(old, new)
    held_old, held_new = usual.holds(old), usual.holds(new)
    if not (held_old.all() and held_new.all()):
        counts = np.array([_places(old, usual), _places(new, usual)], dtype=np.float64)
        counts = counts[:, counts.any(axis=0)]
        tests.append(_homogeneity(f"category={name} (far values)", counts, n))
    tests.append(_compare_samples(f"number={name}", old[held_old], new[held_new]))
    return tests


def _places(values: NDArray[np.float64], usual: Usual) -> list[int]:
    """Count the values far below, usual, and far above."""
    below, above = int((values < usual.low).sum()), int((values > usual.high).sum())
    return [below, len(values) - below - above, above]


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
    from scipy import stats

    same = len(old) == len(new) and np.array_equal(old, new)
    # Comparing one row with one row is meaningless, and SciPy would divide by zero.
    mute = same or len(old) + len(new) == 2
    p_value = 1.0 if mute else float(stats.ks_2samp(old, new, method="asymp").pvalue)
    effect = 0.0
    if not same:
        spread = old[usual.holds(old)]
        # Scaling by a power of two changes no digit and keeps squares of 1e-200 and 1e200 in range.
        largest = max(np.abs(old.clip(*usual)).max(), np.abs(new.clip(*usual)).max())
        shift = -np.frexp(largest)[1]
        old, new, spread = (
            np.ldexp(values, shift) for values in (old.clip(*usual), new.clip(*usual), spread)
        )
        effect = float(stats.wasserstein_distance(old, new)) / _spread(spread, new)
    method = (
        "two-sample Kolmogorov-Smirnov; Wasserstein distance / standard deviation of the base, "
        "far values apart"
    )
    return Test(label, effect, p_value, min(len(old), len(new)), "sigma", method)


def _spread(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """Return the base's standard deviation.

    For a constant base column, return the candidate's; if both are constant, the distance between
    them, so that the effect is 1.
    """
    for values in (old, new):
        if np.ptp(values) > 0:
            return float(values.std())
    return float(abs(new[0] - old[0])) or 1.0


def compare_categories(label: str, old: pd.Series, new: pd.Series, rare_level: int) -> Test:
    """Test a category column; missing is a category, and rare categories count as one."""
    import pandas as pd

    codes, levels = pd.factorize(pd.concat([old, new], ignore_index=True))  # -1 is missing
    counts = np.stack(
        [np.bincount(part + 1, minlength=len(levels) + 1) for part in np.split(codes, [len(old)])]
    ).astype(np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    rare = counts.sum(axis=0) < rare_level
    if rare.any():
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    return _homogeneity(label, counts, min(len(old), len(new)))


def _homogeneity(label: str, counts: NDArray[np.float64], n: int) -> Test:
    from scipy import stats

    shares = counts / counts.sum(axis=1, keepdims=True)
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    p_value = 1.0
    if counts.shape[1] > 1 and effect > 0:
        p_value = float(stats.chi2_contingency(counts, correction=False).pvalue)
    method = "two-sample chi-squared of homogeneity; total variation distance"
    return Test(label, effect, p_value, n, "share", method)


def _predictions(exam: Exam, base: Workspace, settings: DriftMeasure, seed: int) -> Test:
    """Compare the candidate's predictions on the exam with the base's."""
    old, new = (
        predictions_of(workspace.model, sample_rows(rows, settings, seed))
        for workspace, rows in ((base, exam.base_rows), (exam.candidate, exam.rows))
    )
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
            p_value=p_value,
            n=test.n,
            method=f"{test.method}; Holm-adjusted over {len(tests)} tests",
        )
        for test, p_value in zip(tests, holm([t.p_value for t in tests]), strict=True)
    ]


def holm(p_values: list[float]) -> list[float]:
    """Return step-down adjusted p-values in the order of the input (Holm 1979)."""
    values = np.asarray(p_values)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    result = np.empty_like(values)
    result[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in result]
