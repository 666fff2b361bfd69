"""Tables whose splits leak, and clean tables that are split by group or by time.

Each plant gives the table a key, a group or a time. The base has the same table, as if its defect
had been merged before.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse.contract import CONTRACT_FILE, Column, Role
from gatehouse.drill.scene import NotApplicableError, Scene, write_contract
from gatehouse.evidence import Of
from gatehouse.gates.rows import ROWS
from gatehouse.split_settings import Split
from gatehouse.table import RAW, ROWS_FILE, TEST_FILE, read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

_KEY, _GROUP, _TIME = "drill_key", "drill_group", "drill_time"
_START = date(2025, 1, 1)
_DAYS = 100
_VALID, _TEST = 64, 80
"""Days after the start on which valid and test begin."""
_EACH = 3
"""Mean number of rows of a group."""


def twins(scene: Scene) -> None:
    """Every row twice, each time under another id."""
    _judged(scene, "equal")
    _lay(scene, _twice(scene, _rows(scene)), {"by": "hash"})


def near_twins(scene: Scene) -> None:
    """Every row twice, the second time under another id and with another number."""
    _judged(scene, "near")
    numbers = [name for name, column in scene.contract.inputs.items() if column.is_numeric]
    if not numbers:
        raise NotApplicableError("no input is a number")
    rows = _twice(scene, _rows(scene))
    second = np.arange(len(rows)) >= len(rows) // 2
    values = rows[numbers[0]].to_numpy(copy=True)
    values[second] = scene.rng.permutation(values[second])
    _lay(scene, rows.assign(**{numbers[0]: values}), {"by": "hash"})


def shared_groups(scene: Scene) -> None:
    """Several rows of each group, split one by one."""
    _judged(scene, "group")
    _lay(scene, _rows(scene), {"by": "hash"}, group=True)


def backwards(scene: Scene) -> None:
    """A file of test rows that are older than all rows to learn from."""
    _judged(scene, "time")
    rows = _timed(scene, _rows(scene))
    old = (rows[_TIME] < _moment(_DAYS - _TEST)).to_numpy()
    _lay(scene, rows[~old], {"by": "time"}, test=rows[old])


def later_cuts(scene: Scene) -> None:
    """Cuts of a split by time that move to later days."""
    scene.rule(ROWS.name, ["split_changes"], Of.COMPARISON, "at_most")
    by_time(scene)
    contract = scene.contract
    later = {name: _day(days + 5) for name, days in _CUTS.items()}
    split = contract.split.model_copy(update=later)
    write_contract(contract.model_copy(update={"split": split}), scene.root / CONTRACT_FILE)
    scene.edit_rows(lambda same: same)


def by_group(scene: Scene) -> None:
    """A control: several rows of each group, split by group."""
    _lay(scene, _rows(scene), {"by": "group"}, group=True)


def by_time(scene: Scene) -> None:
    """A control: groups over time, each placed by its first row."""
    _lay(scene, _timed(scene, _rows(scene)), {"by": "time"}, group=True)


_CUTS = {"valid_from": _VALID, "test_from": _TEST}


def _judged(scene: Scene, kind: str) -> None:
    scene.rule(ROWS.name, ["split_leak"], Of.CANDIDATE, "at_most", where=f"rows={kind}")


def _rows(scene: Scene) -> pd.DataFrame:
    if (scene.root / RAW / TEST_FILE).exists():
        raise NotApplicableError("the test rows are an official file")
    return read_table(scene.root / RAW / ROWS_FILE)


def _twice(scene: Scene, rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    half = rows.sample(len(rows) // 2, random_state=scene.rng)
    return pd.concat([half, half], ignore_index=True)


def _timed(scene: Scene, rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    seconds = scene.rng.integers(0, _DAYS * 86_400, len(rows))
    times = _moment(0) + pd.to_timedelta(seconds, unit="s")
    return rows.assign(**{_TIME: pd.Series(times, rows.index).dt.as_unit("us")})


def _moment(days: int) -> pd.Timestamp:
    import pandas as pd

    return pd.Timestamp(_day(days), tz="UTC")


def _day(days: int) -> date:
    return _START + timedelta(days)


def _lay(
    scene: Scene,
    rows: pd.DataFrame,
    split: dict[str, Any],
    *,
    group: bool = False,
    test: pd.DataFrame | None = None,
) -> None:
    """Give candidate and base these rows under a key, with a split of their own."""
    contract = scene.contract
    columns = {_KEY: Column(type="integer", role=Role.KEY, description="drill")}
    columns |= {
        name: column if column.role is not Role.KEY
        else column.model_copy(update={"role": Role.IGNORED})
        for name, column in contract.columns.items()
    }  # fmt: skip
    files = {ROWS_FILE: rows} | ({} if test is None else {TEST_FILE: test})
    place = 0
    for name, frame in files.items():
        keys = np.arange(place, place := place + len(frame))
        added: dict[str, Any] = {_KEY: keys}
        if group:
            # A group's rows are near in time, so that few are left out.
            order = np.argsort(np.argsort(frame[_TIME])) if _TIME in frame else keys
            added[_GROUP] = order // _EACH
        files[name] = frame.assign(**added)
    if group:
        columns[_GROUP] = Column(type="integer", role=Role.GROUP, description="drill")
    cuts: dict[str, Any] = {"hash": 1, "valid": 0.16, "test": 0.2}
    if _TIME in rows:
        columns[_TIME] = Column(
            type="timestamp", timezone="UTC", role=Role.IGNORED, description="drill"
        )
        cuts = {"time": _TIME} | {name: _day(days) for name, days in _CUTS.items()}
    made = Split(identity=(_KEY,), **split, **cuts)
    update = {"columns": columns, "split": made, "retention": None}
    write_contract(contract.model_copy(update=update), scene.root / CONTRACT_FILE)
    for name, frame in files.items():
        write_table(frame.reset_index(drop=True), scene.root / RAW / name)
    scene.edit_rows(lambda same: same)
    base = scene.own_base()
    shutil.copyfile(scene.root / CONTRACT_FILE, base.root / CONTRACT_FILE)
    scene.share_rows()
