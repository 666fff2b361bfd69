"""The servers that are compared: the same graph and the same checks of a row behind each.

Each is written as its framework's own documentation does it. None but ours looks for keys that
stand twice, counts metrics of the model or gives ids to requests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gatehouse.serving.schema import row_type
from gatehouse.serving.served import load_served

served = load_served(Path())
Row = row_type(served.contract)
adapter = TypeAdapter(Row)


def predict(row: Any) -> dict[str, Any]:
    return predict_all([row])[0]


def predict_all(rows: list[Any]) -> list[dict[str, Any]]:
    about = {"threshold": served.model.metadata.threshold, "model": served.digest}
    return [entry | about for entry in served.log_entries(served.outputs(rows))]


async def _respond(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def floor(scope: Any, receive: Any, send: Any) -> None:
    """The least that ASGI can do: no routing, no framework."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    try:
        await _respond(send, 200, json.dumps(predict(adapter.validate_json(body))).encode())
    except ValidationError as error:
        await _respond(send, 422, error.json().encode())


def fastapi() -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/predict")
    async def answer(row: Row) -> dict[str, Any]:
        return predict(row)

    return app


def flask() -> Any:
    from flask import Flask, request

    app = Flask(__name__)

    @app.post("/predict")
    def answer() -> Any:
        try:
            return predict(adapter.validate_json(request.data))
        except ValidationError as error:
            return error.json(), 422

    return app


def without_bentoml() -> Any:
    """Our own row path with no BentoML around it: what BentoML's layers cost."""
    from gatehouse.serving.front import Front

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})

    return Front(nothing)


if which := os.environ.get("BENCHMARK_BENTOML"):
    import bentoml

    off: dict[str, Any] = {
        "metrics": {"enabled": False},
        "logging": {"access": {"enabled": False}},
        "tracing": {"excluded_urls": ".*"},
    }

    if which == "Lean":

        @bentoml.service(name="lean", **off)
        class Lean:
            @bentoml.api
            async def predict(self, row: Row) -> dict[str, Any]:
                return predict(row)

    elif which == "Batch":

        @bentoml.service(name="batch")
        class Batch:
            @bentoml.api(batchable=True)
            def predict(self, rows: list[Row]) -> list[dict[str, Any]]:
                return predict_all(rows)

    else:

        @bentoml.service(name="stock")
        class Stock:
            @bentoml.api
            def predict(self, row: Row) -> dict[str, Any]:
                return predict(row)
