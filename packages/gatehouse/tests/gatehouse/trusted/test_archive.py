"""Attacks the archive on its way in: what is no candidate is refused, and leaves nothing behind."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.trusted.archive import ENTRIES, unpack

LIMIT = 2
MODEL = "models/model.onnx"
END = struct.Struct("<4s4H2LH")


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content, method)
    return data.getvalue()


def twice(name: str, other: str) -> bytes:
    """Two entries; Python's writer warns of equal names, so they are made equal afterwards."""
    spare = "x" * len(other)
    return zipped((name, b"1"), (spare, b"2")).replace(spare.encode(), other.encode())


def of_mode(mode: int) -> bytes:
    entry = zipfile.ZipInfo("dvc.lock")
    entry.external_attr = mode << 16
    return zipped((entry, b"/etc/passwd"))


def listed(data: bytes, offset: int, form: str, value: int) -> bytes:
    """The archive with one field of the last entry in its list changed."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.rfind(b"PK\1\2") + offset, value)
    return bytes(changed)


def with_list(entry_count: int) -> bytes:
    """One file, listed many times, as the count of sixteen bits can't say."""
    data = zipped(("dvc.lock", b"x"))
    start = data.find(b"PK\1\2")
    entries = data[start : data.find(b"PK\5\6")] * entry_count
    count = min(entry_count, 0xFFFF)
    return data[:start] + entries + END.pack(b"PK\5\6", 0, 0, count, count, len(entries), start, 0)


def overlapping() -> bytes:
    """Many names for the same compressed bytes (Fifield 2019, "A better zip bomb")."""
    data = zipped((MODEL, b"\0" * 1_000_000))
    start, end = data.find(b"PK\1\2"), data.find(b"PK\5\6")
    entry = data[start:end]
    entries = b"".join(
        entry.replace(MODEL.encode(), f"models/mode{i}.onnx".encode()) for i in range(2)
    )
    return data[:start] + entries + END.pack(b"PK\5\6", 0, 0, 2, 2, len(entries), start, 0)


def renamed(extra_name: bytes) -> bytes:
    """An entry whose extra field 0x7075 gives another name."""
    entry = zipfile.ZipInfo("dvc.lock")
    body = b"\1" + struct.pack("<L", zlib.crc32(b"dvc.lock")) + extra_name
    entry.extra = struct.pack("<HH", 0x7075, len(body)) + body
    return zipped((entry, b"x"))


NAMES = [
    "../x",
    "../../models/model.onnx",
    "/etc/cron.d/x",
    "/dvc.lock",
    "//dvc.lock",
    "./dvc.lock",
    "data/raw/../../x.parquet",
    "data/prepared/test.parquet",
    "data/own/rows.csv.dvc",
    "data/own/../../params.yaml",
    "data/own/more/rows.csv",
    "data/snapshots/rows.csv.dvc",
    "data/snapshots/.rows.parquet",
    "data/snapshots/rows.py",
    "data/cache/rows.csv",
    "data/raw/../../../x.parquet",
    "data/raw/..",
    "data//raw/rows.parquet",
    "data\\raw\\rows.parquet",
    "..\\x",
    "C:\\x",
    "C:dvc.lock",
    "file:///dvc.lock",
    "~/dvc.lock",
    "dvc.lock ",
    " dvc.lock",
    "dvc.lock.",
    "dvc.lock\n",
    "DVC.LOCK",
    "dvc.lo\u0441k",  # a Cyrillic letter
    "models/m\u043edel.onnx",
    "models/model\uff0eonnx",  # a full-width point
    "models/model\u202exnno.onnx",
    "models/.hidden.onnx",
    "models/model.onnx/x",
    "models/model.pkl",
    "data/raw/rows.parquet\x1b[31m",
    "reports/verdict.json",
    "reports/evidence/accuracy.json",
    "reports/base.json",
    "reports/train",
    "reports/train/../verdict.json",
    "reports/train/.git/config",
    "reports/train/a/b/c/d/e/f/g",
    "policy.yaml",
    "contract.yaml",
    ".gatehouse/base/x",
    ".git/config",
    "gatehouse.py",
    "sitecustomize.py",
    "x" * 60_000,
    "reports/train/" + "x" * 60_000,
]
DAMAGED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no archive": lambda: b"\x89PNG" * 100,
    "a page": lambda: b"<html>sign in</html>",
    "cut short": lambda: zipped(("dvc.lock", b"x" * 1000))[:-30],
    "cut at the front": lambda: zipped(("dvc.lock", os.urandom(3000)))[500:],
    "list is elsewhere": lambda: listed(zipped(("dvc.lock", b"x")), 42, "<L", 2**31),
    "list is damaged": lambda: zipped(("dvc.lock", b"x")).replace(b"PK\1\2", b"PK\1\3"),
    "wrong checksum": lambda: listed(zipped(("dvc.lock", b"x")), 16, "<L", 1),
    "two names": lambda: zipped(("dvc.lock", b"x")).replace(b"dvc.lock", b"dvc.lo_k", 1),
    "NUL in a name": lambda: zipped(("dvc.lockABCD", b"x")).replace(b"lockABCD", b"lock\0/.."),
    "encrypted": lambda: listed(zipped(("dvc.lock", b"x")), 8, "<H", 1),
    "unknown method": lambda: listed(zipped(("dvc.lock", b"x")), 10, "<H", 99),
    "bzip2": lambda: zipped(("dvc.lock", b"x"), method=zipfile.ZIP_BZIP2),
    "lzma": lambda: zipped(("dvc.lock", b"x"), method=zipfile.ZIP_LZMA),
    "huge by its own word": lambda: listed(zipped((MODEL, b"x")), 24, "<L", 2**32 - 2),
    "zip64 that has none": lambda: listed(zipped((MODEL, b"x")), 24, "<L", 2**32 - 1),
    "smaller by its own word": lambda: listed(zipped((MODEL, b"\0" * 10**6)), 24, "<L", 10),
    "needs a newer reader": lambda: listed(zipped(("dvc.lock", b"x")), 6, "<H", 99),
    "a long list that is none": lambda: END.pack(b"PK\5\6", 0, 0, 1, 1, 2**31, 0, 0),
    "a bomb": lambda: zipped((MODEL, b"\0" * (LIMIT * 10**6 + 1))),
    "a bomb of several": lambda: zipped(
        (MODEL, b"\0" * 1_500_000), ("models/m.onnx", b"\0" * 10**6)
    ),
    "overlapping": overlapping,
    "long text": lambda: zipped(("dvc.lock", b" " * 1_000_001)),
    "twice": lambda: twice("dvc.lock", "dvc.lock"),
    "twice but for case": lambda: twice("models/a.onnx", "models/A.onnx"),
    "a file as folder": lambda: zipped(("reports/train/a", b""), ("reports/train/a/b", b"")),
    "a folder as file": lambda: zipped(("reports/train/a/b", b""), ("reports/train/a", b"")),
    "a link": lambda: of_mode(stat.S_IFLNK | 0o777),
    "a device": lambda: of_mode(stat.S_IFCHR | 0o666),
    "a pipe": lambda: of_mode(stat.S_IFIFO | 0o666),
    "a folder's mode": lambda: of_mode(stat.S_IFDIR | 0o755),
    "many files": lambda: zipped(
        *((f"reports/train/{i}", b"") for i in range(ENTRIES + 1)), method=0
    ),
    "many folders": lambda: zipped(*((f"d{i}/", b"") for i in range(ENTRIES + 1)), method=0),
    "100,000 files": lambda: with_list(100_000),
    "a name next to it": lambda: twice("dvc.lock", "../../../x"),
    "cp437": lambda: zipped(("dvc.lock", b"x")).replace(b"dvc.lock", b"dvc.lo\x82k"),
    "UTF-8 that is none": lambda: listed(zipped(("dvc.lock", b"x")), 8, "<H", 0x800).replace(
        b"dvc.lock", b"dvc.lo\xffk"
    ),
}


def refused(data: bytes, folder: Path) -> str:
    """Why the archive is refused; nothing else may have happened."""
    (folder / "in").mkdir()
    path = folder / "in" / "candidate.zip"
    path.write_bytes(data)
    with pytest.raises(GatehouseError) as caught:
        unpack(path, folder / "in" / "candidate", LIMIT)
    left = sorted(found.relative_to(folder).as_posix() for found in folder.rglob("*"))
    assert left == ["in", "in/candidate.zip"]
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:40]))
def test_a_name_that_is_no_part_of_a_candidate_is_refused(tmp_path: Path, name: str) -> None:
    """Attacks the folder: ways out of it, the record, other readers' rules for names, look-alikes.

    Evidence, policy and verdict are no part of a candidate either: they would be the author's own.
    """
    reason = refused(zipped(("dvc.lock", b"x"), (name, b"x")), tmp_path)
    assert reason.startswith("the candidate's archive ")
    assert len(reason) < 2000
    assert reason.isprintable()


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_no_sound_archive_is_refused(tmp_path: Path, what: str) -> None:
    """Attacks zipfile with lies on sizes, lists, methods and kinds of files."""
    reason = refused(DAMAGED[what](), tmp_path)
    assert reason.startswith("the candidate")
    assert not Path("/etc/cron.d/x").exists()


def test_a_name_in_an_extra_field_does_not_count(tmp_path: Path) -> None:
    """Attacks readers that take the name from there, as Python does from 3.13 on."""
    path = tmp_path / "candidate.zip"
    path.write_bytes(renamed(b"../../../x"))
    try:
        unpack(path, tmp_path / "in", LIMIT)
    except GatehouseError:
        assert not (tmp_path / "in").exists()
    else:
        assert [file.name for file in (tmp_path / "in").iterdir()] == ["dvc.lock"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_list(400_000),
        lambda: zipped((MODEL, b"\0" * 300_000_000), method=zipfile.ZIP_BZIP2),
        lambda: listed(zipped((MODEL, b"\0" * 300_000_000)), 24, "<L", 1000),
    ],
    ids=["list", "bzip2", "deflate"],
)
def test_memory_stays_bounded(tmp_path: Path, make: Callable[[], bytes]) -> None:
    """Attacks the memory: small archives that take gigabytes as a list, or as one read."""
    data = make()
    tracemalloc.start()
    try:
        refused(data, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


def test_a_candidate_is_unpacked(tmp_path: Path) -> None:
    """Attacks checks that refuse what the workflow uploads, and an archive inside it."""
    inner = zipped(("../x", b"x"))
    names = ["dvc.lock", "data/raw/rows.parquet", MODEL]
    names += ["models/model.int8.onnx", "reports/train/metrics.json", "reports/train/plots/a.png"]
    names += ["data/snapshots/2026-11-30-ab.parquet", "data/own/rows.csv.gz"]
    path = tmp_path / "candidate.zip"
    folders: list[tuple[str | zipfile.ZipInfo, bytes]] = [("data/", b""), ("../", b"")]
    path.write_bytes(zipped(*folders, *((name, inner) for name in names)))
    unpack(path, tmp_path / "in", LIMIT)
    found = [file for file in (tmp_path / "in").rglob("*") if file.is_file()]
    assert sorted(file.relative_to(tmp_path / "in").as_posix() for file in found) == sorted(names)
    assert {file.read_bytes() for file in found} == {inner}
    assert not any(file.stat().st_mode & 0o111 for file in found)
