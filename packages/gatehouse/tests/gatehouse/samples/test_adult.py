"""The source `adult`: the published files or a clear error, from a folder or over the network."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.samples import adult

DATA = (
    b"39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, "
    b"Male, 2174, 0, 40, United-States, <=50K\n"
    b"54, ?, 180211, Some-college, 10, Married-civ-spouse, ?, Husband, Asian-Pac-Islander, "
    b"Male, 0, 0, 60, South, >50K\n\n"
)
TEST = b"|1x3 Cross validator\n" + DATA.replace(b"50K\n", b"50K.\n")
FILES = {"/adult/adult.data": DATA, "/adult/adult.test": TEST}


class _Server(http.server.ThreadingHTTPServer):
    """Serves FILES in the way that `mode` says, and counts the requests."""

    mode = "complete"
    requests = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.released = threading.Event()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.requests += 1
        content = FILES[self.path]
        mode = self.server.mode
        if mode == "absent":
            self.send_error(404)
            return
        self.send_response(200)
        if mode != "no length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if mode == "silent":
            self.server.released.wait(10)
        elif mode in ("truncated", "no length"):
            self.wfile.write(content[: len(content) // 2])
        elif mode == "wrong":
            self.wfile.write(content.replace(b"39", b"93"))
        else:
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    monkeypatch.setattr(
        adult,
        "SHA256",
        {path.rpartition("/")[2]: hashlib.sha256(file).hexdigest() for path, file in FILES.items()},
    )
    monkeypatch.delenv(adult.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    with _Server() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.released.set()
        found.shutdown()
        thread.join()


def _url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/adult/"


def test_download_is_complete_and_cached(server: _Server, tmp_path: Path) -> None:
    """Attacks a download that loses bytes, or is done again although the files are there."""
    train, test = adult.load(None, _url(server), tmp_path / "cache")
    assert list(train["age"]) == list(test["age"]) == [39, 54]
    adult.load(None, _url(server), tmp_path / "cache")
    assert server.requests == 2
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["adult.data", "adult.test"]


def test_damaged_cache_is_replaced(server: _Server, tmp_path: Path) -> None:
    """Attacks trust in a cached file that is no longer the published one."""
    (tmp_path / "adult.data").write_bytes(DATA[:50])
    adult.load(None, _url(server), tmp_path)
    assert (tmp_path / "adult.data").read_bytes() == DATA


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("truncated", r"stopped at \d+ of \d+ bytes"),
        ("no length", "is not the published file"),
        ("wrong", "is not the published file"),
        ("absent", "answers 404"),
    ],
)
def test_bad_download_leaves_nothing(
    server: _Server, tmp_path: Path, mode: str, message: str
) -> None:
    """Attacks half a download, and other bytes, being kept or taken for the data."""
    server.mode = mode
    with pytest.raises(GatehouseError, match=message) as caught:
        adult.load(None, _url(server), tmp_path)
    assert adult.FOLDER_VARIABLE in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_oversized_download_is_cut_off(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a site that sends without end."""
    monkeypatch.setattr(adult, "_MOST_BYTES", 100)
    with pytest.raises(GatehouseError, match="larger than 100 bytes"):
        adult.load(None, _url(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_silent_site_is_given_up(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a connection that opens and then says nothing."""
    server.mode = "silent"
    monkeypatch.setattr(adult, "_TIMEOUT_S", 0.2)
    with pytest.raises(GatehouseError, match="cannot be downloaded"):
        adult.load(None, _url(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_told(server: _Server, tmp_path: Path) -> None:
    """Attacks a traceback where nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(GatehouseError, match=r"cannot be downloaded .*refused"):
            adult.load(None, url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_of_the_environment_comes_first(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the order of the places, and use of the network where a folder is named."""
    (tmp_path / "adult.data").write_bytes(DATA)
    (tmp_path / "adult.test").write_bytes(TEST)
    assert len(adult.load(tmp_path, _url(server), tmp_path / "cache")[0]) == 2
    monkeypatch.setenv(adult.FOLDER_VARIABLE, str(tmp_path))
    assert len(adult.load(tmp_path / "none", _url(server), tmp_path / "cache")[0]) == 2
    assert server.requests == 0


def test_folder_without_the_files_is_an_error(server: _Server, tmp_path: Path) -> None:
    """Attacks a silent step to the network where the named folder lacks a file."""
    with pytest.raises(GatehouseError, match="there is no such file"):
        adult.load(tmp_path, _url(server), tmp_path / "cache")
    (tmp_path / "adult.data").write_bytes(DATA + b"\n")
    with pytest.raises(GatehouseError, match="is not the published file"):
        adult.load(tmp_path, _url(server), tmp_path / "cache")
    assert server.requests == 0


def test_parsing_takes_off_what_the_files_add(tmp_path: Path) -> None:
    """Attacks `?` as a category, the test file's first line as a row, dots in its labels."""
    (tmp_path / "f").write_bytes(TEST)
    frame = adult.parse(tmp_path / "f", first_line=1)
    assert list(frame["income"]) == ["<=50K", ">50K"]
    assert frame["workclass"].isna().tolist() == [False, True]
    assert frame["occupation"].isna().tolist() == [False, True]
    assert list(frame["native_country"]) == ["United-States", "South"]
    assert frame["capital_gain"].dtype == "int64"


def test_the_published_files() -> None:
    """Attacks pinned hashes and parsing that don't fit the real files."""
    if not os.environ.get(adult.FOLDER_VARIABLE):
        pytest.skip("GATEHOUSE_ADULT_DIR names no folder with UCI Adult")
    train, test = adult.load(None)
    assert (len(train), len(test)) == (32_561, 16_281)
    assert set(train["income"]) == set(test["income"]) == {"<=50K", ">50K"}
    assert train["occupation"].isna().sum() == 1_843
    assert (test["income"] == ">50K").sum() == 3_846
