"""Defects of a change's rows against the base's: what the rows gate keeps the exam safe from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.contract import CONTRACT_FILE
from gatehouse.drill.scene import NotApplicableError, Scene, write_contract
from gatehouse.table import RAW, ROWS_FILE, TEST_FILE, read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

_TOUCHED = 0.02
_COPIED = 0.25
_NEW = 0.05
_TRIES = 100
_LEAST = 100
"""New rows that make chance no explanation of a deal without test."""


def relabelled_exam(scene: Scene) -> None:
    """Labels exchanged between a few test rows."""
    target, rows = scene.contract.target, _rows(scene, _exam_file(scene))
    chosen = _some(scene, np.flatnonzero(_in_exam(scene, rows)))
    labels = rows[target].copy()
    # Turned by one place: as many of each label as before.
    labels.iloc[chosen] = np.roll(labels.iloc[chosen].to_numpy(), 1)
    _replace(scene, _exam_file(scene), rows.assign(**{target: labels}))


def removed_exam(scene: Scene) -> None:
    """A few test rows taken out."""
    rows = _rows(scene, _exam_file(scene))
    gone = _some(scene, np.flatnonzero(_in_exam(scene, rows)))
    _replace(scene, _exam_file(scene), rows.drop(rows.index[gone]).reset_index(drop=True))


def other_split(scene: Scene) -> None:
    """A rule that deals a tenth less of the rows into test."""
    contract = scene.contract
    split = contract.split.model_copy(update={"test": 0.9 * contract.split.test})
    write_contract(contract.model_copy(update={"split": split}), scene.root / CONTRACT_FILE)
    scene.edit_rows(lambda same: same)


def copied_exam(scene: Scene) -> None:
    """New rows outside test, each an exam row but for one input."""
    rows = _rows(scene, _exam_file(scene))
    _add(scene, rows[_in_exam(scene, rows)].sample(frac=_COPIED, random_state=scene.rng))


def unfair_deal(scene: Scene) -> None:
    """New rows like the old ones, each nudged until the rule puts it outside test."""
    if _official(scene):
        raise NotApplicableError("the test rows are an official file, so no new row falls there")
    rows = _rows(scene, ROWS_FILE)
    outside = rows[~_in_exam(scene, rows)]
    _add(scene, outside.sample(frac=_NEW, random_state=scene.rng))


def more_rows(scene: Scene) -> None:
    """A control: the base lacks a random twentieth of the rows outside an official test."""
    other = scene.own_base()
    rows = _rows(scene, ROWS_FILE)
    _replace(other, ROWS_FILE, rows[scene.rng.random(len(rows)) >= _NEW].reset_index(drop=True))


def _add(scene: Scene, like: pd.DataFrame) -> None:
    """Add rows that differ from `like` in one input, or have another key, and are not in test."""
    import pandas as pd

    rows, contract = _rows(scene, ROWS_FILE), scene.contract
    old = like.reset_index(drop=True)
    new, left = old.copy(), np.arange(len(old))
    for _ in range(_TRIES):
        names = scene.rng.choice(contract.keys or list(contract.inputs), len(left))
        for name in dict.fromkeys(names):
            places = left[names == name]
            new.loc[places, name] = _values(scene, rows, name, len(places))
        same = new.iloc[left].astype(str).eq(old.iloc[left].astype(str)).all(axis=1).to_numpy()
        left = left[same if _official(scene) else same | _in_exam(scene, new.iloc[left])]
        if not len(left):
            break
    new = new.drop(index=left)
    if len(new) < _LEAST:
        raise NotApplicableError(f"too few rows to add {_LEAST} that are new")
    _replace(scene, ROWS_FILE, pd.concat([rows, new], ignore_index=True))


def _values(scene: Scene, rows: pd.DataFrame, name: str, count: int) -> NDArray[np.generic]:
    """Values of other rows; new ones if the column is a key."""
    if name not in scene.contract.keys:
        return np.asarray(rows[name].sample(count, replace=True, random_state=scene.rng))
    drawn = scene.rng.integers(2**40, 2**41, count)
    return drawn if rows[name].dtype.kind in "iuf" else np.char.add("new-", drawn.astype(str))


def _in_exam(scene: Scene, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows of the file that holds the exam are in it, shape [N]."""
    import pyarrow as pa

    from gatehouse.split import deal

    if _official(scene):
        return np.ones(len(rows), bool)
    split = scene.contract.split
    table = pa.Table.from_pandas(rows[list(split.identity)], preserve_index=False)
    return np.asarray(deal(table, split) == 2)


def _some(scene: Scene, places: NDArray[np.intp]) -> NDArray[np.intp]:
    count = max(2, int(_TOUCHED * len(places)))
    return np.sort(scene.rng.choice(places, count, replace=False))


def _official(scene: Scene) -> bool:
    return (scene.root / RAW / TEST_FILE).exists()


def _exam_file(scene: Scene) -> str:
    return TEST_FILE if _official(scene) else ROWS_FILE


def _rows(scene: Scene, file: str) -> pd.DataFrame:
    return read_table(scene.root / RAW / file)


def _replace(scene: Scene, file: str, rows: pd.DataFrame) -> None:
    """Let one raw file hold other rows, and deal them as the pipeline does."""
    write_table(rows, scene.root / RAW / file)
    scene.edit_rows(lambda same: same)
