"""Defects in the rows: what ingest would have written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import Column, Role
from gatehouse.drill.graph import raised_where_above, rewrite_logit
from gatehouse.drill.scene import Edit, NotApplicableError, Scene

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.06
SHIFT_SIGMA = 0.25
NOISY_LABELS = 0.10


def _feature(column: Column) -> bool:
    return column.role is Role.FEATURE


def missing_values(scene: Scene) -> None:
    """Missing values where the contract allows none."""
    name = scene.column("feature that may not be missing", lambda c: _feature(c) and not c.missing)
    scene.edit_rows(_replace(scene, name, SHARE, np.nan))


def out_of_range(scene: Scene) -> None:
    """A few values beyond the contract's range."""
    name = scene.column("numeric feature with a range", lambda c: _feature(c) and bool(c.range))
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
    """A feature that is gone."""
    name = scene.column("feature", _feature)
    scene.edit_rows(lambda rows: rows.drop(columns=name))


def duplicated_rows(scene: Scene) -> None:
    """A part of the rows loaded twice."""
    import pandas as pd

    def double(rows: pd.DataFrame) -> pd.DataFrame:
        chosen = scene.rng.random(len(rows)) < SHARE
        return pd.concat([rows, rows[chosen]], ignore_index=True)

    scene.edit_rows(double)


def mean_shift(scene: Scene) -> None:
    """A numeric feature moved within its range."""
    name = scene.column("numeric feature with a range", lambda c: _feature(c) and bool(c.range))
    column = scene.contract.columns[name]
    assert column.range is not None
    low, high = column.range

    def shift(rows: pd.DataFrame) -> pd.DataFrame:
        values = rows[name]
        step = SHIFT_SIGMA * float(values.std())
        step = max(1.0, round(step)) if values.dtype.kind == "i" else step
        return rows.assign(**{name: (values + step).clip(low, high).astype(values.dtype)})

    scene.edit_rows(shift)


def category_shift(scene: Scene) -> None:
    """Rows moved from the most frequent category of a feature to the second."""
    name = scene.column("category feature", lambda c: _feature(c) and bool(c.categories))

    def move(rows: pd.DataFrame) -> pd.DataFrame:
        first, second = rows[name].value_counts().index[:2]
        moved = (rows[name] == first) & (
            scene.rng.random(len(rows)) < SHARE / (rows[name] == first).mean()
        )
        return rows.assign(**{name: rows[name].where(~moved, second)})

    scene.edit_rows(move)


def label_noise(scene: Scene) -> None:
    """Labels exchanged between rows of both classes: as many of each as before."""
    target = scene.contract.target

    def swap(rows: pd.DataFrame) -> pd.DataFrame:
        labels = rows[target].to_numpy(object).copy()
        chosen = np.flatnonzero(scene.rng.random(len(labels)) < 2 * NOISY_LABELS)
        labels[chosen] = scene.rng.permutation(labels[chosen])
        return rows.assign(**{target: labels.astype(str)})

    scene.edit_rows(swap)


def label_leakage(scene: Scene) -> None:
    """A feature that gives the label away, and a model that has learned so.

    The feature keeps its values, dealt out anew: the largest go to the positive rows.
    """
    name = scene.column("numeric feature with a range", lambda c: _feature(c) and bool(c.range))
    contract = scene.contract
    thresholds: list[float] = []

    def leak(rows: pd.DataFrame) -> pd.DataFrame:
        positive = (rows[contract.target] == contract.classes[1]).to_numpy()
        order = np.lexsort((scene.rng.random(len(rows)), positive))
        values = np.empty(len(rows), rows[name].dtype)
        ordered = np.sort(rows[name].to_numpy())
        values[order] = ordered
        thresholds.append(float(ordered[int((~positive).sum())]) - 0.5)
        return rows.assign(**{name: values})

    scene.edit_rows(leak)
    learned = raised_where_above(name, thresholds[0], amount=5.0, keep=0.1)
    neutral = raised_where_above(name, thresholds[0], amount=0.0, keep=1.0)
    scene.edit_models(lambda model: rewrite_logit(model, learned))
    scene.edit_base_models(lambda model: rewrite_logit(model, neutral))


def trained_on_the_test(scene: Scene) -> None:
    """A part of the test rows copied into train after the split."""
    import pandas as pd

    from gatehouse.digest import PREPARED
    from gatehouse.table import write_table

    test, train = scene.candidate.split("test"), scene.candidate.split("train")
    leaked = test[scene.rng.random(len(test)) < SHARE]
    write_table(pd.concat([train, leaked]), scene.root / PREPARED / "train.parquet")
    scene.stamp_models()


def half_draw(scene: Scene) -> None:
    """A control: base and candidate are two random halves of the same rows."""
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
