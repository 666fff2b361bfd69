"""Fuzz the service: `python -m tests.gatehouse.serving.fuzz --examples 10000 --seed 1`.

Each target makes requests of one kind and holds the answer against what is known of it.
"""

from __future__ import annotations

import ast
import json
import math
import socket
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import click
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gatehouse.serving.errors import pointer
from tests.fuzz.campaign import Target, campaign, table
from tests.fuzz.mutations import mutated
from tests.gatehouse.serving.place import JSON, ROW, Client, Reply, lay_out, serving
from tests.gatehouse.serving.process import Process, running

TEXT = st.text(max_size=12) | st.text("\0\ud800\\u/~\"'<é", max_size=4)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT
    | st.sampled_from([10**30, -(10**400), 1e308, -0.0, 5e-324, "nurse", "Ulm", "x" * 201, 2.0])
)  # fmt: skip
ANY = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))
REQUIRED: dict[str, st.SearchStrategy[Any]] = {
    "age": st.none() | st.floats(0, 120) | st.integers(0, 120),
    "job": st.none() | st.sampled_from(["nurse", "cook"]),
    "kids": st.integers(0, 20) | st.integers(0, 20).map(float),
    "to/wn~": st.text(st.characters(codec="utf-8"), min_size=1, max_size=200),
    "heat": st.floats(-3.4e38, 3.4e38) | st.integers(-(10**30), 10**30),
}
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "id": st.text("ab-0", min_size=1, max_size=9),
    "sex": st.sampled_from("fm"),
}
GOOD = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL)
KEYS = st.sampled_from([*ROW, "id", "sex", "note", "rich", "nix"]) | TEXT
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"content-type", b"content-encoding", b"content-length", b"x-request-id",
                         b"authorization", b"accept", b"expect"]) | st.binary(max_size=9),
        st.sampled_from([b"application/json", b"gzip", b"-1"]) | st.binary(max_size=70),
    ),
    max_size=4,
)  # fmt: skip
REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def answered(reply: Reply) -> str:
    """The status; raises where it, or the body, is none that a client can read."""
    told = reply.json
    if reply.status == 200:
        for found in told.get("predictions", [told]):
            assert 0 <= found["probability"] <= 1
            assert found["decision"] == ("yes" if found["probability"] >= 0.75 else "no")
    else:
        assert 400 <= reply.status < 500, reply
        assert told["status"] == reply.status
        assert len(reply.body) < 30_000
    return str(reply.status)


def must_be(reply: Reply, valid: bool) -> str:
    assert (reply.status == 200) == valid, (reply, valid)
    return answered(reply)


def places(value: Any, *path: str | int) -> set[str]:
    """JSON Pointers to all in `value`, and to one key more in each object."""
    found = {pointer(*path)}
    if isinstance(value, dict):
        found |= {pointer(*path, name) for name in ROW}
        for key, part in value.items():
            found |= places(part, *path, key)
    elif isinstance(value, list):
        found.add(pointer(*path, 1000))
        for index, part in enumerate(value):
            found |= places(part, *path, index)
    return found


def finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(finite(part) for part in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def whole_text(value: Any) -> bool:
    """No half a Unicode character in it."""
    return not any(
        "\ud800" <= letter <= "\udfff" for letter in json.dumps(value, ensure_ascii=False)
    )


@st.composite
def nearly_good(draw: st.DrawFn) -> Any:
    """A good row, or several, in which something is changed, missing or too much."""
    rows = draw(st.lists(GOOD, min_size=1, max_size=3))
    for _ in range(draw(st.integers(1, 2))):
        row = draw(st.sampled_from(rows))
        key = draw(KEYS)
        if draw(st.booleans()):
            row[key] = draw(ANY)
        else:
            row.pop(key, None)
    return rows[0] if draw(st.booleans()) else rows


def targets(client: Client, service: Process) -> list[Target]:
    """Kinds of requests, to the service in this process and in one of its own."""
    document = client.house.openapi
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    schema = Draft202012Validator(body["schema"] | {"components": document["components"]})

    def near(text: bytes) -> str:
        value = json.loads(text)
        valid = finite(value) and whole_text(value) and schema.is_valid(value)
        reply = client.ask(text)
        if reply.status >= 400 and whole_text(value):
            assert set(reply.pointers) <= places(value), reply
        return must_be(reply, valid)

    def request(data: bytes) -> str:
        method, path, headers, text = ast.literal_eval(data.decode())
        reply = client.ask(text, *headers or [JSON], method=method, path=path)
        return answered(reply) if path == "/predict" else str(reply.status)

    replaced = st.text().map(lambda text: text.encode("utf-8", "replace"))
    requests = st.tuples(
        st.sampled_from(["POST", "GET", "HEAD", "PUT", "X"]),
        st.sampled_from(["/predict", "/model", "/metrics", "/docs.json"]) | st.text(max_size=9),
        HEADERS,
        GOOD.map(encoded) | st.binary(max_size=40),
    )
    raw = REQUEST % (len(encoded(ROW)), encoded(ROW))
    return [
        Target("good rows", st.lists(GOOD, min_size=1, max_size=5).map(encoded),
               lambda text: must_be(client.ask(text), True)),
        Target("rows with a change, against the schema", nearly_good().map(encoded), near),
        Target("any JSON", ANY.map(encoded), lambda text: answered(client.ask(text))),
        Target("any bytes", st.binary() | replaced,
               lambda text: answered(client.ask(text))),
        Target("a row with mutated bytes", mutated(encoded([ROW, ROW])),
               lambda text: answered(client.ask(text))),
        Target("any method, path and headers", requests.map(lambda found: repr(found).encode()),
               request),
        Target("mutated HTTP", mutated(raw), over_http(service), share=0.2),
    ]  # fmt: skip


def over_http(service: Process) -> Callable[[bytes], str]:
    """Send bytes, wait a while for an answer, and see that the service is well."""

    def attempt(data: bytes) -> str:
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.settimeout(0.5)
            connection.sendall(data)
            try:
                reply = connection.recv(100)
            except (ConnectionResetError, TimeoutError):
                reply = b""
        assert service.popen.poll() is None, service.log.read_text()
        assert service.client.get("/livez").status_code == 200
        status = reply[9:12].decode() or "no answer"
        assert not status.startswith("5"), reply
        return status

    return attempt


@click.command()
@click.option("--examples", default=1000, show_default=True, help="Requests of each kind.")
@click.option("--seed", default=0, show_default=True, help="Another seed, other requests.")
def main(examples: int, seed: int) -> None:
    """Throw requests at the service, and print what it answered as a table."""
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = lay_out(Path(name))
        with serving(root) as client, running(root, GATEHOUSE_SERVE_TIMEOUT="0.1") as service:
            for target in targets(client, service):
                start = perf_counter()
                counts[target.name] = campaign(target, examples, seed)
                click.echo(f"{target.name}: {perf_counter() - start:.0f} s", err=True)
    click.echo(table(counts))


if __name__ == "__main__":
    main()
