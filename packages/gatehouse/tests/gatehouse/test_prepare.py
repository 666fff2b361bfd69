"""The stage `prepare`: a row's split depends on the row alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse import prepare as module
from gatehouse.contract import Contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.prepare import prepare
from gatehouse.table import read_table, write_table
from tests.gatehouse.conftest import Command

SPLITS = ("train", "valid", "test")

_COLUMNS = """
version: 1
name: small
description: a row
split: {hash: 1, identity: [n, c], valid: 0.16, test: 0.2}
columns:
  n: {type: integer, description: n}
  c: {type: category, categories: [a, b], description: c}
  y: {type: category, categories: ["no", "yes"], role: target, positive: "yes", description: y}
"""
CONTENT = parse_contract(_COLUMNS, "content.yaml")
KEYED = parse_contract(
    _COLUMNS.replace("[n, c]", "[id]") + "  id: {type: string, role: key, description: id}\n",
    "key.yaml",
)


def _frame(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "n": random.integers(0, 10**6, rows),
            "c": pd.array(random.choice(["a", "b"], rows), dtype="str"),
            "y": pd.array(random.choice(["no", "yes"], rows), dtype="str"),
        }
    )


def _split(folder: Path, contract: Contract) -> dict[str, pd.DataFrame]:
    prepare(contract, folder / "raw", folder / "prepared")
    return {name: read_table(folder / "prepared" / f"{name}.parquet") for name in SPLITS}


def test_adding_rows_moves_no_old_row(tmp_path: Path) -> None:
    """Attacks splits that depend on the number of rows, their order or a column's type."""
    old = _frame(500)
    more = _frame(400, seed=1).assign(n=np.nan)
    write_table(old, tmp_path / "1/raw/rows.parquet")
    write_table(
        pd.concat([more, old], ignore_index=True).sample(frac=1, random_state=0),
        tmp_path / "2/raw/rows.parquet",
    )
    before, after = _split(tmp_path / "1", CONTENT), _split(tmp_path / "2", CONTENT)
    for name in SPLITS:
        assert set(before[name]["n"]) <= set(after[name]["n"].dropna())
        for other in set(SPLITS) - {name}:
            assert not set(before[name]["n"]) & set(after[other]["n"].dropna())


def test_duplicates_never_straddle_splits(tmp_path: Path) -> None:
    """Attacks the same row being trained on and tested on."""
    frame = pd.concat([_frame(300)] * 5, ignore_index=True).sample(frac=1, random_state=0)
    write_table(frame, tmp_path / "raw/rows.parquet")
    parts = _split(tmp_path, CONTENT)
    assert sum(map(len, parts.values())) == 1500
    assert sum(len(part.drop_duplicates()) for part in parts.values()) == 300


def test_shares_are_as_asked_even_for_counting_keys(tmp_path: Path) -> None:
    """Attacks a hash whose high bits follow the key, as weak hashes of 1, 2, 3 do."""
    frame = _frame(40_000).assign(n=np.arange(40_000), c="a", y="no")
    write_table(frame, tmp_path / "raw/rows.parquet")
    parts = _split(tmp_path, CONTENT)
    for name, share in {"train": 0.64, "valid": 0.16, "test": 0.2}.items():
        assert len(parts[name]) / 40_000 == pytest.approx(share, abs=0.01)
        assert (parts[name]["n"] < 20_000).mean() == pytest.approx(0.5, abs=0.025)


def test_rows_of_one_key_stay_together(tmp_path: Path) -> None:
    """Attacks a person whose rows are in two splits because their content differs."""
    frame = _frame(2_000).assign(id=[f"person {i % 400}" for i in range(2_000)])
    write_table(frame, tmp_path / "raw/rows.parquet")
    parts = _split(tmp_path, KEYED)
    assert sum(part["id"].nunique() for part in parts.values()) == 400


def test_order_and_bytes_are_stable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks output that differs between runs, and rows lost or mixed at batch seams."""
    frame = _frame(1_000)
    for folder in "12":
        write_table(frame, tmp_path / folder / "raw/rows.parquet")
        parts = _split(tmp_path / folder, CONTENT)
    for name in SPLITS:
        one, two = (tmp_path / f / "prepared" / f"{name}.parquet" for f in "12")
        assert one.read_bytes() == two.read_bytes()
        position = frame.reset_index().merge(parts[name], on=list(frame.columns))["index"]
        assert position.is_monotonic_increasing
    monkeypatch.setattr(module, "_BATCH_ROWS", 7)
    batched = _split(tmp_path / "1", CONTENT)
    for name in SPLITS:
        pd.testing.assert_frame_equal(batched[name], parts[name])


def test_official_test_rows_are_the_test_split(tmp_path: Path) -> None:
    """Attacks training on test rows, and a test split that is not the published one."""
    frame, test = _frame(1_000), _frame(200, seed=1)
    leaked = test.iloc[:3]
    write_table(pd.concat([frame, leaked, leaked]), tmp_path / "raw/rows.parquet")
    write_table(test, tmp_path / "raw/test.parquet")
    lines = prepare(CONTENT, tmp_path / "raw", tmp_path / "prepared")
    assert lines[0] == "prepare: 6 rows dropped that equal a row of the official test"
    parts = {name: read_table(tmp_path / "prepared" / f"{name}.parquet") for name in SPLITS}
    pd.testing.assert_frame_equal(parts["test"], test)
    assert len(parts["train"]) + len(parts["valid"]) == 1_000
    assert len(parts["valid"]) / 1_000 == pytest.approx(0.16 / 0.8, abs=0.04)


def test_an_empty_split_is_an_error_that_changes_nothing(tmp_path: Path) -> None:
    """Attacks a model judged on no rows, and a half-written set of splits."""
    write_table(_frame(500), tmp_path / "raw/rows.parquet")
    _split(tmp_path, CONTENT)
    before = {p: p.read_bytes() for p in (tmp_path / "prepared").iterdir()}
    write_table(_frame(500).iloc[:1], tmp_path / "raw/rows.parquet")
    with pytest.raises(GatehouseError, match="no row falls into the"):
        _split(tmp_path, CONTENT)
    assert {p: p.read_bytes() for p in (tmp_path / "prepared").iterdir()} == before


def test_official_test_rows_of_a_key_are_nowhere_else(tmp_path: Path) -> None:
    """Attacks a person in train whose other rows are in the official test."""
    frame = _frame(1_000).assign(id=[f"person {i}" for i in range(1_000)])
    test = _frame(200, seed=1).assign(id=[f"person {i}" for i in range(200)])
    write_table(frame, tmp_path / "raw/rows.parquet")
    write_table(test, tmp_path / "raw/test.parquet")
    parts = _split(tmp_path, KEYED)
    assert len(parts["train"]) + len(parts["valid"]) == 800
    assert not set(test["id"]) & {*parts["train"]["id"], *parts["valid"]["id"]}


def test_a_row_alike_in_what_the_model_sees_repeats_no_official_one(tmp_path: Path) -> None:
    """Attacks a table of few inputs, of which nothing would be left to train on."""
    frame = _frame(1_000)
    write_table(frame, tmp_path / "raw/rows.parquet")
    other = frame.assign(y=frame["y"].map({"yes": "no", "no": "yes"}).astype("str"))
    write_table(other, tmp_path / "raw/test.parquet")
    parts = _split(tmp_path, CONTENT)
    assert len(parts["train"]) + len(parts["valid"]) == 1_000


@pytest.mark.parametrize("file", ["rows", "test"])
@pytest.mark.parametrize(("contract", "column"), [(CONTENT, "c"), (KEYED, "id")])
def test_a_lost_identity_column_is_an_error(
    tmp_path: Path, file: str, contract: Contract, column: str
) -> None:
    """Attacks rows that move because a column that identifies them is gone, unnoticed."""
    frame = _frame(500).assign(id="one")
    for name in ("rows", "test"):
        rows = frame.drop(columns=column) if name == file else frame
        write_table(rows, tmp_path / f"raw/{name}.parquet")
    with pytest.raises(GatehouseError) as caught:
        _split(tmp_path, contract)
    told = str(caught.value)
    assert told.startswith(f"{tmp_path}/raw/{file}.parquet: ")
    assert f"column {column} " in told
    assert "take it out of split in contract.yaml" in told
    assert not (tmp_path / "prepared").exists()


@pytest.mark.parametrize(
    "values",
    [
        pa.nulls(300),
        pa.array([str(i) for i in range(299)] + [None]),
        pa.array([i % 2 == 0 for i in range(300)]),
        pa.array(range(300), pa.timestamp("s")),
        pa.array([[i] for i in range(300)]),
        pa.array([f"c{i}" for i in range(300)]).dictionary_encode(),
        pa.array(range(2**63, 2**63 + 300), pa.uint64()),
    ],
    ids=["null", "text", "bool", "time", "list", "dictionary", "uint64"],
)
def test_values_of_any_type_are_split(tmp_path: Path, values: pa.Array) -> None:
    """Attacks a crash on data that breaks the contract: the data gate reports that."""
    table = pa.Table.from_pandas(_frame(300)).append_column("extra", values).drop_columns("c")
    (tmp_path / "raw").mkdir()
    pq.write_table(table.rename_columns(["n", "y", "c"]), tmp_path / "raw/rows.parquet")
    assert sum(map(len, _split(tmp_path, CONTENT).values())) == 300


def test_missing_and_damaged_files_are_told(tmp_path: Path, gatehouse: Command) -> None:
    """Attacks tracebacks for files that are not there or not Parquet."""
    with pytest.raises(GatehouseError, match=r"rows\.parquet: there is no such file"):
        _split(tmp_path, CONTENT)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/rows.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(GatehouseError, match="cannot be read as Parquet"):
        _split(tmp_path, CONTENT)
    assert not (tmp_path / "prepared").exists()
    result = gatehouse("prepare", cwd=tmp_path)
    assert result.exit_code == 2
    assert result.output.startswith("error: contract.yaml: there is no such file")


def test_rows_cut_short_are_an_error_that_changes_nothing(tmp_path: Path) -> None:
    """Attacks a traceback, and half of the rows, where the file is damaged beyond its footer."""
    path = tmp_path / "raw/rows.parquet"
    write_table(_frame(5_000), path)
    content = bytearray(path.read_bytes())
    content[4:2_000] = bytes(1_996)
    path.write_bytes(content)
    with pytest.raises(GatehouseError, match="cannot be read as Parquet"):
        _split(tmp_path, CONTENT)
    assert list((tmp_path / "prepared").iterdir()) == []
