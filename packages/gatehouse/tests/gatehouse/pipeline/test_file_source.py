"""The source `file`: rows as the contract says, or an error that names file, column and fix."""

from __future__ import annotations

import csv
import decimal
import gzip
import hashlib
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.contract import Contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.file_source import load
from gatehouse.pipeline.ingest import ingest, typed
from gatehouse.pipeline.settings import load_settings
from gatehouse.pipeline.sources.file import FileSettings
from gatehouse.remote import shown
from gatehouse.table import read_table
from gatehouse.typed import validate
from tests.gatehouse.visits import contract as contract_of_visits
from tests.gatehouse.visits import visits
from tests.sample import SAMPLE

CSV = """\
id,n,x,c,note,y,extra
a1,1,0.5,red,"two
lines",no,1
a2,,1e3,NA,"NA, said she",yes,2
a3,-3,,none,,yes,3
"""


@pytest.fixture
def contract() -> Contract:
    return parse_contract(
        """
version: 1
name: small
description: a row
split: {hash: 1, identity: [id], valid: 0.16, test: 0.2}
columns:
  n: {type: integer, missing: true, description: n}
  x: {type: number, missing: true, description: x}
  c: {type: category, categories: [red, none, "1"], missing: true, description: c}
  note: {type: string, role: ignored, missing: true, description: free text}
  id: {type: string, role: key, description: who}
  y: {type: category, categories: ["no", "yes"], role: target, positive: "yes", description: y}
""",
        "small.yaml",
    )


def write(path: Path, content: str | bytes) -> FileSettings:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return FileSettings(path=path)


def assert_rows(rows: pd.DataFrame, contract: Contract) -> None:
    """The rows of CSV, typed as every source's rows are."""
    rows = typed(rows, contract)
    assert list(rows.columns) == list(contract.columns)
    assert [str(kind) for kind in rows.dtypes] == ["float64", "float64", "str", "str", "str", "str"]
    plain = [[None if pd.isna(value) else value for value in row] for row in rows.to_numpy()]
    assert plain == [
        [1, 0.5, "red", "two\nlines", "a1", "no"],
        [None, 1000, None, "NA, said she", "a2", "yes"],
        [-3, None, "none", None, "a3", "yes"],
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", CSV.encode()),
        ("ROWS.CSV", CSV.replace("\n", "\r\n").replace("two\r\n", "two\n").encode()),
        ("bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("rows.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("no last newline.csv", CSV.rstrip("\n").encode()),
    ],
)
def test_a_csv_gives_the_rows_that_the_contract_describes(
    tmp_path: Path,
    contract: Contract,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
) -> None:
    """Attacks guessed types, order and missing values; what is dropped in silence."""
    assert_rows(load(write(tmp_path / name, content), contract), contract)
    assert "dropped what contract.yaml does not name: extra" in capsys.readouterr().err


def test_a_parquet_gives_the_same_rows(tmp_path: Path, contract: Contract) -> None:
    """Attacks types of Parquet that pandas turns into something else: decimals, codes, ints."""
    table = pa.table(
        {
            "y": pa.array(["no", "yes", "yes"]).dictionary_encode(),
            "n": pa.array([1, None, -3], pa.int64()),
            "x": pa.array([decimal.Decimal("0.5"), 1000, None], pa.decimal128(10, 2)),
            "c": pa.array(["red", None, "none"]),
            "note": pa.array(["two\nlines", "NA, said she", ""], pa.large_string()),
            "id": pa.array([b"a1", b"a2", b"a3"], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    assert_rows(load(FileSettings(path=tmp_path / "rows.parquet"), contract), contract)


def test_whole_numbers_as_categories_keep_their_digits(tmp_path: Path, contract: Contract) -> None:
    """Attacks the category 1 that becomes 1.0 because another row's is missing."""
    table = pa.table({name: pa.array(["a"] * 2) for name in contract.columns})
    table = table.set_column(2, "c", pa.array([1, None], pa.int64()))
    table = table.set_column(0, "n", pa.array([2**60 + 1, 0], pa.int64()))
    table = table.set_column(1, "x", pa.array([None, None]))
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = typed(load(FileSettings(path=tmp_path / "rows.parquet"), contract), contract)
    assert rows["c"].tolist()[0] == "1"
    assert rows["n"].tolist() == [2**60 + 1, 0]
    assert rows["x"].isna().all()


def test_a_csv_and_a_parquet_give_the_same_moments(tmp_path: Path) -> None:
    """Attacks an hour that is lost between a file's zone and the contract's, and NA as text."""
    made = contract_of_visits(group=False)
    times = ["2026-01-31 12:00", "2026-07-31T12:00:00+05:00", "2026-07-31", "NA"]
    rows = visits(4).drop(columns="at")
    rows.assign(at=times).to_csv(tmp_path / "rows.csv", index=False)
    written = pd.to_datetime(
        ["2026-01-31 11:00", "2026-07-31 07:00", "2026-07-30 22:00", None], utc=True
    )
    berlin = written.tz_convert("Europe/Berlin")
    for name, values in {
        "tokyo": written.tz_convert("Asia/Tokyo"),
        "bare": berlin.tz_localize(None),
    }.items():
        rows.assign(at=values).to_parquet(tmp_path / f"{name}.parquet")
    for name in ("rows.csv", "tokyo.parquet", "bare.parquet"):
        found = typed(load(FileSettings(path=tmp_path / name), made), made)["at"]
        assert str(found.dtype) == "datetime64[us, UTC]"
        assert found[:3].tolist() == written[:3].tolist()
        assert found.isna().tolist() == [False, False, False, True]


def test_values_that_do_not_fit_are_left_to_the_data_gate(
    tmp_path: Path, contract: Contract
) -> None:
    """Attacks rows repaired or lost before the gate sees them."""
    csv = "id,n,x,c,note,y\n1,many,True,blue,,maybe\n2,2.5,inf,,None,no\n"
    rows = typed(load(write(tmp_path / "rows.csv", csv), contract), contract)
    assert rows["n"].tolist() == ["many", "2.5"]
    assert rows["x"].tolist() == ["True", "inf"]
    assert rows["c"].tolist()[0] == "blue"
    assert rows["note"].tolist()[1] == "None", "free text"
    assert rows["id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,n\n1,2\n", r"a\.csv: has no column x, c, note, y.*it has: id, n$"),
        (
            "a.csv",
            CSV.replace(",", ";"),
            r"separated by ';': write that into data\.file\.separator",
        ),
        ("a.csv", CSV.replace("extra", "n"), r"names the column 'n' twice"),
        ("a.csv", CSV.splitlines()[0] + "\n", r"a\.csv: has no rows"),
        ("a.csv", "", r"a\.csv: cannot be read as \.csv \(Empty CSV file"),
        ("a.csv", CSV + "a4,1\n", r"line 6 has 2 columns, the header 7"),
        (
            "a.csv",
            CSV.replace("red", "r\u00e9d").encode("latin-1"),
            r"a\.csv:2: is not UTF-8 \(byte 0xe9",
        ),
        ("a.csv", CSV.encode("utf-16"), r"a\.csv:1: is not UTF-8"),
        ("a.csv", (CSV + "a4,\u00e9").encode()[:-1], r"a\.csv:6: is not UTF-8"),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-20], r"a\.csv\.gz: cannot be unpacked"),
        ("a.parquet", CSV, r"a\.parquet: cannot be read as \.parquet"),
        ("a.parquet", "", r"a\.parquet: cannot be read as \.parquet"),
    ],
)
def test_a_broken_file_is_told_with_its_place(
    tmp_path: Path, contract: Contract, name: str, content: str | bytes, message: str
) -> None:
    """Attacks tracebacks, and errors that don't say which line or column."""
    with pytest.raises(GatehouseError, match=message):
        load(write(tmp_path / name, content), contract)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("n", pa.array([0], pa.timestamp("ns")), r"column n: holds timestamp\[ns\].*type: integer"),
        ("n", pa.array([[1]]), r"column n: holds list"),
        ("c", pa.array([[1]]), r"column c: holds list.*store text"),
        ("c", pa.array([b"\xff"]), r"column c: binary cannot be read .*UTF-8"),
    ],
)
def test_a_type_that_is_no_number_and_no_text_is_named(
    tmp_path: Path, contract: Contract, column: str, values: Any, message: str
) -> None:
    """Attacks times that become nanoseconds, and lists that become text."""
    table = pa.table({name: pa.array(["a"]) for name in contract.columns})
    table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(GatehouseError, match=message):
        load(FileSettings(path=tmp_path / "rows.parquet"), contract)


def test_the_pinned_bytes_are_demanded(tmp_path: Path, contract: Contract) -> None:
    """Attacks another file in the place of the one that was meant."""
    settings = write(tmp_path / "rows.csv", CSV)
    right = hashlib.sha256(CSV.encode()).hexdigest()
    load(settings.model_copy(update={"sha256": right}), contract)
    with pytest.raises(GatehouseError, match=f"has SHA-256 {right}, but data.file.sha256"):
        load(settings.model_copy(update={"sha256": "0" * 64}), contract)


GERMAN = 'id;n;x;c;note;y\na1;1;0,5;red;"Grüße; von\nGerd";no\na2;;1e3;;;yes\n'


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "utf-8-sig", "UTF-8"])
def test_separator_encoding_and_decimal_mark_are_settings(
    tmp_path: Path, contract: Contract, encoding: str
) -> None:
    """Attacks text of another encoding, and numbers that a comma makes text."""
    for separator in (";", "\t"):
        for name, pack in (("rows.csv", bytes), ("rows.csv.gz", gzip.compress)):
            content = GERMAN.replace(";", separator).encode(encoding)
            settings = write(tmp_path / name, pack(content)).model_copy(
                update={"separator": separator, "encoding": encoding, "decimal": ","}
            )
            rows = typed(load(settings, contract), contract)
            assert rows["x"].tolist() == [0.5, 1000]
            assert rows["note"].iloc[0] == f"Grüße{separator} von\nGerd"


def test_further_texts_that_mean_missing_are_a_setting(tmp_path: Path, contract: Contract) -> None:
    """Attacks question marks of UCI's tables; a key, free text or a listed category of that name.

    A Parquet file that was made of such a table holds the same texts.
    """
    csv = "id,n,x,c,note,y\n?,?, ?,?,?,no\n-,1,-,none,-,yes\n"
    settings = write(tmp_path / "rows.csv", csv).model_copy(update={"missing": ("?", " ?", "none")})
    frame = pd.read_csv(tmp_path / "rows.csv", dtype="str", keep_default_na=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    for path in (settings.path, tmp_path / "rows.parquet"):
        rows = typed(load(settings.model_copy(update={"path": path}), contract), contract)
        assert rows["n"].isna().tolist() == [True, False]
        assert rows["n"].tolist()[1] == 1
        assert [rows["x"].isna().tolist(), rows["x"].tolist()[1]] == [[True, False], "-"]
        assert [rows["c"].isna().tolist(), rows["c"].tolist()[1]] == [[True, False], "none"]
        assert [rows["id"].tolist(), rows["note"].tolist()] == [["?", "-"], ["?", "-"]]


def test_rows_without_a_target_are_dropped_where_the_settings_say_so(
    tmp_path: Path, contract: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a table that is labelled in part: rows lost in silence, or kept without a label."""
    csv = "id,n,x,c,note,y\na,1,,,,yes\nb,2,,,,\nc,,,,,no\nd,4,,,,NA\ne,5,,,,?\n"
    settings = write(tmp_path / "rows.csv", csv).model_copy(update={"missing": ("?",)})
    pd.read_csv(settings.path, dtype={"id": str, "c": str, "note": str}).to_parquet(
        tmp_path / "rows.parquet"
    )
    assert load(settings, contract)["y"].isna().tolist() == [False, True, False, True, True]
    capsys.readouterr()
    dropping = settings.model_copy(update={"unlabelled": "drop"})
    for path in (settings.path, tmp_path / "rows.parquet"):
        rows = typed(load(dropping.model_copy(update={"path": path}), contract), contract)
        assert [rows["id"].tolist(), rows["y"].tolist()] == [["a", "c"], ["yes", "no"]]
        assert rows.index.tolist() == [0, 1]
        told = "3 of 5 rows dropped: 'y' has no value (data.file.unlabelled: drop)"
        assert f"ingest: {path}: {told}" in capsys.readouterr().err
    load(write(tmp_path / "whole.csv", CSV).model_copy(update={"unlabelled": "drop"}), contract)
    assert "has no value" not in capsys.readouterr().err
    settings.path.write_text("id,n,x,c,note,y\nb,2,,,,\n")
    with pytest.raises(GatehouseError, match="no row has a value of the target 'y'"):
        load(dropping, contract)


def test_a_number_to_predict_that_is_missing_in_some_rows(tmp_path: Path) -> None:
    """Attacks whole numbers that pandas makes floats where some are missing."""
    text = """
version: 1
name: houses
description: a house
split: {hash: 1, identity: [x], valid: 0.16, test: 0.2}
columns:
  x: {type: number, description: x}
  price: {type: integer, role: target, description: what is predicted}
"""
    contract = parse_contract(text, "houses.yaml")
    pd.DataFrame({"x": [1.0, 2, 3], "price": [7, None, 9]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("x;price\n1;7\n2;\n3;9\n")
    for name in ("a.parquet", "a.csv"):
        settings = FileSettings(path=tmp_path / name, unlabelled="drop", separator=";", decimal=",")
        rows = typed(load(settings, contract), contract)
        assert [str(rows["price"].dtype), rows["price"].tolist()] == ["int64", [7, 9]]


@pytest.mark.parametrize(
    ("changed", "content", "message"),
    [
        ({"encoding": "cp1252"}, (CSV + "\u0081").encode("latin-1"), r"a\.csv:6: is not CP1252"),
        (
            {"encoding": "utf-16"},
            b"\xfe\xff" + "id\nĊ\n".encode("utf-16-be") + b"\xd8\x00\x00\n",
            r"a\.csv:3: is not UTF-16 \(byte 0xd8\); name its encoding in data\.file\.encoding",
        ),
        ({"separator": ";"}, CSV, r"separated by ',': write that into data\.file\.separator"),
        ({"decimal": ","}, CSV, r"column x: '0\.5' has a point, and data\.file\.decimal"),
    ],
)
def test_what_does_not_fit_these_settings_is_told(
    tmp_path: Path, contract: Contract, changed: dict[str, Any], content: str | bytes, message: str
) -> None:
    """Attacks thousands read as decimals, and errors that don't say which setting is wrong."""
    settings = write(tmp_path / "a.csv", content).model_copy(update=changed)
    with pytest.raises(GatehouseError, match=message):
        load(settings, contract)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("separator", ";;", "separator"),
        ("separator", '"', "separator"),
        ("separator", "\n", "separator"),
        ("encoding", "klingon", "Python knows no text encoding 'klingon'"),
        ("encoding", "hex", "Python knows no text encoding 'hex'"),
        ("decimal", ";", "decimal"),
        ("missing", [""], "missing"),
        ("missing", [-1], "missing"),
        ("unlabelled", "keep", "unlabelled"),
    ],
)
def test_settings_of_a_csv_that_cannot_work(key: str, value: str, message: str) -> None:
    """Attacks a codec of bytes to bytes, or a quote between columns, that fails in the library."""
    with pytest.raises(GatehouseError, match=message):
        validate(FileSettings, {key: value}, "params.yaml")


def test_a_missing_file_is_told(tmp_path: Path, contract: Contract) -> None:
    """Attacks a path that names nothing, or a folder."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(GatehouseError, match=r"no such file; data\.file\.path"):
            load(FileSettings(path=path / "x.csv"), contract)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A site that serves tmp_path/site."""
    (tmp_path / "site").mkdir()
    handler = lambda *args: _Handler(*args, directory=tmp_path / "site")  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # of fsspec's HTTP session
def test_a_url_is_read_and_nothing_is_kept(
    tmp_path: Path,
    contract: Contract,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Attacks leftovers of downloads, secrets of the URL on the screen, unwatched data untold."""
    data = load_settings(SAMPLE / "params.yaml").data
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site/rows.csv.gz").write_bytes(gzip.compress(CSV.encode(), mtime=0))
    url = f"{server}/rows.csv.gz?signature=hush"
    settings = data.model_copy(update={"source": "file", "file": FileSettings(url=url)})
    ingest(settings, contract, tmp_path / "raw")
    assert_rows(read_table(tmp_path / "raw/rows.parquet"), contract)
    (tmp_path / "site/rows.csv.gz").unlink()
    with pytest.raises(GatehouseError, match=r"rows\.csv\.gz: cannot be downloaded") as error:
        load(FileSettings(url=url), contract)
    output = capsys.readouterr().err + str(error.value)
    assert "is not watched for changes; data.file.sha256 pins it" in output
    assert "hush" not in output
    assert list((tmp_path / "data/cache").iterdir()) == []


def test_every_url_of_fsspec_is_read(
    tmp_path: Path, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a list of schemes of our own; and one that nobody knows is told."""
    import fsspec

    monkeypatch.chdir(tmp_path)
    with fsspec.open("memory://bucket/rows.csv", "wb") as stream:
        stream.write(CSV.encode())
    assert_rows(load(FileSettings(url="memory://bucket/rows.csv"), contract), contract)
    for url, message in (
        ("nowhere://bucket/rows.csv", "Protocol not known"),
        ("memory://bucket/none.csv", "cannot be downloaded"),
        ("adl://bucket/rows.csv", "package that is not installed"),
    ):
        with pytest.raises(GatehouseError, match=message):
            load(FileSettings(url=url), contract)


def test_secrets_of_a_url_are_not_shown() -> None:
    """Attacks passwords and signatures in messages, which end up in public logs."""
    word = "hush"
    assert shown(f"https://me:{word}@host:8/a.csv?sig=1#x") == "https://host:8/a.csv"
    assert shown("s3://bucket/a b.csv") == "s3://bucket/a b.csv"


def test_a_password_is_not_written_into_the_settings() -> None:
    """Attacks a URL of retraining whose password would be committed, and said in a message."""
    word = "hush"
    with pytest.raises(GatehouseError, match="url holds a password") as error:
        validate(FileSettings, {"url": f"https://me:{word}@host/rows.csv"}, "params.yaml")
    assert word not in str(error.value)


def test_ingest_takes_it_like_any_source(tmp_path: Path, contract: Contract) -> None:
    """Attacks a source that the stage does not know, or whose rows have other types."""
    data = load_settings(SAMPLE / "params.yaml").data
    file = write(tmp_path / "rows.csv", CSV)
    settings = data.model_copy(update={"source": "file", "file": file})
    assert ingest(settings, contract, tmp_path / "raw") == "ingest: 3 rows from 'file'"
    assert_rows(read_table(tmp_path / "raw/rows.parquet"), contract)


def test_blanks_behind_separators_change_no_row(tmp_path: Path, contract: Contract) -> None:
    """Attacks names that the contract does not know, and categories with a blank before them."""
    plain = load(write(tmp_path / "plain.csv", CSV), contract)
    quoted = [
        ['"' + cell.replace('"', '""') + '"' for cell in row]
        for row in csv.reader(io.StringIO(CSV))
    ]
    spaced = "\n".join(", ".join(row) for row in quoted)
    pd.testing.assert_frame_equal(load(write(tmp_path / "spaced.csv", spaced), contract), plain)
    head, rest = CSV.split("\n", 1)
    named = "\n".join([" , ".join(head.split(",")), rest])
    pd.testing.assert_frame_equal(load(write(tmp_path / "named.csv", named), contract), plain)


def test_types_of_parquet_are_read_as_init_read_them(tmp_path: Path, contract: Contract) -> None:
    """Attacks what init accepted and ingest refused: truths of a byte, UUIDs, views."""
    key = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16)))
    truth = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8()))
    table = pa.table({name: pa.array(["a"]) for name in contract.columns})
    for name, values in (("id", key), ("n", truth), ("c", pa.array(["a"], pa.string_view()))):
        table = table.set_column(table.column_names.index(name), name, values)
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = load(FileSettings(path=tmp_path / "rows.parquet"), contract)
    assert rows["id"].tolist() == ["00000000-0000-0000-0000-000000000000"]
    assert rows["n"].tolist() == [True]
    assert rows["c"].tolist() == ["a"]


def test_missing_integers_keep_their_digits(tmp_path: Path, contract: Contract) -> None:
    """Attacks a float, which pandas makes of integers where one is missing."""
    table = pa.table({name: pa.array(["a", "a"]) for name in contract.columns})
    values = pa.array([2**64 - 1, None], pa.uint64())
    table = table.set_column(table.column_names.index("n"), "n", values)
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = load(FileSettings(path=tmp_path / "rows.parquet"), contract)
    assert rows["n"].dropna().tolist() == ["18446744073709551615"]
