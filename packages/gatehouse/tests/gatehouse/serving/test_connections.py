"""Attacks the limit of open files: more clients than files, which take a connection and rest."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.serving import connections as module
from gatehouse.serving.connections import Connections, Waits, most_connections
from tests.gatehouse.serving.place import lay_out
from tests.gatehouse.serving.process import OWN, WITHIN, Process, running

FILES = 128
CLIENTS = 400
TOKEN = "token-of-these-tests"
LIMITED = ("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh", *OWN)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of Linux's limits")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The service, which may open few files, and lets in whoever has a token."""
    root = lay_out(tmp_path_factory.mktemp("served"))
    with running(root, LIMITED, GATEHOUSE_SERVE_TOKENS=TOKEN) as process:
        yield process


@pytest.fixture(autouse=True)
def _own_files() -> Iterator[None]:
    """This process opens more than the service may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET /model HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"", False),
        (b"GET /model HTTP/1.1\r\nHost:", False),
        (b"POST /predict HTTP/1.1\r\nAuthorization: Bearer %s\r\n"
         b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{" % TOKEN.encode(), False),
        (b"POST /predict HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", True),
        (b"POST /predict HTTP/1.1\r\nAuthorization: Bearer %s\r\n"
         b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n"
         % TOKEN.encode(), False),
        (b"G", False),
        (b"\r\n\r\n", False),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost:", True),
    ],
    ids=["401", "200", "nothing", "half a head", "half a body", "401 and half a body",
         "a chunk", "a letter", "empty lines", "one whole and half a head"],
)  # fmt: skip
def test_probes_are_answered(service: Process, sent: bytes, answered: bool) -> None:
    """Each client stays; the service closes those that it has to, and answers everybody else."""
    clients = []
    try:
        for _ in range(CLIENTS):
            client = socket.create_connection(("127.0.0.1", service.port), WITHIN)
            clients.append(client)
            client.sendall(sent)
            if answered:
                assert client.recv(12).startswith(b"HTTP/1.1 ")
        for path, status in (("/livez", 200), ("/readyz", 200), ("/model", 401)):
            # A connection of its own for each, as a probe has.
            assert httpx.get(f"http://127.0.0.1:{service.port}{path}").status_code == status
    finally:
        for client in clients:
            client.close()
    log = service.log.read_text()
    assert "connections are open, as many as the limit of open files allows" in log
    assert "could not be opened" not in log
    assert "Traceback" not in log


def test_a_client_at_work_keeps_its_connection(service: Process) -> None:
    """Connections that come and go close those that rest, and none that asks now and then."""
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}") as client:
        clients = []
        seen = set()
        try:
            for number in range(CLIENTS):
                clients.append(socket.create_connection(("127.0.0.1", service.port), WITHIN))
                if number % 10 == 0:
                    response = client.get("/livez")
                    assert response.status_code == 200
                    stream = response.extensions["network_stream"]
                    seen.add(stream.get_extra_info("client_addr"))
            assert len(seen) == 1
        finally:
            for each in clients:
                each.close()


class Fake:
    """A connection that is in one state."""

    def __init__(self, others: Connections, state: Waits) -> None:
        self.others, self.state = others, state
        others.changed(self)

    def waits(self) -> Waits:
        return self.state

    def abort(self) -> None:
        self.state = Waits.NOTHING


def test_who_is_closed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who rests before who sends, who sends before who does not read, and the longest first."""
    monkeypatch.setattr(module, "GRACE", 0.0)
    others = Connections(5)
    states = (Waits.NOTHING, Waits.READ, Waits.BODY, Waits.REST, Waits.REST)
    _, read, body, old, new = (Fake(others, state) for state in states)
    others.changed(old)  # it has asked again, so that the other has rested longer
    for expected in (new, old, body, read):
        asyncio.run(others.room())
        assert expected.state is Waits.NOTHING
        others.most -= 1
    assert len(others) == 1


def test_who_has_just_come_is_closed_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a probe among clients that send half a body: it is the only one at rest."""
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    others = Connections(4)
    bodies = [Fake(others, Waits.BODY) for _ in range(3)]
    now[0] = 0.5
    probe = Fake(others, Waits.REST)
    asyncio.run(others.room())  # all are new: the oldest
    assert [body.state for body in bodies] == [Waits.NOTHING, Waits.BODY, Waits.BODY]
    others.most, now[0] = 3, 1.4
    asyncio.run(others.room())  # the probe still has its grace
    assert [body.state for body in bodies][1:] == [Waits.NOTHING, Waits.BODY]
    others.most, now[0] = 2, 1.6
    asyncio.run(others.room())
    assert probe.state is Waits.NOTHING


def test_nobody_at_work_is_closed() -> None:
    """A new connection waits until one has ended."""
    others = Connections(1)
    work = Fake(others, Waits.NOTHING)

    async def wait() -> None:
        waiting = asyncio.create_task(others.room())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        others.ended(work)
        await waiting

    asyncio.run(wait())


def test_the_log_says_it_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When it begins, each minute, and when it is over; not for each connection."""
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    others = Connections(3)
    with caplog.at_level(logging.WARNING):
        for second in range(300):
            now[0] = float(second)
            for _ in range(50 if second < 150 else 0):
                asyncio.run(others.room())
                Fake(others, Waits.REST)
            others.report()
            others.failed(OSError(24, "Too many open files"))
    lines = [record.getMessage() for record in caplog.records]
    failed = "a connection could not be opened: Too many open files"
    assert lines.count(failed) == 5
    told = [line for line in lines if line != failed]
    assert told[0].startswith("3 connections are open, as many as")
    assert told[1] == "closed 3047 idle connections in the last 60 s; 3 of at most 3 are open"
    assert told[-1] == "no connection is closed any more: 3 are open"
    assert len(told) == 5


@pytest.mark.parametrize("files", [30, 60])
def test_too_few_files_to_serve(monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Told at the start, with what to do."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    monkeypatch.setattr(module, "open_files", lambda: 20)
    with pytest.raises(GatehouseError, match=f"limit of open files is {files}.*ulimit -n"):
        most_connections()


@pytest.mark.parametrize(
    ("files", "most"), [(1024, 972), (10**6, 10_000), (resource.RLIM_INFINITY, 10_000)]
)
def test_what_the_limit_allows(monkeypatch: pytest.MonkeyPatch, files: int, most: int) -> None:
    """Open files, and those that are needed at work, are taken off."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    monkeypatch.setattr(module, "open_files", lambda: 20)
    assert most_connections() == most


def test_its_files_are_counted(tmp_path: Path) -> None:
    """What is open already takes room."""
    before = most_connections()
    with (tmp_path / "1").open("w"), (tmp_path / "2").open("w"):
        assert most_connections() in (before - 2, before)  # of a large limit nothing is missing
