"""A baseline measured by cross-validation, from which the policy's first floors are derived.

It consists of two scikit-learn models that need no tuning: a linear model (logistic or ridge
regression) and histogram gradient boosting. Each metric is computed on the out-of-fold predictions
of all sampled rows. Its spread on a test split is estimated from draws of as many rows.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from gatehouse.adopt.cells import numbers
from gatehouse.adopt.scan import Scan
from gatehouse.columns.numbers import FLOAT32_MAX
from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.bootstrap import Floats, Statistic, bootstrap
from gatehouse.gates.metrics import headlines
from gatehouse.gates.metrics.figures import figures
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import Predictions
from gatehouse.rows import row_hashes

_FOLDS = 5
_DRAWS = 200
_ITERATIONS = 60
_MEASURE = AccuracyMeasure(calibration_bins=10)
_LEAK = 0.99
_LEAK_ROWS = 5_000
_LEAVES = 64
_MANY_ROWS = 5_000


@dataclass(frozen=True)
class Score:
    """One metric.

    Attributes:
        linear: of the linear model.
        boosted: of gradient boosting.
        spread: half the width of a 95 % interval on as many rows as the test split will have.
        paired: the same of the difference of both models on the same rows; NaN where it was not
            measured.
    """

    linear: float
    boosted: float
    spread: float
    paired: float = float("nan")


@dataclass(frozen=True)
class Baseline:
    """The scores of the two models.

    Attributes:
        rows: number of rows they were measured on.
        folds: of the cross-validation.
        scores: by the metric's name; the minimum for metrics that are measured per class.
        guess: accuracy of always predicting the most frequent class; 0 for a regression.
    """

    rows: int
    folds: int
    scores: dict[str, Score]
    guess: float


@dataclass(frozen=True)
class Learning:
    """The sampled rows in the form that the models take.

    Attributes:
        features: float64 columns; categories are codes, missing is NaN.
        categorical: names of the columns that contain codes.
        labels: class indices, or numbers; shape [N].
        task: the prediction task.
        classes: number of classes; 0 for a regression.
        identities: hashes of the rows' identities; equal ones stay on one side of the split; shape
            [N].
    """

    features: pd.DataFrame
    categorical: tuple[str, ...]
    labels: Floats
    task: Task
    classes: int
    identities: NDArray[np.uint64]


def learning(scan: Scan, contract: Contract, decimal: str) -> Learning:
    """Return the sample of `scan` as features and labels, by the contract."""
    features, categorical = {}, []
    for name, column in contract.inputs.items():
        texts = scan.sample[name]
        if column.categories is None:
            values = numbers(texts, decimal)
            features[name] = np.where(np.abs(values) <= FLOAT32_MAX, values, np.nan)
        else:
            categorical.append(name)
            features[name] = _codes(texts, column.categories)
    target = scan.sample[contract.target]
    labels = _codes(target, contract.classes) if contract.classes else numbers(target, decimal)
    chosen = np.isfinite(labels)
    frame = pd.DataFrame(features)[chosen].reset_index(drop=True)
    identities = row_hashes(scan.sample[list(contract.split.identity)])[chosen]
    return Learning(
        frame, tuple(categorical), labels[chosen], contract.task, len(contract.classes), identities
    )


def _codes(texts: pd.Series, categories: tuple[str, ...]) -> Floats:
    """Return the index of each value; all unlisted values share one more index."""
    codes = {value: float(code) for code, value in enumerate(categories)}
    known = (
        texts.map(codes).astype("float64").where(texts.isna() | texts.isin(categories), len(codes))
    )
    return np.asarray(known.to_numpy(np.float64, na_value=np.nan))


def measure(data: Learning, test_rows: int, seed: int = 0) -> Baseline:
    """Cross-validate both models.

    Args:
        data: rows, features and labels.
        test_rows: how many rows the test split will have.
        seed: of folds and draws.
    """
    from threadpoolctl import threadpool_limits

    folds = _FOLDS if len(data.labels) <= _MANY_ROWS else 3
    parts = _parts(data, folds, seed)
    makers = {"linear": _linear, "boosted": _boosted}
    outputs = {name: np.zeros((len(data.labels), max(1, data.classes))) for name in makers}
    fits = [(name, train, test) for name in makers for train, test in parts]
    # With so few rows, waiting for other threads takes longer than the work, especially on a busy
    # machine.
    with threadpool_limits(1):
        for name, train, test in tqdm(fits, desc="baseline", unit="fit", disable=None):
            outputs[name][test] = _predicted(makers[name](data, train), data, train, test)
    scores = _scores(data, outputs, test_rows, seed)
    guess = float(np.bincount(data.labels.astype(np.intp)).max()) if data.classes else 0.0
    return Baseline(len(data.labels), folds, scores, guess / len(data.labels))


def leaks(data: Learning, seed: int = 0) -> dict[str, float]:
    """Return columns that predict the target by themselves almost without error, with their scores.

    A small decision tree on a single column is fitted on half of the rows and scored on the other
    half: ROC AUC (for several classes, the mean of one against the rest), or R² for a number.
    """
    from threadpoolctl import threadpool_limits

    first, owner = _alike(data)
    drawn = np.random.default_rng(seed).permutation(len(first))[:_LEAK_ROWS]
    train, test = (np.flatnonzero(np.isin(owner, half)) for half in np.array_split(drawn, 2))
    found = {}
    with threadpool_limits(1):
        for name in tqdm(list(data.features), desc="leaks", unit="column", disable=None):
            alone = replace(data, features=data.features[[name]], categorical=())
            outputs = _predicted(_tree(data), alone, train, test)
            worth = _worth(data, data.labels[test], outputs)
            if worth >= _LEAK:
                found[name] = worth
    return found


def _parts(data: Learning, folds: int, seed: int) -> list[tuple[Any, Any]]:
    """Return training and test rows of each fold; rows of one identity stay together."""
    first, owner = _alike(data)
    return [
        (np.flatnonzero(np.isin(owner, train)), np.flatnonzero(np.isin(owner, test)))
        for train, test in _folds(data.labels[first], folds, seed, data.task)
    ]


def _alike(data: Learning) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first row of each identity in row order, and which of these each row equals."""
    _, first, owner = np.unique(data.identities, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[owner]


def _folds(labels: Floats, folds: int, seed: int, task: Task) -> list[tuple[Any, Any]]:
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if task is Task.REGRESSION else StratifiedKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about classes with fewer rows than folds
        try:
            return list(splitter.split(labels, labels))
        except ValueError:  # no class has that many rows
            return list(KFold(folds, shuffle=True, random_state=seed).split(labels))


def _predicted(
    model: Any, data: Learning, train: NDArray[np.intp], test: NDArray[np.intp]
) -> Floats:
    """Fit a model on rows `train`, and return its output for `test`; [N, classes], or [N, 1]."""
    labels = data.labels[train]
    found = np.zeros((len(test), max(1, data.classes)))
    if len(np.unique(labels)) < 2:
        raise GatehouseError(
            "the target's rarer values have too few rows to be learned; give more rows"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about steps and columns that do not matter for a baseline
        model.fit(data.features.iloc[train], labels)
        if data.task is Task.REGRESSION:
            found[:, 0] = model.predict(data.features.iloc[test])
        else:
            columns = model.classes_.astype(int)
            found[:, columns] = model.predict_proba(data.features.iloc[test])
    return found


def _linear(data: Learning, _: NDArray[np.intp]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    plain = [name for name in data.features if name not in data.categorical]
    filled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", filled, plain),
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(data.categorical)),
        ]
    )
    if data.task is Task.REGRESSION:
        return make_pipeline(columns, RidgeCV(np.logspace(-2, 4, 7)))
    return make_pipeline(columns, LogisticRegression(C=0.3, max_iter=300))


def _boosted(data: Learning, train: NDArray[np.intp]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = (
        HistGradientBoostingRegressor
        if data.task is Task.REGRESSION
        else HistGradientBoostingClassifier
    )
    categorical = [name in data.categorical for name in data.features]
    # Early stopping uses a tenth of the rows, which must contain each class.
    counts = np.unique_counts(data.labels[train]).counts if data.classes else np.array([2])
    stops = bool(counts.min() >= 2 and len(train) >= 10 * (len(counts) + 1))
    return kind(
        categorical_features=categorical, max_iter=_ITERATIONS, early_stopping=stops, random_state=0
    )


def _tree(data: Learning) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if data.task is Task.REGRESSION else DecisionTreeClassifier
    return kind(max_leaf_nodes=_LEAVES, min_samples_leaf=2, random_state=0)


def _predictions(data: Learning, labels: Floats, outputs: Floats) -> Predictions:
    """Return outputs of shape [N, classes], or [N, 1] for a regression, in the gates' form."""
    if data.task is Task.REGRESSION:
        return Predictions(labels, outputs[:, 0], outputs[:, 0], data.task)
    return Predictions(
        labels,
        outputs[:, 1] if data.task is Task.BINARY else outputs.max(axis=1),
        outputs.argmax(axis=1).astype(np.float64),
        data.task,
        tuple(map(str, range(outputs.shape[1]))),
        outputs,
    )


def _worth(data: Learning, labels: Floats, outputs: Floats) -> float:
    """Return the metric by which models are compared first; NaN if it is not defined."""
    if data.task is Task.MULTICLASS:  # only the classes that have rows here
        present, places = np.unique(labels, return_inverse=True)
        outputs, labels = outputs[:, present.astype(np.intp)], places.astype(np.float64)
    over = headlines(data.task)[0].weighted(Sample(_predictions(data, labels, outputs), _MEASURE))
    return float(over(np.ones((1, len(labels))))[0])


def _scores(
    data: Learning, outputs: dict[str, Floats], test_rows: int, seed: int
) -> dict[str, Score]:
    """Return each metric of both models on all rows, with its spread over draws.

    For metrics with several slices, the minimum is used.
    """
    points: dict[str, dict[str, float]] = {}
    over: dict[tuple[str, str, str], Statistic] = {}
    for model, output in outputs.items():
        for figure in figures(_predictions(data, data.labels, output), _MEASURE):
            of = points.setdefault(figure.metric.name, {})
            of[model] = min(of.get(model, np.inf), figure.value)
            over[figure.metric.name, model, figure.slice] = figure.over
    worse = {name: min(of, key=of.__getitem__) for name, of in points.items()}
    # A rule compares these with the base's, on the same rows.
    compared = {"balanced_accuracy", *(metric.name for metric in headlines(data.task))}
    over = {
        key: statistic
        for key, statistic in over.items()
        if key[1] == worse[key[0]] or (key[0] in compared and key[2] == "all")
    }
    size = max(2, min(test_rows, len(data.labels)))
    drawn = bootstrap(over, len(data.labels), _DRAWS, seed, size=size)
    found = {}
    for name, of in points.items():
        slices = np.stack(
            [values for key, values in drawn.items() if key[:2] == (name, worse[name])]
        )
        least = np.fmin.reduce(slices)
        least = least[np.isfinite(least)]
        spread = 1.96 * float(least.std()) if len(least) > 1 else float("nan")
        paired = float("nan")
        if name in compared:
            differences = drawn[name, "boosted", "all"] - drawn[name, "linear", "all"]
            paired = 1.96 * float(np.nanstd(differences))
        found[name] = Score(of["linear"], of["boosted"], spread, paired)
    return found
