"""Attacks the way in: methods, types, ids, limits, crowds."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.serving.front import ARRIVING
from tests.gatehouse.serving.place import JSON, ROW, Client, Reply, serving


@pytest.mark.parametrize(
    "kind",
    [
        b"application/json",
        b"Application/JSON; charset=UTF-8",
        b"application/vnd.api+json",
    ],
)
def test_json_by_its_names_is_read(client: Client, kind: bytes) -> None:
    """Letter case, a charset, and types that end in +json."""
    assert client.ask(ROW, (b"content-type", kind)).status == 200


@pytest.mark.parametrize(
    "kind",
    [b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/json; charset=latin-1",
     b"application/jsonp", b"multipart/form-data; boundary=json", b"application/json\x00"],
)  # fmt: skip
def test_what_is_not_sent_as_json_is_refused(client: Client, kind: bytes) -> None:
    """Other types, other charsets, none."""
    assert client.ask(ROW, (b"content-type", kind)).status == 415


def test_a_compressed_body_is_refused(client: Client) -> None:
    """What grows when it is unpacked is not unpacked."""
    assert client.ask(ROW, JSON, (b"content-encoding", b"gzip")).status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_another_method_is_refused_and_told_the_right_one(client: Client, method: str) -> None:
    """RFC 9110 asks for Allow."""
    reply = client.ask(ROW, method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("given", ["a" * 64, "0-9_A.z:", "trace:7.b-9"])
def test_a_sane_request_id_comes_back(client: Client, given: str) -> None:
    """So that a request can be followed through several services."""
    reply = client.ask(ROW, JSON, (b"x-request-id", given.encode()))
    assert reply.headers["x-request-id"] == reply.json["request_id"] == given


@pytest.mark.parametrize("given", [b"", b"a" * 65, b"a b", b"a\nb", b'"', b"\xff", b"<script>"])
def test_a_request_id_that_is_not_sane_is_replaced(client: Client, given: bytes) -> None:
    """Nothing of the client's choosing gets into headers and logs but plain, short names."""
    reply = client.ask(ROW, JSON, (b"x-request-id", given))
    assert re.fullmatch("[0-9a-f]{32}", reply.headers["x-request-id"])


def test_refusals_and_other_paths_have_an_id_too(client: Client) -> None:
    """A 4xx, and what BentoML answers."""
    for reply in (client.ask({}), client.ask(path="/", method="GET")):
        assert reply.headers["x-request-id"]


def test_a_body_may_come_in_parts(client: Client) -> None:
    """As chunked transfer brings it."""
    text = b'{"age": 1, "job": null, "kids": 0, "to/wn~": "x", "heat": 0}'
    assert client.ask(chunks=tuple(text[i : i + 7] for i in range(0, len(text), 7))).status == 200


def test_a_body_that_is_too_large_is_refused(root: Path) -> None:
    """At the limit it is read; one more byte and it is not, whole or in parts without an end."""
    with serving(root, max_bytes=200) as client:
        text = b'{"age": 1, "job": null, "kids": 0, "to/wn~": "x", "heat": 0}'
        assert client.ask(text.ljust(200)).status == 200
        assert client.ask(text.ljust(201)).status == 413
        reply = client.ask(chunks=(b" " * 100,) * 10_000)
        assert (reply.status, reply.headers["connection"]) == (413, "close")


def test_a_body_that_does_not_arrive_is_given_up(root: Path) -> None:
    """A client that sends a byte and waits holds no place for long."""
    with serving(root, timeout=0.05) as client:
        reply = client.ask(chunks=(b"{", b"}"), pause=lambda: asyncio.sleep(0.04))
        assert reply.status == 408


def test_a_crowd_is_shed_and_the_service_recovers(root: Path) -> None:
    """What comes at once beyond the limit is told to come back; those within it are answered."""

    async def crowd(client: Client) -> list[Reply]:
        return list(await asyncio.gather(*(client.asked(ROW) for _ in range(50))))

    with serving(root, max_concurrency=8) as client:
        for _ in range(3):
            replies = asyncio.run(crowd(client))
            shed = [reply for reply in replies if reply.status == 503]
            assert len(shed) == 42
            assert {reply.headers["retry-after"] for reply in shed} == {"1"}
        assert client.ask(ROW).status == 200


async def start_and_wait(client: Client, many: int, first: bytes) -> list[asyncio.Task[Reply]]:
    """Clients that send the first part of a body, and no more."""
    never = asyncio.Event()

    def slow() -> asyncio.Task[Reply]:
        parts = iter([lambda: asyncio.sleep(0), never.wait])
        return asyncio.create_task(client.asked(chunks=(first, b"}"), pause=lambda: next(parts)()))

    tasks = [slow() for _ in range(many)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def test_clients_that_do_not_send_their_bodies_shut_nobody_out(root: Path) -> None:
    """A byte is no request: what is whole is answered, however many are not."""

    async def attack(client: Client) -> Reply:
        slow = await start_and_wait(client, 50, b"{")
        reply = await client.asked(ROW)
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        return reply

    with serving(root, max_concurrency=4) as client:
        assert asyncio.run(attack(client)).status == 200


def test_parts_of_bodies_have_an_end_together(root: Path) -> None:
    """Else slow clients would hold memory without end; small bodies are whole, and get by."""

    async def attack(client: Client) -> None:
        slow = await start_and_wait(client, ARRIVING + 10, b" " * 200)
        shed = [task.result() for task in slow if task.done()]
        assert [reply.status for reply in shed] == [503] * 10
        assert {reply.headers["connection"] for reply in shed} == {"close"}
        assert (await client.asked(ROW)).status == 200
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        text = json.dumps(ROW).encode()
        assert (await client.asked(chunks=(text[:20], text[20:]))).status == 200

    with serving(root, max_bytes=200) as client:
        asyncio.run(attack(client))


def test_large_requests_let_small_ones_and_health_in_between(client: Client) -> None:
    """Else a crowd of large ones would hold up the probes for seconds, and be killed for it."""
    done: list[str] = []

    async def ask(name: str, body: object) -> None:
        assert (await client.asked(body)).status == 200
        done.append(name)

    async def all_at_once() -> None:
        await asyncio.gather(*(ask("large", [ROW] * 900) for _ in range(10)), ask("small", ROW))

    asyncio.run(all_at_once())
    assert done.index("small") < 3


def test_a_client_that_hangs_up_leaves_nothing_behind(root: Path) -> None:
    """Its place is free again."""

    async def hang_up(client: Client) -> None:
        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            raise AssertionError("nobody is there to be answered")

        scope = {"type": "http", "path": "/predict", "method": "POST", "headers": [JSON]}
        await client.front(scope, receive, send)

    with serving(root, max_concurrency=1) as client:
        for _ in range(3):
            asyncio.run(hang_up(client))
        assert client.ask(ROW).status == 200


def test_a_model_that_fails_is_a_500_without_its_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is for the log; the client gets an id to ask by."""

    def fail(*_: object) -> bytes:
        raise GatehouseError("secret inner things")

    monkeypatch.setattr(client.house.predictor, "answer", fail)
    reply = client.ask(ROW)
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert "secret inner things" in caplog.text
    assert reply.headers["x-request-id"] in caplog.text


def test_a_websocket_is_closed(client: Client) -> None:
    """There is none here, and none gets past the tokens."""
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/predict", "headers": []}
    asyncio.run(client.front(scope, receive, send))  # type: ignore[arg-type]
    assert sent == ["websocket.close"]
