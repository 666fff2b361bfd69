"""The pass over a log: what is counted, and into which window and model it goes."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.monitor import log_records, scan
from gatehouse.monitor.scan import Scan, Span, keep_aside
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END, MODEL, PACKERS, few, line, write_bytes

OTHER = "sha256:" + "b" * 64
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def write(path: Path, *given: bytes) -> Path:
    return write_bytes(path, b"".join(each + b"\n" for each in given))


def look(path: Path | str, span: Span | None = None, size: int = 1000) -> Scan:
    return scan.scan(str(path), logs.contract(), span or logs.span(), size)


def told(found: Scan) -> dict[str, Any]:
    """All that the order of files must not change."""
    return {
        "windows": {
            key: (sample.seen, sample.rows, sample.hashes.tolist(), sample.table.to_pylist())
            for key, sample in sorted(found.windows.items())
        },
        "counts": (found.read, found.broken, found.outside, found.newest, found.model()),
    }


def test_windows_end_where_the_next_begins(tmp_path: Path) -> None:
    """Attacks a record that is in two windows, in none, or in one's neighbour by a rounding."""
    span = Span(END + TICK, DAY, 3)
    ends = [timedelta(0), TICK, DAY, DAY + TICK, 3 * DAY - TICK, 3 * DAY]
    given = [line(n, before=before - TICK) for n, before in enumerate(ends)]
    found = look(write(tmp_path / "log.jsonl", *given), span)
    assert found.outside == 1  # the end itself is after the window
    windows = [sorted(found.of(n, MODEL).table["request_id"].to_pylist()) for n in range(3)]
    assert windows == [["request-1", "request-2"], ["request-3"], ["request-4", "request-5"]]
    assert [span.end(n) - span.start(n) for n in range(3)] == [DAY] * 3


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_files_and_lines_does_not_count(tmp_path: Path, seed: int) -> None:
    """Attacks a result that depends on how a log was cut, packed, mixed and named."""
    given = [line(n, before=n * timedelta(hours=3)) for n in range(1, 300)]
    given += [line(n, before=n * timedelta(hours=5), model=OTHER) for n in range(300, 400)]
    given += [b"torn", b"{}"]
    whole = told(look(write(tmp_path / "whole.jsonl", *given), size=20))
    random.Random(seed).shuffle(given)
    folder = tmp_path / "parts"
    write(folder / "x.jsonl", *given[:100])
    write(folder / "deep/a.ndjson.7", *given[100:150])
    write_bytes(folder / "0.jsonl.gz", PACKERS["gz"](b"\n".join(given[150:300])))
    write_bytes(folder / "x.jsonl.1.xz", PACKERS["xz"](b"\n".join(given[300:])))
    assert told(look(folder, size=20)) == whole


@pytest.mark.parametrize(("copied", "repeated"), [(100, 100), (50, 50)])
def test_a_file_that_is_there_twice_counts_once(tmp_path: Path, copied: int, repeated: int) -> None:
    """Attacks traffic counted twice, whole or in half, where a log is rotated while it is read."""
    given = [line(n, before=n * timedelta(hours=1)) for n in range(1, 101)]
    once = look(write(tmp_path / "log.jsonl", *given))
    write(tmp_path / "log.jsonl.1", *given[:copied])
    twice = look(tmp_path)
    assert twice.of(0, MODEL).hashes.tolist() == once.of(0, MODEL).hashes.tolist()
    assert twice.of(0, MODEL).rows == once.of(0, MODEL).rows == 100
    assert twice.of(0, MODEL).seen - twice.of(0, MODEL).rows == repeated


def test_rows_of_one_request_are_not_copies(tmp_path: Path) -> None:
    """Attacks a batch of rows, equal in all but their number, taken for one."""
    given = [line(0, index=n) for n in range(50)]
    assert look(write(tmp_path / "log.jsonl", *given)).of(0, MODEL).rows == 50


def test_late_records_go_into_their_own_window(tmp_path: Path) -> None:
    """Attacks records that come late, and a clock that was ahead: what follows it is not late."""
    hours = [30, 29, 3, 28, 2, 50, 1]
    ahead = line(99, before=timedelta(days=-400))
    old = line(98, before=timedelta(days=400))
    given = [line(n, before=timedelta(hours=each)) for n, each in enumerate(hours)]
    found = look(
        write(tmp_path / "log.jsonl", ahead, *given[:3], old, *given[3:]), Span(END, DAY, 3)
    )
    assert (found.late, found.outside) == (2, 2)
    assert [found.of(n, MODEL).rows for n in range(3)] == [3, 3, 1]
    # Each file has its own order.
    write(tmp_path / "log.jsonl", *given[:3])
    write(tmp_path / "log.jsonl.1", *given[3:4])
    assert look(tmp_path, Span(END, DAY, 3)).late == 0


def test_a_model_that_changes_within_a_window(tmp_path: Path) -> None:
    """Attacks answers of two models judged as one, and the old one judged in place of the new."""
    old = [line(n, before=timedelta(days=1, hours=n)) for n in range(100)]
    new = [line(n, before=timedelta(minutes=n), model=OTHER) for n in range(1, 30)]
    found = look(write(tmp_path / "log.jsonl", *old, *new))
    assert found.model() == OTHER
    assert (found.of(0, OTHER).rows, found.of(0, MODEL).rows) == (29, 100)
    assert (found.others(OTHER), found.others(MODEL)) == (100, 29)
    assert set(found.of(0, OTHER).table["model"].to_pylist()) == {OTHER}


def test_as_many_records_of_two_models(tmp_path: Path) -> None:
    """Attacks a model that is chosen by who was read first."""
    given = [line(n, model=model) for n, model in enumerate([MODEL, OTHER] * 10)]
    assert look(write(tmp_path / "a.jsonl", *given)).model() == OTHER
    assert look(write(tmp_path / "b.jsonl", *given[::-1])).model() == OTHER


def test_a_log_of_too_many_models_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks memory: each model has a sample of each window."""
    monkeypatch.setattr(scan, "_MODELS", 20)
    given = [line(n, model=f"model {n}") for n in range(21)]
    with pytest.raises(GatehouseError, match=r"more than 20 models .* is it of one service\?"):
        look(write(tmp_path / "log.jsonl", *given))
    assert len(look(write(tmp_path / "log.jsonl", *given[:20])).windows) == 20


@pytest.mark.parametrize("content", [b"", b"\n\n   \n"])
def test_a_log_without_records_has_no_model(tmp_path: Path, content: bytes) -> None:
    """Attacks a pass where the service logs nothing."""
    found = look(write_bytes(tmp_path / "log.jsonl", content))
    with pytest.raises(GatehouseError, match=r"has no record from 2026-02-02 .* UTC\. Is the"):
        found.model()


def test_records_of_other_times_tell_when(tmp_path: Path) -> None:
    """Attacks an error that leaves the user without the next step."""
    found = look(write(tmp_path / "log.jsonl", line(before=timedelta(days=100))))
    assert (found.read, found.outside, found.windows) == (1, 1, {})
    with pytest.raises(GatehouseError, match="the newest is of 2025-12-20 00:00"):
        found.model()


@pytest.mark.parametrize(
    "content",
    [
        b"time,request_id\n2026,1\n",
        b"{}\n",
        b'{"version": 1}',
        PACKERS["gz"](few()),
        bytes(range(256)) * 20,
        b"<html>" * 100,
        "\ufeff{}".encode("utf-16"),
    ],
)
def test_what_is_no_log_is_an_error(tmp_path: Path, content: bytes) -> None:
    """Attacks a pass, or a count of broken lines only, where the wrong file was named."""
    with pytest.raises(GatehouseError, match=r"log\.jsonl: none of its first .* is a record"):
        look(write_bytes(tmp_path / "log.jsonl", content))


def test_a_large_file_that_is_no_log_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks minutes, and memory, spent on a disk image or another service's log."""
    monkeypatch.setattr(log_records, "BLOCK", 1000)
    monkeypatch.setattr(scan, "_GIVEN_UP", 100)
    path = write_bytes(tmp_path / "log.jsonl", b'{"level": "info"}\n' * 10_000)
    with pytest.raises(GatehouseError, match=r"none of its first 1\d\d lines"):
        look(path)
    monkeypatch.setattr(log_records, "LONGEST", 100)
    write_bytes(path, b"\0" * 1_000_000)
    with pytest.raises(GatehouseError, match=r"none of its first \d lines"):
        look(path)


def test_a_large_file_that_is_no_log_is_told_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a folder that is read or refused by the names of its files."""
    monkeypatch.setattr(scan, "_GIVEN_UP", 100)
    write(tmp_path / "m.jsonl", line())
    for name in ("a.json", "z.json"):
        write_bytes(tmp_path / name, b'{"level": "info"}\n' * 200)
        with pytest.raises(GatehouseError, match=rf"{name}: none of its first 200 lines"):
            look(tmp_path)
        write_bytes(tmp_path / name, b'{"level": "info"}\n' * 50)
        assert look(tmp_path).broken == 50
        (tmp_path / name).unlink()


def test_broken_lines_are_counted_and_a_thousand_kept(tmp_path: Path) -> None:
    """Attacks memory and disk, by a log of nearly nothing else."""
    found = look(write(tmp_path / "log.jsonl", line(), *[b"broken %d" % n for n in range(5000)]))
    assert (found.broken, found.read) == (5000, 1)
    assert found.aside == [b"broken %d" % n for n in range(1000)]


def test_long_broken_lines_are_counted_and_few_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks memory, by a thousand lines of megabytes."""
    monkeypatch.setattr(scan, "_BYTES_ASIDE", 1000)
    given = [b"x" * 600, b"y" * 600, b"z" * 400, b"short"]
    found = look(write(tmp_path / "log.jsonl", line(), *given))
    assert found.broken == 4
    assert found.aside == [given[0], given[2]]


def test_what_is_kept_aside_is_as_it_was(tmp_path: Path) -> None:
    """Attacks bytes that a text would change, and lines of an earlier look."""
    path = tmp_path / "deep/broken.jsonl"
    keep_aside([b"first"], path)
    keep_aside([b"\xff\x00 {", b"  two\r"], path)
    assert path.read_bytes() == b"\xff\x00 {\n  two\r\n"
    keep_aside([], path)
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("until", "window", "windows"),
    [
        (END.replace(year=1), DAY, 100),
        (END, timedelta(weeks=999_999), 8),
        (END, 300 * 365 * DAY, 8),
    ],
)
def test_windows_before_all_dates_are_an_error(until: Any, window: timedelta, windows: int) -> None:
    """Attacks an overflow that only shows when a message is made."""
    with pytest.raises(GatehouseError, match="begin before any date"):
        Span(until, window, windows)


def test_a_contract_that_logs_no_column(tmp_path: Path) -> None:
    """Attacks a table without columns, whose rows no reader counts."""
    contract = logs.contract()
    columns = {
        name: column.model_copy(update={"logged": False})
        for name, column in contract.columns.items()
    }
    bare = contract.model_copy(update={"columns": columns})
    path = write(tmp_path / "log.jsonl", line(1, row={}), line(2, row={}), b"broken")
    found = scan.scan(str(path), bare, logs.span(), 10)
    assert (found.read, found.broken, found.of(0, MODEL).rows) == (2, 1, 2)
    table = logs.parquet(tmp_path / "log.parquet", [logs.record(1), logs.record(2)])
    found = scan.scan(str(table), bare, logs.span(), 10)
    assert (found.read, found.of(0, MODEL).rows) == (2, 2)
