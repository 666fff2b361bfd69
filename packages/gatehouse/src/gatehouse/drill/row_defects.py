"""Defects in a change's rows, from which the rows gate protects the exam."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.base import BaseRecord, Outputs, folder_of, write_record
from gatehouse.contract import CONTRACT_FILE
from gatehouse.digest import file_digest
from gatehouse.drill.graph import Change, raised_where_above, shifted
from gatehouse.drill.scene import NotApplicableError, Scene, write_contract
from gatehouse.evidence import NEW, Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.metrics import METRICS
from gatehouse.gates.rows import ROWS
from gatehouse.policy import SEALED_LEAK, Rule, Sealed
from gatehouse.sealed import SEALED_FILE
from gatehouse.split import deciding
from gatehouse.splits import rule_of
from gatehouse.table import RAW, ROWS_FILE, TEST_FILE, read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

_TOUCHED = 0.02
_COPIED = 0.25
_NUDGED = 0.3
"""Share of rows to nudge; more than are copied, as some nudges move two numbers to other cells."""
_NUDGE = 0.1
"""Maximum nudge of a number in deviations, less than the width of a cell of the ledger's grid."""
_SPIKE = 0.5
"""A column is not nudged if at least this share of its rows has the same value."""
_NEW = 0.05
_SEALED = 0.2
_ANYWHERE = (-np.inf, np.inf)
_TRIES = 100
_STEPS = 8
_BEYOND = 1.15
"""Factor by which the exam's growth exceeds its limit, so that chance does not decide."""
_WORSE = 5.0
_COMPARED = {metric.name for metric in METRICS if metric.headline}
_LEAST = 100
"""Minimum new rows, so that chance cannot explain a deal without test rows."""


def relabelled_exam(scene: Scene) -> None:
    """Labels swapped between a few test rows."""
    target, rows = scene.contract.target, _rows(scene, _exam_file(scene))
    chosen = _some(scene, np.flatnonzero(_in_exam(scene, rows)))
    labels = rows[target].copy()
    # Rotated by one position, so that there are as many of each label as before.
    labels.iloc[chosen] = np.roll(labels.iloc[chosen].to_numpy(), 1)
    _replace(scene, _exam_file(scene), rows.assign(**{target: labels}))


def removed_exam(scene: Scene) -> None:
    """A few test rows removed."""
    rows = _rows(scene, _exam_file(scene))
    gone = _some(scene, np.flatnonzero(_in_exam(scene, rows)))
    _replace(scene, _exam_file(scene), rows.drop(rows.index[gone]).reset_index(drop=True))


def other_split(scene: Scene) -> None:
    """A rule that assigns a tenth fewer rows to test."""
    contract = scene.contract
    split = contract.split.model_copy(update={"test": 0.9 * contract.split.shares[1]})
    write_contract(contract.model_copy(update={"split": split}), scene.root / CONTRACT_FILE)
    scene.edit_rows(lambda same: same)


def copied_exam(scene: Scene) -> None:
    """New rows outside test, each an exam row with one input changed."""
    rows = _rows(scene, _exam_file(scene))
    _add(scene, rows[_in_exam(scene, rows)].sample(frac=_COPIED, random_state=scene.rng))


def nudged_exam(scene: Scene) -> None:
    """New rows outside test, each an exam row with all its finer numbers nudged."""
    rows, contract = _rows(scene, _exam_file(scene)), scene.contract
    old = rows[_in_exam(scene, rows)].sample(frac=_NUDGED, random_state=scene.rng)
    old = old.reset_index(drop=True)
    steps = {name: _nudge(old[name]) for name, each in contract.inputs.items() if each.is_numeric}
    # If most values are equal, even a tiny nudge counts as drift, because the scale is as narrow.
    steps = {
        name: step
        for name, step in steps.items()
        if 0 < step <= _NUDGE * old[name].std()
        and old[name].value_counts(normalize=True).iloc[0] < _SPIKE
    }
    if len(steps) < 2:
        raise NotApplicableError("fewer than two numbers that can be nudged by a hair")
    new, left = old.copy(), np.arange(len(old))
    for _ in range(_TRIES):
        for name, step in steps.items():
            values, (low, high) = old.loc[left, name], contract.columns[name].range or _ANYWHERE
            signs = scene.rng.choice([-1, 1], len(left))
            signs = np.where((values + step * signs).between(low, high), signs, -signs)
            new.loc[left, name] = (values + step * signs).astype(old[name].dtype)
        for name in contract.keys:
            new.loc[left, name] = _values(scene, rows, name, len(left))
        left = left[~_official(scene) & _in_exam(scene, new.iloc[left])]
        if not len(left):
            break
    _append(scene, new.drop(index=left))


def _nudge(values: pd.Series) -> float:
    """Return a tiny step for a numeric column."""
    return 1.0 if values.dtype.kind in "iu" else _NUDGE * float(values.std())


def unfair_deal(scene: Scene) -> None:
    """New rows similar to the old ones, each nudged until the rule puts it outside test."""
    if _official(scene):
        raise NotApplicableError("the test rows are an official file, so no new row falls there")
    if not rule_of(scene.contract.split).by_chance:
        raise NotApplicableError("the contract's split rule does not deal by chance")
    rows = _rows(scene, ROWS_FILE)
    outside = rows[~_in_exam(scene, rows)]
    _add(scene, outside.sample(frac=_NEW, random_state=scene.rng))


def small_steps(scene: Scene) -> None:
    """One more step, after new rows joined the exam in small steps."""
    _grow_in_steps(scene, _BEYOND)


def few_small_steps(scene: Scene) -> None:
    """A control: the steps together stay below the limit."""
    _grow_in_steps(scene, 1 / _BEYOND)


def _grow_in_steps(scene: Scene, share: float) -> None:
    """Grow the exam by a share of its limit, with the change as the last of several steps."""
    if _official(scene):
        raise NotApplicableError("the test rows are an official file, so no new row falls there")
    limit = scene.rule(ROWS.name, ["exam_growth"], Of.COMPARISON, "at_most").limit
    rows = _rows(scene, ROWS_FILE)
    # Rows with a larger number were added later.
    number = scene.rng.random(len(rows))
    added = share * limit / (1 + limit)
    other = scene.own_base()
    _replace(other, ROWS_FILE, rows[number < 1 - added / _STEPS].reset_index(drop=True))
    # Only its address is used.
    first = Outputs(contract=scene.contract.digest, outs={RAW.as_posix(): "the drill's"})
    write_table(rows[number < 1 - added], scene.root / folder_of(first) / RAW / ROWS_FILE)
    write_record(BaseRecord(since={"exam_growth": first}), scene.root)


def other_target(scene: Scene) -> None:
    """A change that predicts another column, so that no comparison is possible."""
    before = scene.contract
    outputs = Outputs(contract=before.digest, outs={RAW.as_posix(): "the drill's"})
    kept = scene.root / folder_of(outputs) / CONTRACT_FILE
    kept.parent.mkdir(parents=True)
    write_contract(before, kept)
    old, new = before.target, f"{before.target}_again"
    columns = {new if name == old else name: each for name, each in before.columns.items()}
    write_contract(before.model_copy(update={"columns": columns}), scene.root / CONTRACT_FILE)
    scene.edit_rows(lambda rows: rows.rename(columns={old: new}))
    write_record(BaseRecord(outputs=outputs, measure=scene.policy.measure), scene.root)
    scene.comparable = False


def worse_on_new_rows(scene: Scene) -> None:
    """New rows of a kind that the base lacks, on which the change's model is far worse."""
    if _official(scene):
        raise NotApplicableError("the test rows are an official file, so no new row falls there")
    rule = scene.rule(ACCURACY.name, [*_COMPARED], Of.COMPARISON, where=NEW)
    growth = scene.rule(ROWS.name, ["exam_growth"], Of.COMPARISON, "at_most").limit
    rows = _rows(scene, ROWS_FILE)
    column, above = _new_kind(scene, rows, growth)
    new = (rows[column] > above).to_numpy()
    if (new & _in_exam(scene, rows)).sum() < (rule.minimum_n or 1):
        raise NotApplicableError(f"fewer than {rule.minimum_n} new test rows")

    def turned(amount: float) -> Change:
        """Margin plus twice the amount, only for new rows."""
        apart, up = raised_where_above(column, above, amount, 1.0), shifted([({}, amount)])
        return lambda build, margin: up(build, apart(build, margin))

    scene.edit_models(scene.changed(turned(_WORSE)))
    other = scene.own_base()
    other.edit_models(other.changed(turned(0.0)))
    _replace(other, ROWS_FILE, rows[~new].reset_index(drop=True))


def _new_kind(scene: Scene, rows: pd.DataFrame, growth: float) -> tuple[str, float]:
    """Return a numeric input, and a value exceeded by as many rows as may be new at once."""
    most = growth / (1 + growth)
    for name, column in scene.contract.inputs.items():
        if column.is_numeric:
            above = float(rows[name].quantile(1 - 0.9 * most))
            if 0.4 * most < (rows[name] > above).mean() < 0.95 * most:
                return name, above
    raise NotApplicableError("no number that identifies about a tenth of the rows")


def more_rows(scene: Scene) -> None:
    """A control: the base lacks a random twentieth of the rows outside an official test."""
    other = scene.own_base()
    rows = _rows(scene, ROWS_FILE)
    _replace(other, ROWS_FILE, rows[scene.rng.random(len(rows)) >= _NEW].reset_index(drop=True))


def _add(scene: Scene, like: pd.DataFrame) -> None:
    """Add rows outside test that differ from `like` in one input, or have another key."""
    rows, contract = _rows(scene, ROWS_FILE), scene.contract
    old = like.reset_index(drop=True)
    new, left = old.copy(), np.arange(len(old))
    for _ in range(_TRIES):
        names = scene.rng.choice(_ids(scene) or list(contract.inputs), len(left))
        for name in dict.fromkeys(names):
            places = left[names == name]
            new.loc[places, name] = _values(scene, rows, name, len(places))
        same = new.iloc[left].astype(str).eq(old.iloc[left].astype(str)).all(axis=1).to_numpy()
        left = left[same if _official(scene) else same | _in_exam(scene, new.iloc[left])]
        if not len(left):
            break
    for name in contract.keys:
        new[name] = new[name].where(
            ~new[name].isin(old[name]), _values(scene, rows, name, len(new))
        )
    _append(scene, new.drop(index=left))


def _ids(scene: Scene) -> list[str]:
    """Return the columns that identify what a row is about: its group, or its key."""
    contract = scene.contract
    return [contract.group] if contract.group in deciding(contract) else contract.keys


def _append(scene: Scene, new: pd.DataFrame) -> None:
    """Append rows that are not in test to the existing rows."""
    import pandas as pd

    if len(new) < _LEAST:
        raise NotApplicableError(f"too few rows to add {_LEAST} that are new")
    rows = _rows(scene, ROWS_FILE)
    _replace(scene, ROWS_FILE, pd.concat([rows, new], ignore_index=True))


def _values(scene: Scene, rows: pd.DataFrame, name: str, count: int) -> NDArray[np.generic]:
    """Return values of other rows, or new values if the column is a key."""
    if name not in _ids(scene) and name not in scene.contract.keys:
        return np.asarray(rows[name].sample(count, replace=True, random_state=scene.rng))
    drawn = scene.rng.integers(2**40, 2**41, count)
    return drawn if rows[name].dtype.kind in "iuf" else np.char.add("new-", drawn.astype(str))


def _in_exam(scene: Scene, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Mask of the exam's rows in the file that contains the exam, shape [N]."""
    import pyarrow as pa

    from gatehouse.split import deal

    if _official(scene):
        return np.ones(len(rows), bool)
    columns = list(deciding(scene.contract))
    table = pa.Table.from_pandas(rows[columns], preserve_index=False)
    return np.asarray(deal(table, scene.contract) == 2)


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
    """Replace the rows of one raw file, and split them as the pipeline does."""
    write_table(rows, scene.root / RAW / file)
    scene.edit_rows(lambda same: same)


def sealed_in_train(scene: Scene) -> None:
    """A sealed exam whose rows are in the train split."""
    _seal(scene, "train")


def sealed_apart(scene: Scene) -> None:
    """A control: a sealed exam of rows that the model has not seen."""
    _seal(scene, "test")


def _seal(scene: Scene, split: str) -> None:
    rows = scene.candidate.split(split)
    path = scene.root / SEALED_FILE
    path.parent.mkdir(exist_ok=True)
    write_table(rows.sample(frac=_SEALED, random_state=scene.rng), path)
    sealed = Sealed(digest=file_digest(path))
    rule = Rule(gate=ACCURACY.name, measurement=SEALED_LEAK, of=Of.COMPARISON, at_most=0,
                why="A model that has seen the sealed rows proves nothing")  # fmt: skip
    rules = scene.policy.rules | {"sealed-leak": rule}
    scene.policy = scene.policy.model_copy(update={"rules": rules, "sealed": sealed})
    write_record(BaseRecord(sealed=sealed), scene.root)
