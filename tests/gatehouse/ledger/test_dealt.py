"""Attacks prepared rows that are not the raw rows, dealt by the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.ledger.dealt import misdealt_rows
from gatehouse.prepare import prepare
from gatehouse.table import read_table, write_table
from tests.gatehouse.ledger.rows import contract, people

ROWS = 2_000


@pytest.fixture(params=[False, True], ids=["dealt", "official"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Raw rows and what `prepare` makes of them; once with an official test file."""
    write_table(people(ROWS), tmp_path / "raw/rows.parquet")
    if request.param:
        write_table(people(300, seed=1), tmp_path / "raw/test.parquet")
    prepare(contract(), tmp_path / "raw", tmp_path / "prepared")
    return tmp_path


def misdealt(folder: Path) -> int:
    return misdealt_rows(contract(), folder / "raw", folder / "prepared")[0]


def edit(folder: Path, split: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / f"prepared/{split}.parquet"
    write_table(change(read_table(path)), path)


def test_what_prepare_made_is_right_in_any_order_and_type(folder: Path) -> None:
    """Another writer, another order, other types of equal values."""
    assert misdealt(folder) == 0
    edit(folder, "train", lambda rows: rows.sample(frac=1, random_state=0).astype({"age": float}))
    edit(folder, "test", lambda rows: rows[rows.columns[::-1]].astype({"job": "category"}))
    assert misdealt(folder) == 0


def relabelled(rows: pd.DataFrame) -> pd.DataFrame:
    turned = rows["rich"].map({"yes": "no", "no": "yes"})
    return rows.assign(rich=rows["rich"].where(np.arange(len(rows)) >= 10, turned))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (relabelled, 20),  # ten that should be there, and ten that should not
        (lambda rows: rows.iloc[10:], 10),
        (lambda rows: pd.concat([rows.iloc[10:], rows.iloc[10:20]]), 20),
        (lambda rows: rows.assign(sex=rows["sex"].to_numpy()[::-1]), 100),
        (lambda rows: rows.assign(hint=rows["rich"]), 300),
        (lambda rows: rows.drop(columns="sex"), 300),
    ],
)
@pytest.mark.parametrize("split", ["valid", "test"])
def test_each_way_to_touch_a_split_is_counted(
    folder: Path, split: str, change: Callable[[pd.DataFrame], pd.DataFrame], wrong: int
) -> None:
    """Relabelled, left out, repeated in their place, shuffled, with a column more or less."""
    edit(folder, split, change)
    found = misdealt(folder)
    assert found == wrong if wrong < 100 else found > 100


def test_a_row_in_another_split_is_counted_twice(folder: Path) -> None:
    """A hard test row that trains instead: missing there, and too many here."""
    moved = read_table(folder / "prepared/test.parquet").iloc[:5]
    edit(folder, "test", lambda rows: rows.iloc[5:])
    edit(folder, "train", lambda rows: pd.concat([rows, moved]))
    assert misdealt(folder) == 10


@pytest.mark.parametrize("lost", ["raw/rows.parquet", "prepared/test.parquet"])
def test_what_can_not_be_told_is_an_error(folder: Path, lost: str) -> None:
    """A file that is missing or no Parquet is named."""
    (folder / lost).write_bytes(b"PAR1")
    with pytest.raises(GatehouseError, match=Path(lost).name):
        misdealt(folder)
