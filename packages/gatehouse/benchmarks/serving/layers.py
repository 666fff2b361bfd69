"""What each layer between uvicorn and the answer costs, in CPU time per request, in one process.

    .venv/bin/python packages/gatehouse/benchmarks/serving/layers.py

No network: requests are handed to the ASGI application. The least of several rounds counts.
Writes its table into RESULTS.md beside this file.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from unittest import mock

import uvloop
from apps import adapter, floor
from prometheus_client import Counter, Gauge, Histogram
from run import ROW, write_between
from starlette.routing import Route, Router

from gatehouse.contract import load_contract
from gatehouse.serving.front import Front
from gatehouse.serving.house import House, open_house
from gatehouse.serving.rows import Reader
from gatehouse.serving.served import load_served
from gatehouse.serving.service import service

ROUNDS, CALLS = 7, 3000
BODY = json.dumps(ROW).encode()
SCOPE = {
    "type": "http", "http_version": "1.1", "method": "POST", "path": "/predict", "scheme": "http",
    "raw_path": b"/predict", "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 3000), "asgi": {"version": "3.0"},
    "headers": [(b"host", b"127.0.0.1:3000"), (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(BODY))],
}  # fmt: skip
"""As wrk's requests are."""


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": BODY, "more_body": False}


async def send(message: Any) -> None:
    pass


async def least(call: Callable[[], Awaitable[Any]]) -> float:
    """Microseconds of CPU per call, in the best round."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            await call()
        rounds.append((time.process_time() - start) / CALLS * 1e6)
    return min(rounds)


def bentoml(*left_out: str) -> Any:
    """BentoML's application, without some of its middlewares."""
    app: Any = service.to_asgi()
    app.user_middleware = [m for m in app.user_middleware if m.cls.__name__ not in left_out]
    return app


def sends(app: Any) -> Callable[[], Awaitable[None]]:
    return lambda: app(dict(SCOPE), receive, send)


async def main() -> None:
    house = open_house()
    served, reader = load_served(Path()), Reader(load_contract(), 1)
    row = cast(dict[str, Any], reader.read(BODY))

    async def graph() -> None:
        served.outputs([row])

    async def read() -> None:
        served.outputs([cast(dict[str, Any], reader.read(BODY))])

    async def answer() -> None:
        house.predictor.answer(BODY, "0")

    opentelemetry, timeout = "OpenTelemetryMiddleware", "TimeoutMiddleware"
    steps: dict[str, Callable[[], Awaitable[None]]] = {
        "the graph, its inputs made from a row": graph,
        "the row, read from JSON and checked": read,
        "counting, and the answer as JSON": answer,
        "the way in: id, tokens, limits, body, metrics": sends(Front(bentoml(), house)),
        "BentoML's application, as `make serve` has it": sends(bentoml(opentelemetry, timeout)),
        "left out: its OpenTelemetry, told to leave out every path": sends(bentoml(timeout)),
        "left out: its time limit, a task and a timer per request": sends(bentoml()),
    }
    lines = ["| and then | µs more | µs |", "| :--- | ---: | ---: |"]
    before = 0.0
    for name, call in steps.items():
        now = await least(call)
        lines.append(f"| {name} | {now - before:.0f} | {now:.0f} |")
        before = now
    many = json.dumps([ROW] * 1000).encode()
    start = time.process_time()
    for _ in range(20):
        house.predictor.answer(many, "0")
    per_row = (time.process_time() - start) / 20_000 * 1e6
    lines += ["", f"In a list of 1000, a row takes {per_row:.0f} µs in all."]
    write_between("layers", "\n".join(lines) + "\n")
    write_between("floor", await over_the_floor(house))


async def over_the_floor(house: House) -> str:
    """What the row path does that a bare ASGI application does not: each part taken out."""
    front = sends(Front(_nothing, house))
    bare, whole = await least(sends(floor)), await least(front)
    rows = [("bare ASGI application", bare), ("Gatehouse's row path", whole)]
    for name, instead, places in PARTS:
        with ExitStack() as patches:
            for owner, attribute in places:
                patches.enter_context(mock.patch.object(owner, attribute, instead))
            rows.append((f"less for {name}", whole - await least(front)))
    routed = Router(
        [Route(path, _Endpoint(front), methods=[method]) for path, method in PATHS.items()]
    )
    rows.append(("more for Starlette's router", await least(sends(routed)) - whole))
    lines = ["| in one process, without a network | µs |", "| :--- | ---: |"]
    lines += [f"| {name} | {microseconds:.0f} |" for name, microseconds in rows]
    return "\n".join(lines) + "\n"


class _Endpoint:
    """A class, since Starlette wraps functions."""

    def __init__(self, call: Callable[[], Awaitable[None]]) -> None:
        self._call = call

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._call()


async def _nothing(*_: Any) -> None:
    """Stands for what takes time or passes a request on."""


def _uncounted(*_: Any) -> None:
    pass


class _Untimed:
    """In place of `asyncio.timeout`."""

    def __init__(self, _seconds: float) -> None:
        pass

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


def _quick_read(_: Reader, body: bytes) -> Any:
    return adapter.validate_json(body)


PATHS = {"/predict": "POST", "/model": "GET", "/docs.json": "GET", "/metrics": "GET"}
COUNTED = [(Counter, "inc"), (Gauge, "inc"), (Gauge, "dec"), (Histogram, "observe")]
PARTS: list[tuple[str, Any, list[tuple[Any, str]]]] = [
    ("keys that stand twice, and errors by row and column", _quick_read, [(Reader, "read")]),
    ("counting requests, decisions and probabilities", _uncounted, COUNTED),
    ("the time limit of a body", _Untimed, [(asyncio, "timeout")]),
    ("letting other requests in between", _nothing, [(asyncio, "sleep")]),
    ("an id for each request", lambda _: "0" * 32, [(secrets, "token_hex")]),
]


if __name__ == "__main__":
    uvloop.run(main())
