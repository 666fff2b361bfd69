"""Attacks the download of a candidate: its size, its redirect, its connection and its token."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.artifacts import candidates_of, download
from gatehouse.github.client import connect
from tests.github.api import GitHub

LIMIT = 2


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    with GitHub(tmp_path / "hub") as made:
        made.run(1, head_branch="b", head_sha="0" * 40)
        monkeypatch.setenv("GITHUB_API_URL", made.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", made.full_name)
        monkeypatch.setenv("GITHUB_TOKEN", made.token({"actions": "read"}))
        yield made


def fetched(folder: Path) -> bytes:
    path = folder / "work" / "candidate.zip"
    try:
        download(candidates_of(connect(), 1)[0], path, LIMIT)
    except GatehouseError:
        assert not path.exists()
        raise
    return path.read_bytes()


def test_an_archive_is_downloaded_without_the_token(github: GitHub, tmp_path: Path) -> None:
    """Attacks the redirect: the store, another host, refuses whoever sends it the token."""
    content = os.urandom(1_900_000)
    github.artifact(1, "candidate-1", content, size=3)
    assert fetched(tmp_path) == content


@pytest.mark.parametrize("size", [None, 10])
def test_an_archive_over_the_limit_is_refused(
    github: GitHub, tmp_path: Path, size: int | None
) -> None:
    """Attacks the disk: what GitHub says of the size is not believed."""
    github.artifact(1, "candidate-1", b"\0" * (LIMIT * 10**6 + 1), size=size)
    with pytest.raises(GatehouseError, match="larger than 2 MB"):
        fetched(tmp_path)


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "nowhere", "http://", "ftp://h/x"])
def test_a_redirect_to_nowhere_is_told(github: GitHub, tmp_path: Path, location: str) -> None:
    """Attacks the client with addresses that it must not, or cannot, follow."""
    github.artifact(1, "candidate-1", b"the archive")
    github.fail("GET", r"/artifacts/\d+/zip", 302, headers={"Location": location})
    with pytest.raises(GatehouseError, match="download the candidate"):
        fetched(tmp_path)


def test_server_errors_are_tried_again(github: GitHub, tmp_path: Path) -> None:
    """Attacks a download that gives up, or takes an error's page for the archive."""
    github.artifact(1, "candidate-1", b"the archive")
    github.fail("GET", r"/artifacts/\d+/zip", 502)
    github.fail("GET", "/blobs/", 503)
    assert fetched(tmp_path) == b"the archive"


@pytest.mark.parametrize("where", ["/zip", "/blobs/"])
def test_an_archive_that_is_gone_is_told(github: GitHub, tmp_path: Path, where: str) -> None:
    """Attacks an artifact that was deleted between the listing and the download."""
    github.artifact(1, "candidate-1", b"the archive")
    github.fail("GET", where, 404)
    with pytest.raises(GatehouseError, match="download the candidate"):
        fetched(tmp_path)


def test_a_connection_cut_in_the_middle_is_told(github: GitHub, tmp_path: Path) -> None:
    """Attacks half an archive taken for a whole one."""

    class Cut(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cut)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        github.state.blob_url = f"http://127.0.0.1:{server.server_port}"
        github.artifact(1, "candidate-1", b"the archive")
        with pytest.raises(GatehouseError, match="download the candidate"):
            fetched(tmp_path)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_no_candidate_is_none(github: GitHub) -> None:
    """Attacks a run that uploaded nothing, or nothing that is a candidate."""
    assert candidates_of(connect(), 1) == []
    for name in ("log", "candidate-1", "xcandidate-2"):
        github.artifact(1, name, b"x")
    assert [each.name for each in candidates_of(connect(), 1)] == ["candidate-1"]
