"""Splits by group and by time: attacks a group in two splits, and a past that knows the future."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse import prepare as stage
from gatehouse.errors import GatehouseError
from gatehouse.ledger.ledger import deal_parts
from gatehouse.ledger.parts import raw_parts
from gatehouse.prepare import prepare
from gatehouse.split import deal, split_settings
from gatehouse.splits.rule import LEFT_OUT
from gatehouse.table import read_table, write_table
from tests.gatehouse.visits import BY_GROUP, BY_HASH, BY_TIME, contract, visits

TRAIN, VALID, TEST = range(3)


def dealt(rows: pd.DataFrame, split: str, *, group: bool = True) -> np.ndarray:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    return np.asarray(deal(table, contract(split, group=group)))


def days(*texts: str, **columns: Any) -> pd.DataFrame:
    return visits(len(texts), at=list(texts), **columns)


def test_a_group_is_in_one_split() -> None:
    """Attacks rows of one patient on both sides, and shares that are of rows and not of groups."""
    rows = visits(6_000, patients=2_000)
    found = dealt(rows, BY_GROUP)
    by_group = pd.Series(found).groupby(rows["patient"])
    assert (by_group.nunique() == 1).all()
    shares = by_group.first().value_counts(normalize=True)
    assert [shares[k] for k in (TRAIN, VALID, TEST)] == pytest.approx([0.64, 0.16, 0.2], abs=0.04)
    alone = dealt(rows.assign(visit=1, x=0.0, y="no"), BY_GROUP)
    assert alone.tolist() == found.tolist()


def test_train_is_before_valid_before_test() -> None:
    """Attacks a cut that is a day off, in UTC in place of the column's timezone, or has no gap."""
    rows = days(
        "2026-06-23 23:59", "2026-06-24 00:00", "2026-06-30T23:59:59+02:00", "2026-06-30T22:00:00Z",
        "2026-09-23", "2026-09-24", "2026-09-30 23:59", "2026-10-01", "2030-01-01", "",
    )  # fmt: skip
    wide = dealt(rows, BY_TIME, group=False).tolist()
    assert wide == [0, 0, 0, 1, 1, 1, 1, 2, 2, LEFT_OUT]
    gap = dealt(rows, f"{BY_TIME}, gap: 7", group=False).tolist()
    out = LEFT_OUT
    assert gap == [0, out, out, 1, 1, out, out, 2, 2, out]


def test_a_group_is_placed_by_its_first_row() -> None:
    """Attacks a patient whose later rows test what earlier rows taught."""
    rows = days(
        "2026-10-05", "2026-06-01", "2026-06-02", "2026-07-03", "2026-11-01", "2026-12-01",
        patient=["a", "a", "b", "c", "c", "d"],
    )  # fmt: skip
    out = LEFT_OUT
    assert dealt(rows, BY_TIME).tolist() == [out, 0, 0, 1, out, 2]
    many = visits(3_000, patients=900)
    found = dealt(many, BY_TIME)
    inside = found != LEFT_OUT
    assert (pd.Series(found[inside]).groupby(many["patient"][inside].array).nunique() == 1).all()
    times = many["at"].to_numpy()
    assert times[found == TRAIN].max() < times[found == VALID].min()
    assert times[found == VALID].max() < times[found == TEST].min()


@pytest.mark.parametrize("split", [BY_GROUP, BY_TIME], ids=["group", "time"])
def test_batches_and_order_move_no_row(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a group whose first row is in a later batch, and gates that split otherwise."""
    made, rows = contract(split), visits(900, patients=800)
    whole = dict(zip(rows["visit"], dealt(rows, split), strict=True))
    write_table(rows.sample(frac=1, random_state=1), tmp_path / "raw/rows.parquet")
    monkeypatch.setattr(stage, "_BATCH_ROWS", 64)
    (line,) = prepare(made, tmp_path / "raw", tmp_path / "prepared")
    for place, name in enumerate(("train", "valid", "test")):
        found = read_table(tmp_path / "prepared" / f"{name}.parquet")
        assert {visit for visit, split in whole.items() if split == place} == set(found["visit"])
        assert str(found["at"].dtype) == "datetime64[us, UTC]"
    out = sum(split == LEFT_OUT for split in whole.values())
    assert (f"{out:,} rows left out of all splits" in line) is (split == BY_TIME)
    table = deal_parts(tuple(raw_parts(tmp_path / "raw")), made, official_test=False)
    order = read_table(tmp_path / "raw/rows.parquet")["visit"]
    assert table.splits.tolist() == [whole[visit] for visit in order]


def test_an_official_test_leaves_its_days_out() -> None:
    """Attacks rows of the test's time that train, where the test rows are a file."""
    rows = days("2026-06-01", "2026-07-01", "2026-11-01")
    table = pa.Table.from_pandas(rows, preserve_index=False)
    found = deal(table, contract(BY_TIME, group=False), official_test=True)
    assert found.tolist() == [0, 1, LEFT_OUT]


def test_text_and_dictionaries_are_read_as_times() -> None:
    """Attacks rows of a base whose contract had the column as text."""
    rows = visits(50)
    found = dealt(rows, BY_TIME).tolist()
    table = pa.Table.from_pandas(rows, preserve_index=False)
    text = table["at"].cast("string")
    for column in (text, text.dictionary_encode()):
        other = table.set_column(2, "at", column)
        assert deal(other, contract(BY_TIME)).tolist() == found


def test_what_decides_is_in_the_settings() -> None:
    """Attacks another group column or timezone that deals all rows anew, unnoticed."""
    old = contract(BY_TIME)
    columns = dict(old.columns)
    columns["at"] = columns["at"].model_copy(update={"timezone": "UTC"})
    assert split_settings(old) != split_settings(old.model_copy(update={"columns": columns}))
    assert split_settings(old) != split_settings(contract(BY_TIME, group=False))
    grouped = contract(BY_HASH), contract(BY_HASH, group=False)
    assert split_settings(grouped[0]) == split_settings(grouped[1])


@pytest.mark.parametrize(
    ("split", "problem"),
    [
        (f"{BY_TIME}, test: 0.2", r"by: time has no key 'test'; take it out"),
        (f"{BY_HASH}, time: at", r"by: hash has no key 'time'"),
        (f"{BY_HASH}, gap: 1", r"by: hash has no key 'gap'"),
        ("by: time, time: at, valid_from: 2026-07-01", "by: time needs the key 'test_from'"),
        ("by: group, valid: 0.1, test: 0.1", "by: group needs the key 'hash'"),
        (BY_TIME.replace("2026-07-01", "2026-10-01"), "leave no days to valid; move test_from"),
        (BY_TIME.replace("2026-07-01", "7"), r"valid_from: write a date, such as 2026-01-31"),
        (BY_TIME.replace("time: at", "time: ta"), "time: there is no column 'ta'"),
        (BY_TIME.replace("time: at", "time: x"), "'x' has type: number; name one of type timest"),
    ],
)
def test_a_wrong_split_names_the_key_and_the_fix(split: str, problem: str) -> None:
    """Attacks keys without effect, and a split that nothing decides."""
    with pytest.raises(GatehouseError, match=rf"contract\.yaml:\d+: split.*{problem}"):
        contract(split)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("timezone: Europe/Berlin, ", "", "a timestamp column names its timezone"),
        ("Europe/Berlin", "Mars", "there is no timezone 'Mars'"),
        ("{type: string, role: group", "{type: number, role: group", "a group is an integer, cat"),
        ("role: group, d", "role: group, missing: 0.1, d", "'patient' decides .* set missing: fal"),
        ("x: {type: number", "x: {timezone: UTC, type: number", "only a timestamp column has a"),
    ],
)
def test_a_wrong_column_names_the_fix(old: str, new: str, problem: str) -> None:
    """Attacks a time whose zone is guessed, and rows that no group or time places."""
    from gatehouse.contract import parse_contract
    from tests.gatehouse.visits import CONTRACT

    text = CONTRACT.replace("SPLIT", BY_TIME).replace("GROUP", "group")
    assert old in text
    with pytest.raises(GatehouseError, match=problem):
        parse_contract(text.replace(old, new, 1), "contract.yaml")
