"""Attacks erasure: rows that stay, rows of others that go, and a service that writes meanwhile."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import hmac
import json
import lzma
import os
import pty
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from threading import Event, Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from gatehouse.cli import main
from gatehouse.monitor.log_files import File, find
from gatehouse.monitor.record import BROKEN
from gatehouse.privacy import forget as module
from gatehouse.privacy import rewrite
from gatehouse.privacy.forget import Found, forget
from gatehouse.privacy.pseudonym import pseudonym
from gatehouse.privacy.wanted import Wanted, moment
from gatehouse.serving.rotating_lines import RotatingLines

SECRET = b"made-up secret of thirty-two and more bytes"  # pragma: allowlist secret
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANN, BEN = (pseudonym(SECRET, name) for name in ("ann", "ben"))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.decompress,
    "bz2": bz2.decompress,
    "xz": lzma.decompress,
}

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No work of anybody's is near, and no line of a test is still being written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rewrite, "_SETTLES", 0.0)
    Path("secret").write_bytes(SECRET + b"\n")


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["forget", "--log", "log", *words], input=given)


def record(number: int, key: str | None = None, days: float = 0) -> dict[str, Any]:
    moment = (NOW - timedelta(days=days)).isoformat()
    own = {"time": moment, "request_id": f"r{number}", "index": 0, "model": "sha256:1"}
    told = {} if key is None else {"key": key}
    return (
        own | {"probability": 0.5, "decision": "yes"} | told | {"row": {"job": f"Köchin {number}"}}
    )


def text(records: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records).encode()


def write(name: str, content: bytes) -> Path:
    path = Path("log") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def kept(content: bytes) -> list[str]:
    """Request ids of what can be read."""
    return [json.loads(line)["request_id"] for line in content.splitlines() if line.strip()]


def erase(wanted: Wanted, *, dry: bool = False) -> Found:
    return forget("log", wanted, dry=dry, advance=lambda size: None)


def test_the_pseudonym_is_the_keyed_hash() -> None:
    """As the log's format says: 32 digits of HMAC-SHA-256."""
    assert hmac.new(SECRET, b"ann", hashlib.sha256).hexdigest()[:32] == ANN
    assert pseudonym(b"x" * 32, "ann") != ANN


def test_a_person_s_rows_go_and_all_others_stay_where_they_are() -> None:
    """To the byte: spaces stand in the place of what is gone."""
    records = [record(1, ANN), record(2, BEN), record(3), record(4, ANN)]
    path = write("predictions.jsonl", text(records))
    before, inode = path.read_bytes(), path.stat().st_ino
    result = run("--key", "-", "--secret-file", "secret", "--yes", given="ann\n")
    assert (result.exit_code, result.output) == (
        0,
        "log/predictions.jsonl: 2 rows\n2 rows in 1 of 1 files erased\n".replace(
            "log/", f"{Path('log').absolute()}/"
        ),
    )
    after = path.read_bytes()
    assert len(after) == len(before)
    assert path.stat().st_ino == inode
    lines = zip(before.splitlines(), after.splitlines(), strict=True)
    assert [old == new for old, new in lines] == [False, True, True, False]
    assert after.splitlines()[0].strip() == b""
    again = run("--key", "ann", "--secret-file", "secret", "--yes")
    assert (again.exit_code, again.output) == (0, "nothing matched in 1 files\n")


def test_nothing_that_was_typed_is_told() -> None:
    """Neither key nor pseudonym, where they are found, where they are not, and in errors."""
    write("predictions.jsonl", text([record(1, ANN)]))
    write("predictions.jsonl.1.gz", b"no gzip")
    for words in (
        ("--key", "ann-marie"),
        ("--key", "ann"),
        ("--key", "ann", "--request-id", "r-of-ann"),
    ):
        result = run(*words, "--secret-file", "secret", "--yes")
        assert not [word for word in ("ann", ANN) if word in result.output]


@pytest.mark.parametrize("packing", ["", *PACKERS])
def test_rows_are_found_by_request_and_by_age(packing: str) -> None:
    """In plain and packed files; what any option names goes."""
    content = text([record(1), record(2, days=100), record(10), record(3, days=80)])
    name = "predictions.jsonl.1" + ("" if not packing else f".{packing}")
    path = write(name, PACKERS[packing](content) if packing else content)
    path.chmod(0o640)
    found = erase(Wanted(request_ids=frozenset({"r1"}), before=NOW - timedelta(days=90)))
    assert list(found.rows.values()) == [2]
    left = UNPACKERS[packing](path.read_bytes()) if packing else path.read_bytes()
    assert kept(left) == ["r10", "r3"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in Path("log").iterdir()] == [name]


def test_a_dry_run_changes_nothing() -> None:
    """It counts what the real one erases."""
    paths = [
        write("predictions.jsonl", text([record(1, ANN)])),
        write("predictions.jsonl.1.gz", gzip.compress(text([record(2, ANN), record(3)]))),
    ]
    before = [(path.read_bytes(), path.stat().st_ino) for path in paths]
    result = run("--key", "ann", "--secret-file", "secret", "--dry-run")
    assert result.output.endswith("2 rows in 2 of 2 files would be erased\n")
    assert [(path.read_bytes(), path.stat().st_ino) for path in paths] == before


@pytest.mark.parametrize("as_moment", [True, False])
def test_parquet_copies_are_written_anew(as_moment: bool) -> None:
    """Times as text or as moments; schema, codec and the other rows stay."""
    records = [record(1, ANN), record(2, BEN), record(3), record(4, days=100)]
    table = pa.Table.from_pylist([each | {"key": each.get("key")} for each in records])
    if as_moment:
        moments = pa.array(map(moment, table["time"].to_pylist()), pa.timestamp("us", "UTC"))
        table = table.set_column(0, "time", moments)
    path = write("2026-11-21.parquet", b"")
    pq.write_table(table, path, compression="zstd")
    found = erase(Wanted(pseudonyms=frozenset({ANN}), before=NOW - timedelta(days=90)))
    assert list(found.rows.values()) == [2]
    left = pq.read_table(path)
    assert left.schema.equals(table.schema)
    assert left.equals(table.take([1, 2]))
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert erase(Wanted(pseudonyms=frozenset({ANN}))).rows == {}


def test_broken_lines_go_by_their_text() -> None:
    """Cut short, run together, no JSON; but not those of a request whose name is longer."""
    lines = [
        text([record(1, ANN)])[:-20],
        b'{"cut": {"time": "x' + text([record(2)]).strip(),
        b'{"request_id": "r22", "row',
        b'{"request_id": 5, "key": "%b"}' % ANN.encode(),
        b'["%b"]' % ANN.encode(),
        b"\xff\xfe r2 \x00",
        b'{"time": "2026-01-01", "request_id": "other", "row": {"text": "r2"}}',
        b"",
    ]
    path = write("predictions.jsonl", b"\n".join(lines))
    wanted = Wanted(pseudonyms=frozenset({ANN}), request_ids=frozenset({"r2"}))
    assert list(erase(wanted).rows.values()) == [5]
    left = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    assert left == [lines[2], lines[6]]


def test_broken_lines_are_as_old_as_they_say_or_as_the_line_before() -> None:
    """One that tells nothing, with none before it, stays, and that is told."""
    old, new = record(1, days=100), record(2)
    cut = {"old": text([old])[:70], "new": text([new])[:70]}
    lines = [b"?", cut["old"], b"!", text([new]).strip(), cut["old"], cut["new"], b"#"]
    path = write("predictions.jsonl", b"\n".join(lines) + b"\n")
    found = erase(Wanted(before=NOW - timedelta(days=90)))
    assert (list(found.rows.values()), found.undated) == ([3], 1)
    left = [line for line in path.read_bytes().splitlines() if line.strip()]
    assert left == [b"?", text([new]).strip(), cut["new"], b"#"]


def test_what_the_monitor_kept_aside_is_erased_too() -> None:
    """It lies elsewhere, and holds lines of the log as they were."""
    write("predictions.jsonl", text([record(1)]))
    BROKEN.parent.mkdir(parents=True)
    BROKEN.write_bytes(text([record(2, ANN)])[:-9] + b"\n" + b'{"of": "another\n')
    result = run("--key", "ann", "--secret-file", "secret", "--yes")
    assert "1 rows in 1 of 2 files erased" in result.output
    assert BROKEN.read_bytes().split() == [b'{"of":', b'"another']


def test_a_service_that_writes_and_rotates_loses_nothing() -> None:
    """Thousands of lines, dozens of rotations, erasing without a pause: only the wanted go."""
    path, done = Path("log/predictions.jsonl"), Event()
    lines = RotatingLines(path, 20_000, 500)

    def serve() -> None:
        for number in range(0, 4000, 8):
            keys = (ANN if each % 4 == 0 else BEN for each in range(number, number + 8))
            lines.write([text([record(number + n, key)]).decode() for n, key in enumerate(keys)])
        lines.close()
        done.set()

    writer = Thread(target=serve)
    wanted = Wanted(pseudonyms=frozenset({ANN}))
    lines.write([text([record(9999, BEN)]).decode()])
    writer.start()
    erased = rounds = 0
    while not done.is_set() or not rounds:
        erased, rounds = erased + sum(erase(wanted).rows.values()), rounds + 1
    writer.join()
    erased += sum(erase(wanted).rows.values())
    found = [each for file in Path("log").iterdir() for each in kept(file.read_bytes())]
    assert erased == 1000
    assert sorted(found) == sorted(["r9999", *(f"r{n}" for n in range(4000) if n % 4)])


def test_a_file_that_is_rotated_after_the_listing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks the oldest file, whose new name was in no list."""
    for number in range(3):
        write(f"predictions.jsonl{f'.{number}' if number else ''}", text([record(number, ANN)]))
    rotated: list[bool] = []

    def rotate(log: str) -> list[File]:
        files = find(log)
        if not rotated:
            rotated.append(True)
            for number in (2, 1, 0):
                old = Path(f"log/predictions.jsonl{f'.{number}' if number else ''}")
                old.rename(f"log/predictions.jsonl.{number + 1}")
            write("predictions.jsonl", text([record(3, ANN)]))
        return files

    monkeypatch.setattr(module, "find", rotate)
    found = erase(Wanted(pseudonyms=frozenset({ANN})))
    assert sum(found.rows.values()) == 4
    assert not [1 for file in Path("log").iterdir() if file.read_bytes().strip()]


def test_a_line_that_is_being_written_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its second half, written behind the spaces, would stand there for good."""
    monkeypatch.setattr(rewrite, "_SETTLES", 60.0)
    line = text([record(1, ANN)])
    path = write("predictions.jsonl", line[:150])
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        with path.open("ab") as stream:
            stream.write(line[150:])

    monkeypatch.setattr(time, "sleep", sleep)
    assert sum(erase(Wanted(pseudonyms=frozenset({ANN}))).rows.values()) == 1
    assert len(naps) == 1
    assert path.read_bytes() == b" " * (len(line) - 1) + b"\n"


def test_what_is_half_done_is_said_and_can_be_done_again() -> None:
    """One broken file among others: those are gone through, and the exit code is 2."""
    write("predictions.jsonl", text([record(1, ANN)]))
    whole = gzip.compress(text([record(2, ANN)]))
    path = write("predictions.jsonl.1.gz", whole[:-12])
    write("predictions.jsonl.2", text([record(3, ANN)]))
    words = ("--key", "ann", "--secret-file", "secret", "--yes")
    result = run(*words)
    assert result.exit_code == 2
    assert "2 rows in 2 of 2 files erased" in result.output
    assert "predictions.jsonl.1.gz: Compressed file ended" in result.output
    assert "1 files were not fully processed and may still hold rows" in result.output
    assert path.read_bytes() == whole[:-12]
    path.write_bytes(whole)
    result = run(*words)
    assert (result.exit_code, "1 rows in 1 of 3 files" in result.output) == (0, True)


@pytest.mark.parametrize(
    "name",
    ["a.jsonl.gz.3", "a.jsonl.old", "a.jsonl.bak", "a.log", "a.jsonl.2026-11-21T00", "a.JSONL",
     ".a.jsonl.gz.partial", "deep/er/a.jsonl~"],
)  # fmt: skip
def test_a_file_that_was_not_looked_at_is_named(name: str) -> None:
    """Attacks "nothing matched", said of a copy that a collector named in its own way."""
    path = write(name, text([record(1, ANN)]))
    write("predictions.jsonl", text([record(2, ANN)]))
    write("empty.log", b"")
    words = ("--key", "ann", "--secret-file", "secret")
    for more, done in (("--dry-run", "would be erased"), ("--yes", "erased")):
        result = run(*words, more)
        assert result.exit_code == 2
        assert f"1 rows in 1 of 1 files {done}" in result.output
        assert f"{path.absolute()}: skipped, because" in result.output
        assert "empty.log" not in result.output
    assert kept(path.read_bytes()) == ["r1"]
    Path("log/predictions.jsonl").unlink()
    result = run(*words, "--yes")
    assert (result.exit_code, f"{path.absolute()}: skipped" in result.output) == (2, True)
    path.rename("log/copy.jsonl")
    result = run(*words, "--yes")
    assert (result.exit_code, "1 rows in 1 of 1 files erased" in result.output) == (0, True)


def test_a_link_to_a_folder_is_named() -> None:
    """Attacks rows that lie elsewhere, where no listing goes."""
    Path("elsewhere").mkdir()
    Path("elsewhere/a.jsonl").write_bytes(text([record(1, ANN)]))
    write("predictions.jsonl", text([record(2, ANN)]))
    Path("log/linked").symlink_to(Path("elsewhere").absolute())
    (told,) = erase(Wanted(pseudonyms=frozenset({ANN}))).failed
    assert "log/linked: skipped, because" in told


def test_a_folder_that_can_not_be_listed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks rows behind a folder's mode."""
    write("predictions.jsonl", text([record(2, ANN)]))
    shut = write("shut/a.jsonl", text([record(1, ANN)])).parent.absolute()
    scandir = os.scandir

    def listed(path: Any) -> Any:
        if Path(path) == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    found = erase(Wanted(pseudonyms=frozenset({ANN})))
    assert (sum(found.rows.values()), found.failed) == (1, [f"{shut}: Permission denied"])


def test_a_pattern_names_what_is_looked_at() -> None:
    """Other files of the folder are then nobody's business."""
    write("predictions.jsonl.old", text([record(1, ANN)]))
    write("notes.txt", b"by hand")
    found = forget(
        "log/*.old", Wanted(pseudonyms=frozenset({ANN})), dry=False, advance=lambda size: None
    )
    assert (sum(found.rows.values()), found.failed) == (1, [])


@pytest.mark.parametrize("name", ["predictions.jsonl.1.gz", "copy.parquet"])
def test_a_disk_that_is_full_costs_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file stays as it was, and nothing half-written stays beside it."""
    records = [record(1, ANN), record(2, BEN)]
    path = write(name, gzip.compress(text(records)))
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    before = path.read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        found = erase(Wanted(pseudonyms=frozenset({ANN})))
    assert len(found.failed) == 1
    assert found.failed[0].endswith(f"{name}: No space left on device")
    assert path.read_bytes() == before
    assert [each.name for each in Path("log").iterdir()] == [name]
    assert sum(erase(Wanted(pseudonyms=frozenset({ANN}))).rows.values()) == 1


def test_a_packed_file_that_another_writes_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a collector's new lines, which the old content would replace."""
    path = write("predictions.jsonl.gz", gzip.compress(text([record(1, ANN)])))
    chmod = shutil.copymode

    def meanwhile(source: Path, target: Path) -> None:
        chmod(source, target)
        with path.open("ab") as stream:
            stream.write(gzip.compress(text([record(2, BEN)])))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copymode", meanwhile)
        found = erase(Wanted(pseudonyms=frozenset({ANN})))
    assert "another program changed it" in found.failed[0]
    assert kept(gzip.decompress(path.read_bytes())) == ["r1", "r2"]


def test_a_parquet_file_of_something_else_is_told() -> None:
    """It has nothing by which rows could be found."""
    path = write("other.parquet", b"")
    pq.write_table(pa.table({"a": [1]}), path)
    (told,) = erase(Wanted(pseudonyms=frozenset({ANN}))).failed
    assert "has no column time, request_id or key" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name what to erase"),
        (("--key", "a"), "--key and --secret-file go together"),
        (("--secret-file", "secret", "--request-id", "a"), "go together"),
        (("--key", "a", "--secret-file", "none"), "none: cannot be read"),
        (("--older-than", "90"), "--older-than is not a time span"),
        (("--older-than", "999999w"), "--older-than is not a time span"),
        (("--request-id", " "), "--request-id is empty"),
        (("--key", "-", "--secret-file", "secret"), "no key on standard input"),
        (("--request-id", "r1", "--log", "s3://bucket/log"), "lifecycle rule"),
        (("--request-id", "r1", "--log", "nowhere"), "no such file"),
    ],
)
def test_wrong_words_are_errors(words: tuple[str, ...], message: str) -> None:
    """With exit code 2, and nothing done."""
    path = write("predictions.jsonl", text([record(1)]))
    result = run(*words, "--yes", given="")
    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert kept(path.read_bytes()) == ["r1"]


def test_without_a_yes_nothing_is_erased() -> None:
    """Where nobody can be asked it is an error."""
    path = write("predictions.jsonl", text([record(1)]))
    result = run("--request-id", "r1")
    assert (result.exit_code, "add --yes" in result.output) == (2, True)
    assert kept(path.read_bytes()) == ["r1"]


def test_on_a_terminal_it_asks_for_the_key_and_for_a_yes() -> None:
    """As docs/privacy.md says; the key is not shown."""
    path = write("predictions.jsonl", text([record(1, ANN), record(2, BEN)]))
    ours, theirs = pty.openpty()
    program = str(Path(sys.executable).with_name("gatehouse"))
    words = ["forget", "--log", "log", "--key", "-", "--secret-file", "secret"]
    with Popen(
        [program, *words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            for asked, answer in ((b"Key: ", b"ann\n"), (b"[y/N]: ", b"y\n")):
                while asked not in shown:
                    shown += os.read(ours, 4096)  # its end, without the question, is an OSError
                os.write(ours, answer)
            with contextlib.suppress(OSError):
                while more := os.read(ours, 4096):
                    shown += more
        finally:
            os.close(ours)  # whoever still asks is told that nobody is here
    assert process.returncode == 0, shown
    assert b"1 rows in 1 of 1 files would be erased" in shown
    assert b"ann" not in shown
    assert kept(path.read_bytes()) == ["r2"]


def test_a_line_without_end_is_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks memory: of a file without lines no more is read than a line may have."""
    monkeypatch.setattr(rewrite, "LONGEST", 1000)
    write("predictions.jsonl", b"x" * 5000)
    write("predictions.jsonl.1.gz", gzip.compress(b"x" * 5000))
    found = erase(Wanted(request_ids=frozenset({"r1"})))
    assert ["longer than 1,000 bytes" in each for each in found.failed] == [True, True]
