"""Defects in the rows, as if `ingest` had written them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import Column, Role, Task
from gatehouse.drill.graph import Floats, Margin, raised_where_above, read_off, rewrite
from gatehouse.drill.model_defects import comparable, metrics_by_name, surely_beyond
from gatehouse.drill.scene import Edit, NotApplicableError, Rewrite, Scene
from gatehouse.evidence import Better, Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.data.measure import read_raw
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.metrics import METRICS
from gatehouse.gates.metrics.figures import value_of
from gatehouse.gates.metrics.sample import Sample
from gatehouse.gates.predictions import labels_of, predict

if TYPE_CHECKING:
    import onnx
    import pandas as pd

SHARE = 0.06
SHIFT_SIGMA = 0.25
NOISY_LABELS = 0.10

_TOO_GOOD = [metric.name for metric in METRICS if metric.better is Better.HIGHER]
_STEPS = 256
_ROUNDS = 4


def _feature(column: Column) -> bool:
    return column.role is Role.FEATURE


def _numeric(column: Column) -> bool:
    return _feature(column) and bool(column.range)


def missing_values(scene: Scene) -> None:
    """Missing values where the contract allows none."""
    name = scene.column("feature that may not be missing", lambda c: _feature(c) and not c.missing)
    scene.edit_rows(_replace(scene, name, SHARE, np.nan))


def out_of_range(scene: Scene) -> None:
    """A few values beyond the contract's range."""
    name = scene.column("numeric feature with a range", _numeric)
    limits = scene.contract.columns[name].range
    assert limits is not None
    scene.edit_rows(_replace(scene, name, 0.001, limits[1] * 2 + 10))


def unseen_category(scene: Scene) -> None:
    """A few values that the contract does not list."""
    name = scene.column(
        "category feature that rejects unknown values",
        lambda c: _feature(c) and bool(c.categories) and c.unknown == "reject",
    )
    scene.edit_rows(_replace(scene, name, 0.001, "Never seen"))


def dropped_column(scene: Scene) -> None:
    """A feature was removed."""
    name = scene.column("feature", _feature)
    scene.edit_tables(lambda rows: rows.drop(columns=name))


def duplicated_rows(scene: Scene) -> None:
    """Some rows were loaded twice."""
    import pandas as pd

    def double(rows: pd.DataFrame) -> pd.DataFrame:
        chosen = scene.rng.random(len(rows)) < SHARE
        return pd.concat([rows, rows[chosen]], ignore_index=True)

    scene.edit_rows(double)


def mean_shift(scene: Scene) -> None:
    """A numeric feature shifted within its range."""
    name = scene.column("numeric feature with a range", _numeric)
    column = scene.contract.columns[name]
    assert column.range is not None
    low, high = column.range

    def shift(rows: pd.DataFrame) -> pd.DataFrame:
        values = rows[name]
        step = SHIFT_SIGMA * float(values.std())
        step = max(1.0, round(step)) if values.dtype.kind == "i" else step
        return rows.assign(**{name: (values + step).clip(low, high).astype(values.dtype)})

    scene.edit_rows(shift)


def stand_ins(scene: Scene) -> None:
    """A number stands for missing values, at the far end of a feature's range."""
    scene.column("numeric feature with a range", _numeric)
    frame = read_raw(scene.candidate)
    ends, far = dict[str, float](), dict[str, float]()
    for name, column in scene.contract.columns.items():
        if _numeric(column) and column.range is not None:
            apart = [abs(end - frame[name].median()) for end in column.range]
            ends[name] = column.range[int(np.argmax(apart))]
            far[name] = max(apart) / frame[name].std()
    chosen = max(far, key=lambda each: far[each])

    def stand_in(rows: pd.DataFrame) -> pd.DataFrame:
        values, missing = rows[chosen], scene.rng.random(len(rows)) < SHARE
        stood_in = values.mask(missing, ends[chosen]).astype(values.dtype)
        return rows.assign(**{chosen: stood_in})

    scene.edit_rows(stand_in)


def category_shift(scene: Scene) -> None:
    """Rows moved from the most frequent category of a feature to the second most frequent."""
    name = scene.column("category feature", lambda c: _feature(c) and bool(c.categories))

    def move(rows: pd.DataFrame) -> pd.DataFrame:
        first, second = rows[name].value_counts().index[:2]
        share = max(SHARE, 0.025 + 3 / np.sqrt(len(rows)))  # more in few rows, to be sure
        moved = (rows[name] == first) & (
            scene.rng.random(len(rows)) < share / (rows[name] == first).mean()
        )
        return rows.assign(**{name: rows[name].where(~moved, second)})

    scene.edit_rows(move)


def label_noise(scene: Scene) -> None:
    """Labels swapped between rows, so that the labels in total stay the same.

    The base has these rows too, because a change that adds them would be red for altering the exam.
    In a small table, a tenth of the rows can look like chance, so more labels are swapped.
    """
    target = scene.contract.target
    floors = [
        rule
        for rule in scene.policy.rules.values()
        if (rule.gate, rule.of, rule.slice) == (ACCURACY.name, Of.CANDIDATE, "all")
        and rule.at_least is not None
        and rule.on_fail == "fail"
    ]

    def swap(rows: pd.DataFrame) -> pd.DataFrame:
        order = np.arange(len(rows))
        chosen = np.flatnonzero(scene.rng.random(len(rows)) < 2 * NOISY_LABELS)
        order[chosen] = scene.rng.permutation(chosen)
        return rows.assign(**{target: rows[target].array.take(order)})

    for _ in range(_ROUNDS):
        scene.edit_rows(swap)
        found = predict(scene.candidate.model, scene.candidate.split("test"), scene.contract)
        known = [floor for floor in floors if floor.measurement in metrics_by_name(scene)]
        if any(surely_beyond(floor, found, scene.policy) for floor in known):
            break
    scene.share_rows()


def label_leakage(scene: Scene) -> None:
    """A feature that leaks the label, and a model that learned to use it.

    The feature keeps its values, but they are reassigned: the larger the label, the larger the
    value. For multiclass tasks, the label is the index of the class. The base has the same rows,
    but its model has not learned to use the leak.
    """
    too_good = scene.rule(ACCURACY.name, _TOO_GOOD, Of.CANDIDATE, "at_most", warns=True)
    name = _most_distinct(scene)
    contract = scene.contract
    dealt: list[tuple[Floats, Floats]] = []

    def leak(rows: pd.DataFrame) -> pd.DataFrame:
        labels = labels_of(rows, contract)
        order = np.lexsort((scene.rng.random(len(rows)), labels))
        values = np.empty(len(rows), rows[name].dtype)
        ordered = np.sort(rows[name].to_numpy())
        values[order] = ordered
        dealt.append((ordered.astype(np.float64), labels[order]))
        return rows.assign(**{name: values})

    scene.edit_rows(leak)
    margin = scene.margin
    read = _read_number if contract.task is Task.REGRESSION else _read_classes
    scene.edit_models(read(margin, name, *dealt[0], learned=True))
    scene.edit_base_models(read(margin, name, *dealt[0], learned=False))
    scene.share_rows()
    found = predict(scene.candidate.model, scene.candidate.split("test"), contract)
    sample = Sample(found, scene.policy.measure.accuracy)
    if not value_of(metrics_by_name(scene)[too_good.measurement], sample) > too_good.limit:
        raise NotApplicableError(
            f"'{name}' has too few values for a leak beyond {too_good.measurement} "
            f"{too_good.limit:g}"
        )


def _most_distinct(scene: Scene) -> str:
    """Return the numeric feature whose most frequent value is the rarest."""
    columns = scene.contract.columns.items()
    names = [name for name, column in columns if _numeric(column) and not column.missing]
    if not names:
        raise NotApplicableError("the contract has no numeric feature with a range, none missing")
    rows = scene.candidate.split("train")
    return min(names, key=lambda name: rows[name].value_counts().iloc[0])


def _read_classes(
    margin: Margin, name: str, ordered: Floats, labels: Floats, *, learned: bool
) -> Rewrite:
    """Return graph surgery that reads the class off a feature: each class has a range of values."""
    amount, keep = (5.0, 0.1) if learned else (0.0, 1.0)
    starts = [_between(ordered, int((labels < k).sum())) for k in range(1, margin.classes)]
    limits = [-np.inf, *starts, np.inf]

    def read(model: onnx.ModelProto) -> onnx.ModelProto:
        for place in [1] if margin.task is Task.BINARY else range(margin.classes):
            span = raised_where_above(name, limits[place], amount, keep, up_to=limits[place + 1])
            model = rewrite(model, replace(margin, place=place), span)
        return model

    return read


def _read_number(
    margin: Margin, name: str, ordered: Floats, labels: Floats, *, learned: bool
) -> Rewrite:
    """Return graph surgery that reads a number off a feature in steps with equally many rows."""
    inner = np.linspace(0, 1, _STEPS + 1)[1:-1]
    edges = [*np.quantile(labels, inner), *(labels[0] + inner * np.ptp(labels))]
    starts = [_between(ordered, int(place)) for place in np.searchsorted(labels, edges)]
    thresholds = np.unique([start for start in starts if np.isfinite(start)])
    step = np.searchsorted(thresholds, ordered)
    means = np.bincount(step, labels) / np.bincount(step)
    levels = (means - margin.centre) / margin.spread * learned
    change = read_off(name, thresholds, levels, keep=0.0 if learned else 1.0)
    return lambda model: rewrite(model, margin, change)


def _between(ordered: Floats, place: int) -> float:
    """Return the midpoint between the value at `place` and the next smaller one, or infinity.

    Equal values are on the same side of it, even if their labels differ.
    """
    if place == len(ordered):
        return np.inf
    first = int(np.searchsorted(ordered, ordered[place]))
    return float(ordered[first - 1] + ordered[first]) / 2 if first else -np.inf


def trained_on_the_test(scene: Scene) -> None:
    """Some test rows copied into train after the split."""
    import pandas as pd

    from gatehouse.digest import PREPARED
    from gatehouse.table import write_table

    test, train = scene.candidate.split("test"), scene.candidate.split("train")
    leaked = test[scene.rng.random(len(test)) < SHARE]
    write_table(pd.concat([train, leaked]), scene.root / PREPARED / "train.parquet")
    scene.stamp_models()


def half_draw(scene: Scene) -> None:
    """A control: base and candidate are two random halves of the same rows."""
    compared = comparable(scene)
    other = scene.own_base()
    masks: dict[int, np.ndarray] = {}

    def half(second: bool) -> Edit:
        def keep(rows: pd.DataFrame) -> pd.DataFrame:
            if len(rows) not in masks:
                masks[len(rows)] = scene.rng.random(len(rows)) < 0.5
            return rows[masks[len(rows)] == second].reset_index(drop=True)

        return keep

    other.edit_rows(half(False))
    scene.edit_rows(half(True))
    judged = any(rule.gate == FAIRNESS.name for rule in scene.policy.rules.values())
    if judged and compared - comparable(scene):
        raise NotApplicableError("half of the test rows are too few to compare groups")


def _replace(scene: Scene, name: str, share: float, value: object) -> Edit:
    def replace(rows: pd.DataFrame) -> pd.DataFrame:
        chosen = scene.rng.random(len(rows)) < share
        if not chosen.any():
            raise NotApplicableError(f"too few rows to replace {share:.1%} of them")
        column = rows[name].astype(float) if isinstance(value, float) and np.isnan(value) and (
            rows[name].dtype.kind == "i") else rows[name]  # fmt: skip
        if rows[name].dtype.kind == "i" and column.dtype.kind == "i":
            return rows.assign(**{name: column.where(~chosen, int(value))})  # type: ignore[call-overload]
        return rows.assign(**{name: column.where(~chosen, value)})

    return replace
