"""Lines of a log: a record, or broken, whatever stands beside it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.monitor import log_records
from gatehouse.monitor.log_files import find
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END, line, record, write_bytes

ROW = record()["row"]
GOOD_SHADOW = {"model": "sha256:b", "probability": 1.0, "decision": "yes"}
MARKS = b'{}[]",:0123456789.eE-+ntfx\\ \x00\xff'


def read(path: Path) -> tuple[pa.Table, list[bytes]]:
    (file,) = find(str(path))
    batches = list(log_records.read(file, logs.contract(), lambda _: None))
    tables = [batch.table for batch in batches]
    return pa.concat_tables(tables), [each for batch in batches for each in batch.broken]


def read_lines(path: Path, *given: bytes) -> tuple[pa.Table, list[bytes]]:
    return read(write_bytes(path / "log.jsonl", b"\n".join(given) + b"\n"))


def without(key: str) -> bytes:
    return json.dumps({name: value for name, value in record().items() if name != key}).encode()


BROKEN: dict[str, bytes] = {
    "torn": line()[:60],
    "its end": line()[60:],
    "two objects": line() + line(1),
    "two objects and a space": line() + b" " + line(1),
    "a rest": line() + b" x",
    "a comma": line() + b",",
    "no JSON": b"Traceback (most recent call last):",
    "only braces and text": b"{ time }",
    "null": b"null",
    "an array": b"[" + line() + b"]",
    "no UTF-8": line().replace(b"request", b"r\xe9quest"),
    "no UTF-8 in what is ignored": line()[:-1] + b', "more": "\xff"}',
    "half a character": line().replace(b"request-0", rb"\ud800"),
    "a byte order mark": b"\xef\xbb\xbf" + line(),
    "NaN": line(probability=float("nan")),
    "infinite": line(probability=float("inf")),
    "probability 2": line(probability=2),
    "probability below 0": line(probability=-1e-9),
    "probability as text": line(probability="0.5"),
    "probability as truth": line(probability=True),
    "no probability": line(probability=None),
    "text for a number": line(row=ROW | {"age": "30"}),
    "truth for a number": line(row=ROW | {"age": True}),
    "a number for text": line(row=ROW | {"job": 3}),
    "an array for a number": line(row=ROW | {"age": [30]}),
    "a row that is text": line(row="age=30"),
    "a row that is an array": line(row=[30, "nurse"]),
    "a row that is null": line(row=None),
    "an index with a point": line(index=1.5),
    "an index beyond 64 bits": line(index=2**70),
    "a request id that is a number": line(request_id=7),
    "a model that is a number": line(model=7),
    "a time that is none": line(time="yesterday"),
    "a time without a zone": line(time="2026-03-29T10:00:00"),
    "a day that is none": line(time="2026-02-30T10:00:00+00:00"),
    "a time that is a number": line(time=1774828800),
    "a key twice": line()[:-1] + b', "probability": 0.1}',
    "deep": line()[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 99_999 + b"}",
    "3 MB": line(more="x" * 3_000_000),
    "a shadow that is text": line(shadow="yes"),
    "a shadow without a model": line(shadow={"probability": 0.5, "decision": "no"}),
    "a shadow's probability 2": line(
        shadow={"model": "sha256:b", "probability": 2, "decision": "no"}
    ),
    **{f"no {key}": without(key) for key in record()},
}  # fmt: skip

GOOD: dict[str, bytes] = {
    "plain": line(),
    "spaces around it": b"  " + line() + b" \r",
    "more keys": line(more={"deep": [[[1]]]}, key="a pseudonym"),
    "deep in what is ignored": line()[:-1] + b', "x": ' + b"[" * 900 + b"]" * 900 + b"}",
    "an empty row": line(row={}),
    "a row with more": line(row=ROW | {"sex": "f", "more": [1]}),
    "other letters": line(request_id="Zoë 日本 \u202e \x7f"),
    "a NUL": line(request_id="a\0b"),
    "a whole number for a number": line(probability=0, row=ROW | {"age": 30}),
    "NaN in a row": line(row=ROW | {"age": float("nan")}),
    "a long number": line(row=ROW | {"age": 10**300}),
    "Z": line(time="2026-03-29T10:00:00Z"),
    "another zone": line(time="2026-03-29T12:00:00.000001+02:00"),
    "a shadow": line(shadow=GOOD_SHADOW),
    "no shadow": line(shadow=None),
    "keys in another order": json.dumps(dict(reversed(record().items()))).encode(),
    "almost 1 MB": line(more="x" * 1_000_000),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_is_kept_as_it_was(tmp_path: Path, kind: str) -> None:
    """Attacks each way to be broken: alone, and between good lines, which all are read."""
    table, broken = read_lines(tmp_path, BROKEN[kind])
    assert (table.num_rows, broken) == (0, [BROKEN[kind]])
    table, broken = read_lines(tmp_path, line(1), BROKEN[kind], line(2))
    assert table["request_id"].to_pylist() == ["request-1", "request-2"]
    assert broken == [BROKEN[kind]]


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_line_is_read(tmp_path: Path, kind: str) -> None:
    """Attacks a reader that is stricter beside broken lines than without them."""
    assert read_lines(tmp_path, GOOD[kind])[0].num_rows == 1
    table, broken = read_lines(tmp_path, b"no record", GOOD[kind], *BROKEN.values())
    assert (table.num_rows, len(broken)) == (1, 1 + len(BROKEN))


def test_all_kinds_at_once(tmp_path: Path) -> None:
    """Attacks counts that are exact for one kind and not for many, which can make up for another.

    An object over two lines and two objects on one are as many rows as lines.
    """
    first, second = line(7)[:70], line(7)[70:]
    given = [*BROKEN.values(), first, second, *GOOD.values(), line(8) + line(9)]
    table, broken = read_lines(tmp_path, *given)
    assert table.num_rows == len(GOOD)
    assert sorted(broken) == sorted([*BROKEN.values(), first, second, line(8) + line(9)])


def test_values_are_what_was_written(tmp_path: Path) -> None:
    """Attacks rows that moved against each other, zones, and numbers that lost digits."""
    table, _ = read_lines(
        tmp_path,
        line(1, time="2026-03-29T12:00:00.123456+02:00", probability=0.1, row={"job": "nurse"}),
        line(2, time="2026-03-29T10:00:00Z", index=3, row={"age": 2**53, "more": 1}),
    )
    assert table["time"].to_pylist() == [
        datetime(2026, 3, 29, 10, 0, 0, 123456, UTC),
        datetime(2026, 3, 29, 10, tzinfo=UTC),
    ]
    assert table["index"].to_pylist() == [0, 3]
    assert table["probability"].to_pylist() == [0.1, 0.25]
    assert table["row"].to_pylist() == [
        {"age": None, "job": "nurse"},
        {"age": 2.0**53, "job": None},
    ]


def test_blanks_of_erased_records_are_nothing(tmp_path: Path) -> None:
    """Attacks a look after an erasure that tells of broken lines."""
    blank = b" " * len(line())
    table, broken = read_lines(tmp_path, blank, line(), b"", b"\t\r", blank)
    assert (table.num_rows, broken) == (1, [])
    table, broken = read(write_bytes(tmp_path / "log.jsonl", blank + b"\n"))
    assert (table.num_rows, broken) == (0, [])


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_last_line_needs_no_end(tmp_path: Path, end: bytes) -> None:
    """Attacks the record that the service wrote last."""
    table, broken = read(write_bytes(tmp_path / "log.jsonl", line(1) + b"\r\n" + line(2) + end))
    assert (table.num_rows, broken) == (2, [])


def test_lines_over_the_edges_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a line that is cut where a block ends."""
    given = [line(number) for number in range(20)]
    for size in (1, 7, 100, len(given[0]), len(given[0]) + 1, 10_000):
        monkeypatch.setattr(log_records, "BLOCK", size)
        table, broken = read_lines(tmp_path, *given)
        assert table["request_id"].to_pylist() == [f"request-{n}" for n in range(20)]
        assert broken == []


def test_a_line_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks memory: bytes without a line end are not gathered without limit."""
    monkeypatch.setattr(log_records, "BLOCK", 1000)
    monkeypatch.setattr(log_records, "LONGEST", 2000)
    _, broken = read(write_bytes(tmp_path / "log.jsonl", b"x" * 100_000))
    assert sum(map(len, broken)) == 100_000
    assert max(map(len, broken)) <= 5000


@pytest.mark.parametrize(
    "time",
    [None, pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC"), pa.timestamp("ms", "+02:00")],
)
def test_parquet_is_a_log_too(tmp_path: Path, time: pa.DataType | None) -> None:
    """Attacks each way in which other tools write a moment."""
    given = [record(1, timedelta(seconds=1)), record(2, timedelta(seconds=2), row={"age": 1.0})]
    path = logs.parquet(tmp_path / "log.parquet", given, time)
    table, broken = read(path)
    assert broken == []
    assert table["time"].to_pylist() == [END - timedelta(seconds=1), END - timedelta(seconds=2)]
    assert table["row"].to_pylist() == [
        {"age": 31.0, "job": "cook"}, {"age": 1.0, "job": None},
    ]  # fmt: skip
    assert table.schema == read_lines(tmp_path, line())[0].schema


def test_broken_rows_of_parquet_are_kept_aside(tmp_path: Path) -> None:
    """Attacks one bad row that makes a whole file unreadable, and a moment beyond all dates."""
    bad: list[dict[str, Any]] = [
        record(1, probability=2.0), record(2, time="yesterday"), record(3, request_id=None),
        record(4, row=None),
    ]  # fmt: skip
    path = logs.parquet(tmp_path / "log.parquet", [record(0), *bad, record(5)])
    table, broken = read(path)
    assert table["request_id"].to_pylist() == ["request-0", "request-5"]
    assert [json.loads(each)["probability"] for each in broken] == [2.0, 0.25, 0.25, 0.25]
    assert [json.loads(each)["request_id"] for each in broken][1:] == [
        "request-2", None, "request-4",
    ]  # fmt: skip
    whole = pq.read_table(path).slice(0, 2)
    far = whole.set_column(
        whole.column_names.index("time"), "time", pa.array([2**62, -(2**62)], pa.timestamp("us"))
    )
    pq.write_table(far, path)
    table, broken = read(path)
    assert (table.num_rows, len(broken)) == (0, 2)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("probability", ["half"], "cannot be read as an inference log in Parquet"),
        ("request_id", None, "has no column request_id"),
        ("row", None, "has no column row"),
    ],
)
def test_parquet_that_is_no_log_is_an_error(
    tmp_path: Path, column: str, values: list[Any] | None, message: str
) -> None:
    """Attacks a traceback of Arrow."""
    path = logs.parquet(tmp_path / "log.parquet", [record()])
    table = pq.read_table(path).drop_columns([column])
    pq.write_table(table if values is None else table.append_column(column, [values]), path)
    with pytest.raises(GatehouseError, match=message):
        read(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", line() + b"\n", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_what_only_is_called_parquet_is_an_error(tmp_path: Path, content: bytes) -> None:
    """Attacks a traceback of Arrow."""
    with pytest.raises(GatehouseError, match=r"log\.parquet: cannot be read"):
        read(write_bytes(tmp_path / "log.parquet", content))


def test_a_line_is_judged_alike_whatever_stands_beside_it() -> None:
    """Attacks lines that only some of the ways to parse a block take for broken, at random."""
    draw = random.Random(0)
    wanted = log_records.schema(logs.contract())
    for _ in range(60):
        given = []
        for number in range(5):
            text = bytearray(line(number, shadow=GOOD_SHADOW if number == 3 else None))
            for _ in range(draw.choice([0, 0, 1, 2, 3])):
                place = draw.randrange(len(text))
                text[place : place + draw.randrange(2)] = bytes([draw.choice(MARKS)])
            given.append(bytes(text))
        alone = [log_records._parse([each], wanted) for each in given]
        together = log_records._parse(given, wanted)
        broken = [each for batch in alone for each in batch.broken]
        assert sorted(together.broken) == sorted(broken)
        assert together.table.num_rows + len(broken) == len(given)


def test_a_record_of_another_contract_is_told_from_a_broken_line(tmp_path: Path) -> None:
    """Attacks a change of a column's type: whose record it is, and when, is known all the same."""
    other, torn = line(row={"age": "thirty"}), line()[:60]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join([line(), other, torn]) + b"\n")
    told = pa.table({"row": [{"age": "thirty"}]})
    for name, value in json.loads(line()).items():
        told = told if name == "row" else told.append_column(name, pa.array([value]))
    pq.write_table(told, tmp_path / "log.parquet")
    for name, whole, broken in (("log.jsonl", 1, 2), ("log.parquet", 0, 1)):
        (file,) = find(str(tmp_path / name))
        (batch,) = log_records.read(file, logs.contract(), lambda _: None)
        assert (batch.table.num_rows, len(batch.broken)) == (whole, broken)
        assert batch.unfit["model"].to_pylist() == [json.loads(line())["model"]]
