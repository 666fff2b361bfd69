"""Defects on a few percent of the rows, which the means of all rows hardly show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.drill.graph import Builder, Change, shifted
from gatehouse.drill.scene import NotApplicableError, Scene
from gatehouse.evidence import Of
from gatehouse.gates.slices import WORST
from gatehouse.gates.slices.masks import missing_in

if TYPE_CHECKING:
    import pandas as pd

_FEWEST, _MOST = 0.04, 0.15
"""Share of the rows that a defect is planted on."""
_SHIFT = 3.0


def worse_where_missing(scene: Scene) -> None:
    """The margin has the wrong sign where one column is missing."""

    def turned(amount: float) -> Callable[[Builder, str], str]:
        def change(build: Builder, margin: str) -> str:
            member = build.is_missing(column, text=not scene.contract.columns[column].is_numeric)
            factor = build.op("Mul", member, build.const(amount))
            return build.op("Mul", margin, build.op("Sub", build.const(1.0), factor))

        return change

    column = _column(scene, lambda values: float(missing_in(values).mean()), "missing values")
    _plant(scene, turned(2.0), turned(0.0))


def worse_in_category(scene: Scene) -> None:
    """The margin is far too low in one category."""
    group = _category(scene)
    _plant(scene, shifted([(group, -_SHIFT)]), shifted([(group, 0.0)]))


def better_in_category(scene: Scene) -> None:
    """A control: the base's margin is far too low in one category, and the change fixes it."""
    group = _category(scene)
    _plant(scene, shifted([(group, 0.0)]), shifted([(group, -_SHIFT)]))


def _plant(scene: Scene, ours: Change, theirs: Change) -> None:
    scene.rule("accuracy", [WORST], Of.COMPARISON)
    scene.edit_models(scene.changed(ours))
    scene.edit_base_models(scene.changed(theirs))


def _category(scene: Scene) -> dict[str, str]:
    """Return a category of an input that a few percent of the rows have."""

    def chosen(values: pd.Series) -> tuple[float, str]:
        if values.dtype.kind in "iuf":
            return 0.0, ""
        shares = values[~missing_in(values)].value_counts(normalize=True)
        fitting = shares[(shares >= _FEWEST) & (shares <= _MOST)]
        return (float(fitting.iloc[0]), str(fitting.index[0])) if len(fitting) else (0.0, "")

    column = _column(scene, lambda values: chosen(values)[0], "category")
    return {column: chosen(scene.base.split("test")[column])[1]}


def _column(scene: Scene, share: Callable[[pd.Series], float], wanted: str) -> str:
    """Return the first input whose `share` of the test rows is a few percent."""
    rows = scene.base.split("test")
    for name in scene.base.model.inputs:
        if np.clip(found := share(rows[name]), _FEWEST, _MOST) == found:
            return name
    raise NotApplicableError(f"no input with a {wanted} in {_FEWEST:.0%} to {_MOST:.0%} of rows")
