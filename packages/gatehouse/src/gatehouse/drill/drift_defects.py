"""Defects in the rows that only look at every column, or at all of them together, can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gatehouse.contract import CONTRACT_FILE, Column, Role
from gatehouse.drill.graph import noisy
from gatehouse.drill.scene import NotApplicableError, Scene, write_contract

if TYPE_CHECKING:
    import pandas as pd

_TAIL = 0.01
_FACTOR = 3.0
_FAR = 1e4
_LARGEST = 16_000_000
"""Integers beyond 16,777,216 lose digits in the graph's input."""


def hidden_shift(scene: Scene) -> None:
    """All values of a numeric feature tripled, next to one value that would set the scale.

    Base and candidate both have that value, so that it is no change.
    """
    name, other = _without_limits(scene)
    largest = float(scene.base.split("train")[name].abs().max() + 1)
    sentinel = min(_FAR * largest, _LARGEST)
    for side, factor in ((other, 1.0), (scene, _FACTOR)):

        def hide(rows: pd.DataFrame, factor: float = factor) -> pd.DataFrame:
            values = rows[name].astype(float) * factor
            values.iloc[0] = sentinel
            return rows.assign(**{name: values.astype(rows[name].dtype)})

        side.edit_tables(hide)


def grown_tail(scene: Scene) -> None:
    """A few values of a numeric feature in another unit: a thousand times as large."""
    name, _ = _without_limits(scene)

    def grow(rows: pd.DataFrame) -> pd.DataFrame:
        wrong = scene.rng.random(len(rows)) < _TAIL
        grown = ((rows[name].astype(float) + 1) * 1000).clip(-_LARGEST, _LARGEST)
        return rows.assign(**{name: rows[name].mask(wrong, grown).astype(rows[name].dtype)})

    scene.edit_tables(grow)


def _without_limits(scene: Scene) -> tuple[str, Scene]:
    """Let a numeric feature take any value, in both contracts; return its name and the base."""

    def fits(column: Column) -> bool:
        return column.role is Role.FEATURE and bool(column.range)

    name = scene.column("numeric feature with a range", fits)
    contract = scene.contract
    wide = contract.columns[name].model_copy(update={"range": (-_LARGEST, _LARGEST)})
    contract = contract.model_copy(update={"columns": contract.columns | {name: wide}})
    other = scene.own_base()
    for side in (scene, other):
        write_contract(contract, side.root / CONTRACT_FILE)
        side.stamp_models()
    return name, other


def wrong_join(scene: Scene) -> None:
    """A feature's values belong to other rows; as many rows have each value as before."""
    rows, model = scene.base.split("test"), scene.base.model
    before = model.outputs(rows)

    def permuted(rows: pd.DataFrame, name: str) -> pd.DataFrame:
        order = scene.rng.permutation(len(rows))
        return rows.assign(**{name: rows[name].array.take(order)})

    moved = {
        name: float(np.abs(model.outputs(permuted(rows, name)) - before).mean())
        for name in scene.contract.inputs
    }
    chosen = max(moved, key=lambda name: moved[name])
    if not moved[chosen]:
        raise NotApplicableError("the model reads no feature")
    scene.edit_rows(lambda table: permuted(table, chosen))


def better_model(scene: Scene) -> None:
    """A control: another model that is better, since the base's decides partly by chance."""
    scene.edit_models(scene.changed(noisy(0.0, 1.0)))
    other = scene.own_base()
    other.edit_models(other.changed(noisy(1.0, 0.8)))
