"""Attacks the HTTP of the service: what never ends, what holds a connection, what hides a request.

The protocol is tried with an application of its own, and short times.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from gatehouse.serving.asgi import Receive, Scope, Send
from gatehouse.serving.protocol import BoundedProtocol
from tests.gatehouse.serving.process import WITHIN

KEEP_ALIVE = 1


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, or with what was sent to /echo, or long after a connection may rest."""
    path = scope["path"].encode()
    more = path == b"/echo"
    body = b"" if more else path
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if path == b"/slow":
        await asyncio.sleep(2 * KEEP_ALIVE)
    length = (b"content-length", b"%d" % len(body))
    names = b",".join(sorted(dict(scope["headers"])))
    await send({"type": "http.response.start", "status": 200, "headers": [length, (b"x", names)]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        app, interface="asgi3", http=BoundedProtocol, loop="uvloop", lifespan="off",
        log_config=None, timeout_keep_alive=KEEP_ALIVE,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
        thread = threading.Thread(target=server.run, args=[[listening]])
        thread.start()
        yield number
        server.should_exit = True
        thread.join()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), WITHIN) as connection:
        yield connection


def answer(connection: socket.socket) -> tuple[int, bytes, str]:
    """Status, body, and the names of the headers that the application saw."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, "the connection is closed"
        head += byte
    status, _, rest = head.decode().partition("\r\n")
    headers = dict(line.split(": ", 1) for line in rest.split("\r\n") if line)
    body = b""
    while len(body) < int(headers["content-length"]):
        part = connection.recv(int(headers["content-length"]) - len(body))
        assert part, "the connection is closed"
        body += part
    return int(status.split()[1]), body, headers.get("x", "")


@pytest.mark.parametrize("path", [b"/", b"/echo"])
@pytest.mark.parametrize("begin", [b"0\r\nx: ", b"0\r\n", b"1;x="])
def test_what_follows_a_chunk_has_an_end(port: int, path: bytes, begin: bytes) -> None:
    """Trailers and extensions are of no size that is told, and would take all memory."""
    with connected(port) as connection:
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head % path + begin)
        part = b"a: b\r\n" * 10_000 if begin == b"0\r\n" else b"a" * 60_000
        with pytest.raises(ConnectionError):
            connection.sendall(part * 1000)


def test_a_trailer_is_no_header(port: int) -> None:
    """A token or an id at the end of a request is none that a proxy in front has seen."""
    with connected(port) as connection:
        connection.sendall(
            b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
        )
        assert answer(connection) == (200, b"a", "transfer-encoding")


@pytest.mark.parametrize(
    ("request_", "drip"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"\r\n"),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", b"a"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na:", b"b"),
    ],
)
def test_what_was_answered_holds_no_connection(port: int, request_: bytes, drip: bytes) -> None:
    """A byte now and then that belongs to no new request is no reason to stay."""
    with connected(port) as connection:
        connection.sendall(request_)
        assert answer(connection)[0] == 200
        connection.settimeout(KEEP_ALIVE / 10)
        for _ in range(600):
            try:
                connection.sendall(drip)
                assert connection.recv(1) == b""
                return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        pytest.fail("the connection is still open")


def test_a_request_is_not_cut_off_because_the_one_before_was_answered(port: int) -> None:
    """Its headers begin while the one before is worked on: the time to rest is not its time."""
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\nGET /slow HTTP/1.1\r\n")
        assert answer(connection)[1] == b"/"
        connection.sendall(b"\r\n")
        assert answer(connection)[1] == b"/slow"


UPGRADE = (
    b"POST /echo HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: 31\r\n\r\n"
)
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n"[:31]


@pytest.mark.parametrize("cut", [len(UPGRADE) + 31, len(UPGRADE) + 7, len(UPGRADE), 90, 1])
def test_a_wish_for_another_protocol_is_not_heard(port: int, cut: int) -> None:
    """curl --http2 and Java send it with each first request; its body is no request of its own."""
    sent = UPGRADE + HIDDEN
    with connected(port) as connection:
        connection.sendall(sent[:cut])
        threading.Event().wait(0.1)
        connection.sendall(sent[cut:] + b"GET /next HTTP/1.1\r\n\r\n")
        assert answer(connection) == (200, HIDDEN, "connection,content-length,http2-settings")
        assert answer(connection)[1] == b"/next"


def test_many_wishes_at_once_are_answered_in_turn(port: int) -> None:
    """Each is read again; so many must cost neither the stack nor the time of all others."""
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" * 2000)
        assert {answer(connection)[0] for _ in range(2000)} == {200}


@pytest.mark.parametrize("target", [b"/", b"x:1"])
def test_there_is_no_tunnel(port: int, target: bytes) -> None:
    """What follows CONNECT would not be for the service: one answer, and the connection ends."""
    with connected(port) as connection:
        connection.sendall(b"CONNECT %s HTTP/1.1\r\n\r\n" % target + HIDDEN)
        assert answer(connection)[0] == (200 if target == b"/" else 400)
        assert connection.recv(1) == b""
