"""Files of a log: what a path or URL names, how it is packed, and what a message may say of it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.monitor.log_files import File, find, oldest_first
from gatehouse.remote import shown
from tests.gatehouse.monitor.logs import PACKERS, few, write_bytes


def content(url: str) -> list[bytes]:
    found = []
    for file in find(url):
        with file.open() as stream:
            found.append(stream.read())
    return found


def names(url: str) -> list[str]:
    return [Path(file.path).name for file in find(url)]


@pytest.mark.parametrize("how", sorted(PACKERS))
@pytest.mark.parametrize("rotated", ["", ".1", "-20260330"])
def test_packed_files_are_unpacked(tmp_path: Path, how: str, rotated: str) -> None:
    """Attacks a reader that takes packed bytes for broken lines, or passes rotated ones over."""
    path = tmp_path / f"predictions.jsonl{rotated}.{how}"
    write_bytes(path, PACKERS[how](few()))
    assert content(str(path)) == content(str(tmp_path)) == [few()]


@pytest.mark.parametrize("how", sorted(PACKERS))
def test_a_packed_file_that_was_cut_short_is_told(tmp_path: Path, how: str) -> None:
    """Attacks a half copied file whose rest is silently missing."""
    packed = PACKERS[how](few(500))
    path = write_bytes(tmp_path / f"log.jsonl.{how}", packed[: len(packed) // 2])
    with pytest.raises(GatehouseError, match=r"log\.jsonl\..+cannot be read .*was it cut short\?"):
        content(str(path))
    write_bytes(path, b"this was never packed")
    with pytest.raises(GatehouseError, match="cannot be read"):
        content(str(path))


def test_what_cannot_be_unpacked_here_is_told(tmp_path: Path) -> None:
    """Attacks a traceback for want of a package."""
    from fsspec.compression import compr

    if "zstd" in compr:
        pytest.skip("zstandard is installed")
    path = write_bytes(tmp_path / "log.jsonl.zst", b"")
    with pytest.raises(GatehouseError, match=r"needs a package .*zstandard"):
        content(str(path))


def test_a_folder_a_pattern_and_a_file(tmp_path: Path) -> None:
    """Attacks logs passed over, and files that are none read as logs."""
    wanted = [
        "predictions.jsonl",
        "predictions.jsonl.1",
        "predictions.jsonl.2",
        "predictions.jsonl.10",
    ]
    for name in [*wanted, "notes.txt", "predictions.jsonl.part", "labels.csv"]:
        write_bytes(tmp_path / "pod" / name, b"")
    assert names(str(tmp_path)) == names(str(tmp_path / "pod")) == wanted
    pattern = f"{tmp_path}/*/predictions.jsonl*"
    assert names(pattern) == [*wanted, "predictions.jsonl.part"]
    assert names(str(tmp_path / "pod/notes.txt")) == ["notes.txt"]
    assert names(f"file://{tmp_path}/pod/predictions.jsonl") == ["predictions.jsonl"]
    assert [Path(f.path).name for f in oldest_first(find(str(tmp_path)))] == wanted[::-1]


def test_names_with_dates_stand_in_their_order(tmp_path: Path) -> None:
    """Attacks a year taken for a rotation's number: of labels given twice the last counts."""
    for name in ("labels.2026.csv", "labels.2025.csv", "labels.csv"):
        write_bytes(tmp_path / name, b"")
    found = oldest_first(find(str(tmp_path), ("csv",)))
    assert [Path(file.path).name for file in found] == [
        "labels.2025.csv", "labels.2026.csv", "labels.csv",
    ]  # fmt: skip


def test_a_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    """Attacks a file passed over because of what its name holds."""
    write_bytes(tmp_path / "log[1].jsonl", few())
    write_bytes(tmp_path / "log1.jsonl", b"another")
    assert content(f"{tmp_path}/log[1].jsonl") == [few()]


@pytest.mark.parametrize("name", ["none.jsonl", "empty", "none*.jsonl", "only text"])
def test_no_file_is_an_error(tmp_path: Path, name: str) -> None:
    """Attacks a pass where nothing was read."""
    (tmp_path / "empty").mkdir()
    write_bytes(tmp_path / "only text/notes.txt", b"")
    with pytest.raises(GatehouseError, match="there is no such file, or no file of that folder"):
        find(f"{tmp_path}/{name}")


def test_memory_is_a_file_system_like_any(tmp_path: Path) -> None:
    """Attacks code that only knows of paths."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/tested/log.jsonl", few())
    memory.pipe("/tested/log.jsonl.1.gz", PACKERS["gz"](few(2)))
    assert content("memory://tested") == [few(), few(2)]
    assert content("memory://tested/*.gz") == [few(2)]
    memory.rm("/tested", recursive=True)


@pytest.mark.parametrize("url", ["no-such-protocol://x", "http://[bad/x.jsonl"])
def test_a_wrong_url_is_an_error(url: str) -> None:
    """Attacks a traceback."""
    with pytest.raises(GatehouseError, match=r"cannot be reached|there is no such file"):
        find(url)


SECRET = "hunter2"  # pragma: allowlist secret


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        (f"sftp://anna:{SECRET}@host/x.jsonl", "sftp://host/x.jsonl"),
        (f"sftp://anna:a@{SECRET}@host/x", "sftp://host/x"),
        (f"sftp://anna:a?{SECRET}@host/x", "sftp://host/x"),
        (f"sftp://anna:a#{SECRET}@host/x", "sftp://host/x"),
        (f"sftp://anna:a/{SECRET}@host/x", "sftp://host/x"),
        (f"https://host/x.jsonl?signature={SECRET}", "https://host/x.jsonl"),
        (f"https://host/x.jsonl?by=a@b&signature={SECRET}", "https://host/x.jsonl"),
        (f"https://anna:a@host/x?by=a@{SECRET}", "https://host/x"),
        (f"https://host?{SECRET}", "https://host"),
        (f"https://host:8080/x.jsonl#{SECRET}", "https://host:8080/x.jsonl"),
        (f"simplecache::sftp://anna:{SECRET}@host/x", "simplecache::sftp://host/x"),
        (f"zip://log.jsonl::sftp://anna:{SECRET}@host/x.zip", "zip://log.jsonl::sftp://host/x.zip"),
        ("s3://bucket/a@b/x.jsonl", "s3://bucket/a@b/x.jsonl"),
        ("/a path/with@sign?.jsonl", "/a path/with@sign?.jsonl"),
    ],
)
def test_what_may_be_secret_is_not_shown(url: str, clean: str) -> None:
    """Attacks a password in a log of CI, by each way to hide it from a parser of URLs."""
    assert shown(url) == clean
    if SECRET in url:
        assert SECRET not in clean


@pytest.mark.parametrize(
    "url",
    [
        f"no-such-protocol://anna:{SECRET}@host/x.jsonl",
        f"http://127.0.0.1:1/x.jsonl?signature={SECRET}",
        f"http://anna:{SECRET}@127.0.0.1:1/log.jsonl",
    ],
)
def test_no_error_shows_it(url: str) -> None:
    """Attacks a message of a library that repeats the URL."""
    with pytest.raises(GatehouseError) as raised:
        find(url)
    assert SECRET not in str(raised.value)


class _Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise RuntimeError(f"lost https://host/?signature={SECRET}")


class _System:
    def open(self, path: str, mode: str) -> io.BytesIO:
        return _Broken()


def test_a_remote_that_breaks_off_is_an_error_without_secrets() -> None:
    """Attacks the classes of error that only a cloud's library has, and what they say."""
    path = f"https://host/log.jsonl?signature={SECRET}"
    with pytest.raises(GatehouseError, match="RuntimeError") as raised:  # noqa: SIM117
        with File(_System(), path, shown(path)).open() as stream:
            stream.read()
    assert SECRET not in str(raised.value)


@pytest.fixture
def signed() -> Iterator[str]:
    """A server that gives one packed file to whom has the signature."""
    body = PACKERS["gz"](few())

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            if self._answer():
                self.wfile.write(body)

        def _answer(self) -> bool:
            known = self.path == "/log.jsonl.gz?signature=hunter2&more=*"
            self.send_response(200 if known else 403)
            self.send_header("Content-Length", str(len(body) if known else 0))
            self.end_headers()
            return known

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/log.jsonl.gz?signature=hunter2&more=*"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_signed_url_is_no_pattern(signed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks the query of a signed URL: no wildcard, and not the end of the file's name."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (file,) = find(signed)
    assert SECRET not in file.name
    with file.open() as stream:
        assert stream.read() == few()
