"""A folder with a small contract and graph, and ways to ask the service that serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse.contract import load_contract
from gatehouse.serving.front import Front
from gatehouse.serving.house import House
from gatehouse.serving.settings import ServingSettings
from gatehouse.workspace import MODEL
from tests.gatehouse.tiny import make_graph

CONTRACT = """\
version: 1
name: tiny
description: One made-up person
split: {hash: 1, identity: [id], valid: 0.16, test: 0.2}
columns:
  id: {type: string, role: key, description: Number of the person}
  age: {type: number, range: [0, 120], missing: 0.5, description: Years}
  job: {type: category, categories: [nurse, cook], missing: 0.5, description: Work}
  kids: {type: integer, range: [0, 20], description: Children}
  to/wn~: {type: category, unknown: other, categories: [Ulm, Bonn], description: Home}
  sex: {type: category, role: protected, categories: [f, m], description: Sex}
  heat: {type: number, description: Without a range}
  note: {type: string, role: ignored, description: Free text}
  rich:
    type: category
    role: target
    categories: ["no", "yes"]
    positive: "yes"
    description: Is the person rich?
"""

ROW = {"age": 50, "job": "nurse", "kids": 2, "to/wn~": "Ulm", "heat": 0.5}
JSON = (b"content-type", b"application/json")


def lay_out(root: Path, contract_text: str = CONTRACT) -> Path:
    """A model that is served: sigmoid(0.02 * age), +1 for a nurse; threshold 0.75."""
    import onnx

    (root / "contract.yaml").write_text(contract_text)
    contract = load_contract(root / "contract.yaml")
    (root / MODEL).parent.mkdir()
    onnx.save_model(make_graph(contract=contract.digest), root / MODEL)
    return root


@dataclass(frozen=True)
class Reply:
    """A response as the client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.json["errors"]]


async def bentoml(scope: Any, receive: Any, send: Any) -> None:
    """Stands for all that is BentoML's."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Client:
    """Asks the service in this process; `chunks` arrive one after the other."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.front = Front(bentoml, house)

    def ask(self, *args: Any, **kwargs: Any) -> Reply:
        return asyncio.run(self.asked(*args, **kwargs))

    async def asked(
        self,
        body: Any = b"",
        *headers: tuple[bytes, bytes],
        path: str = "/predict",
        method: str = "POST",
        chunks: tuple[bytes, ...] | None = None,
        pause: Callable[[], Any] | None = None,
    ) -> Reply:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        parts = list(chunks if chunks is not None else (text,))
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if pause is not None:
                await pause()
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "path": path,
            "method": method,
            "headers": list(headers or (JSON,)),
        }
        await self.front(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], told, b"".join(m["body"] for m in sent[1:]))


@contextmanager
def serving(root: Path, **settings: Any) -> Iterator[Client]:
    """The service of `root` in this process."""
    house = House.open(root, ServingSettings(**settings))
    try:
        yield Client(house)
    finally:
        house.close()
