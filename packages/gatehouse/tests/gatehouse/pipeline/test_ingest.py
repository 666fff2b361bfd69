"""The stage `ingest`: one table in the contract's types, whole or not at all."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Contract, load_contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.gates.data.measure import validate
from gatehouse.pipeline.ingest import ingest, main, typed
from gatehouse.pipeline.settings import DataSettings, load_settings
from gatehouse.pipeline.sources import BY_NAME
from gatehouse.pipeline.sources.adult import ADULT
from gatehouse.pipeline.sources.simulated import SIMULATED
from gatehouse.table import read_table
from tests.sample import SAMPLE

SMALL = parse_contract(
    """
version: 1
name: small
description: a row
split: {hash: 1, identity: [n, x, c], valid: 0.16, test: 0.2}
columns:
  n: {type: integer, description: n}
  x: {type: number, description: x}
  c: {type: category, categories: ["1", "2"], description: c}
  y: {type: category, categories: ["no", "yes"], role: target, positive: "yes", description: y}
""",
    "small.yaml",
)


@pytest.fixture
def contract() -> Contract:
    return load_contract(SAMPLE / "contract.yaml")


@pytest.fixture
def settings() -> DataSettings:
    data = load_settings(SAMPLE / "params.yaml").data
    return data.model_copy(
        update={"simulated": SIMULATED.options(data).model_copy(update={"rows": 300})}
    )


def test_simulated_rows_are_written_reproducibly(
    tmp_path: Path, settings: DataSettings, contract: Contract
) -> None:
    """Attacks files that differ between runs, and parts left beside them."""
    line = ingest(settings, contract, tmp_path / "a")
    ingest(settings, contract, tmp_path / "b")
    assert line == "ingest: 300 rows from 'simulated'"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["rows.parquet"]
    one, other = ((tmp_path / d / "rows.parquet").read_bytes() for d in ("a", "b"))
    assert one == other
    rows = read_table(tmp_path / "a" / "rows.parquet")
    assert list(rows.columns) == list(contract.columns)


def test_official_test_rows_come_and_go_with_their_source(
    tmp_path: Path,
    settings: DataSettings,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Attacks a test file of an earlier source that would become the next source's test split."""
    rows = pd.DataFrame({"age": [1, 2, 3]})
    source = replace(ADULT, read=lambda *_: (rows, rows.iloc[:1]))
    monkeypatch.setitem(BY_NAME, "adult", source)
    adult = settings.model_copy(update={"source": "adult"})
    assert "1 official test rows" in ingest(adult, contract, tmp_path)
    assert len(read_table(tmp_path / "test.parquet")) == 1
    ingest(settings, contract, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["rows.parquet"]


def test_a_failing_source_changes_nothing(
    tmp_path: Path,
    settings: DataSettings,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Attacks old rows lost, or new ones half written, when the source fails."""

    def fail(*_: object) -> tuple[pd.DataFrame, None]:
        raise GatehouseError("no rows today")

    ingest(settings, contract, tmp_path)
    before = (tmp_path / "rows.parquet").read_bytes()
    monkeypatch.setitem(BY_NAME, "simulated", replace(SIMULATED, read=fail))
    with pytest.raises(GatehouseError, match="no rows today"):
        ingest(settings, contract, tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"rows.parquet": before}


def test_columns_get_one_type_each() -> None:
    """Attacks types that depend on how a source happened to read its file."""
    frame = typed(
        pd.DataFrame(
            {
                "n": ["1", "2"],
                "x": [1, 2],
                "c": pd.Categorical(["1", None]),
                "y": ["no", "yes"],
                "extra": [True, False],
            }
        ),
        SMALL,
    )
    assert [str(t) for t in frame.dtypes] == ["int64", "float64", "str", "str", "bool"]
    assert frame["c"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2**60 + 1], "int64"),
        ([1.0, 2.0], "int64"),
        ([1, None], "float64"),
        (pd.array([1, None], "Int64"), "float64"),
        (pd.array([1, 2], "Int64"), "int64"),
        ([1.5, 2.0], "float64"),
        ([1.0, np.inf], "float64"),
        ([], "int64"),
    ],
)
def test_integers_are_whole_or_float(values: list[float], dtype: str) -> None:
    """Attacks lost digits, and integer columns whose type does not say what is missing."""
    frame = typed(pd.DataFrame({"n": values}), SMALL)
    assert str(frame["n"].dtype) == dtype
    assert frame["n"].isna().tolist() == pd.Series(values).isna().tolist()
    assert frame["n"].dropna().tolist() == pd.Series(values).dropna().tolist()


def test_values_that_break_the_contract_reach_the_data_gate() -> None:
    """Attacks a crash, or a silent repair, where the data gate should report."""
    frame = typed(pd.DataFrame({"n": ["1", "many"], "c": [7, 8]}), SMALL)
    assert list(frame["n"]) == ["1", "many"]
    assert list(frame["c"]) == ["7", "8"]


def test_command_tells_a_bad_setting_and_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks tracebacks for mistakes of the user."""
    monkeypatch.chdir(tmp_path)
    assert main() == 2
    (tmp_path / "params.yaml").write_text("data: {source: oracle}\n")
    assert main() == 2
    output = capsys.readouterr()
    assert "params.yaml:1: data.source" in output.err
    assert output.out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["params.yaml"]


def test_command_writes_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks the stage as DVC runs it: settings and contract of the current directory."""
    for name in ("params.yaml", "contract.yaml"):
        text = (SAMPLE / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("rows: 48842", "rows: 200"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main() == 0
    assert capsys.readouterr().out == "ingest: 200 rows from 'simulated'\n"
    assert len(read_table(Path("data/raw/rows.parquet"))) == 200


WHOLE = [
    ["18446744073709551615"],
    ["-1", "18446744073709551615"],
    ["99999999999999999999"],
    ["-99999999999999999999", "0"],
    ["9223372036854775808"],
    ["1e300"],
]


@pytest.mark.parametrize("texts", WHOLE, ids=" ".join)
@pytest.mark.parametrize("missing", [False, True])
def test_whole_numbers_beyond_int64_stay_as_they_are(texts: list[str], missing: bool) -> None:
    """Attacks numbers that become others in silence, and a traceback; the data gate names them."""
    values = pd.Series(["1", *texts, *([None] * missing)], dtype="str")
    rows = typed(pd.DataFrame({"n": values, "x": values}).assign(c="1", y="yes"), SMALL)
    assert rows["n"].dropna().tolist() == ["1", *texts]
    assert rows["x"].dropna().tolist() == pytest.approx([1, *map(float, texts)])
    _, results = validate(rows, SMALL)
    (told,) = [told for told in map(str, results) if told.startswith("n: ") and " hold " in told]
    assert [text for text in texts if len(text) > 2] == re.findall(r"[-\de]{3,}", told)


@pytest.mark.parametrize("values", [[1, 2**64 - 1], [0, 2**63]])
def test_unsigned_integers_keep_their_value(values: list[int]) -> None:
    """Attacks a cast that wraps: 2^64 - 1 became -1."""
    rows = typed(pd.DataFrame({"n": pd.Series(values, dtype="uint64")}), SMALL)
    assert rows["n"].tolist() == values


@pytest.mark.parametrize("values", [[2**63 - 1, -(2**63)], [0, 1]])
def test_what_int64_holds_is_int64(values: list[int]) -> None:
    """Attacks a float on the way, which holds 53 bits."""
    for series in (pd.Series(values), pd.Series(list(map(str, values)), dtype="str")):
        rows = typed(pd.DataFrame({"n": series}), SMALL)
        assert rows["n"].dtype == "int64"
        assert rows["n"].tolist() == values


def test_a_huge_float_is_no_integer() -> None:
    """Attacks 1e300 from Parquet in a column of integers, which no int64 holds."""
    rows = typed(pd.DataFrame({"n": [1.0, 1e300]}), SMALL)
    assert rows["n"].tolist() == [1.0, 1e300]
