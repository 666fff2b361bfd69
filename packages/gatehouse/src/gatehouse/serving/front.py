"""The path of a request: authorization, limits on concurrency, and routing.

It is an ASGI middleware of the BentoML service, so every request passes it. Its own paths are
answered here, above BentoML's router: benchmarks/serving shows the cost of each layer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from time import perf_counter

from gatehouse.serving import metrics
from gatehouse.serving.asgi import Answer, App, Arriving, Gone, Receive, Scope, Send, read_body
from gatehouse.serving.errors import Refused
from gatehouse.serving.house import House, open_house
from gatehouse.verdict import Outcome

HEALTH = frozenset({"/livez", "/readyz", "/healthz"})

LARGE = 4096
"""Bytes of a body above which parsing takes milliseconds, so that it waits for its turn."""

ARRIVING = 64
"""Maximum size of all incomplete bodies together, as a multiple of the largest allowed body."""

_JSON = b"application/json"
_PROBLEM = b"application/problem+json"
_JSON_TYPE = re.compile(rb"application/(?:[\w.-]+\+)?json(?:\s*;\s*charset=\"?utf-8\"?)?", re.I)
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_WAIT = ((b"retry-after", b"1"),)
_BEARER = ((b"www-authenticate", b"Bearer"),)
_ONLY_HERE = b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"
"""Content-Security-Policy (W3C) of BentoML's page, which otherwise loads Google Tag Manager."""

logger = logging.getLogger(__name__)

Headers = dict[bytes, bytes]
Handler = Callable[[Headers, Receive, str], Awaitable[Answer]]


class Front:
    """Answer the service's own paths, and forward the others to BentoML."""

    def __init__(self, app: App, house: House | None = None) -> None:
        """Load the model.

        Raises:
            GatehouseError: settings, contract, model, card or verdict are not usable.
        """
        self._app = app
        self._house = house or open_house()
        self._in_work = 0
        self._arriving = Arriving(ARRIVING * self._house.settings.max_bytes)
        self._large = asyncio.Lock()
        self._handlers: dict[str, tuple[str, Handler]] = {
            "/predict": ("POST", self._predict),
            "/model": ("GET", self._constant(_JSON, json.dumps(self._house.described))),
            "/docs.json": ("GET", self._constant(_JSON, json.dumps(self._house.openapi))),
            "/metrics": ("GET", self._metrics),
        }
        model, verdict = self._house.described["model"], self._house.described["verdict"]
        outcome = verdict["outcome"] if verdict else Outcome.NONE
        level = logging.INFO if outcome == Outcome.PASS else logging.WARNING
        logger.log(level, "model %s; verdict on it: %s", model, outcome)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http" and scope["path"] not in HEALTH:
            await self._request(scope, receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)
            if kind == "lifespan":
                self._house.close()

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: Headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _SANE_ID.fullmatch(given) else secrets.token_hex(16)
        path: str = scope["path"]
        try:
            answer = await self._answer(scope, headers, receive, request_id)
        except Gone:
            return
        if answer is None:
            await self._app(scope, receive, _with_headers(send, request_id))
            return
        await answer.send(send, request_id)
        path = path if path in self._handlers else metrics.OTHER
        metrics.count_request(path, answer.status, perf_counter() - started)

    async def _answer(
        self, scope: Scope, headers: Headers, receive: Receive, request_id: str
    ) -> Answer | None:
        """Return the answer, or None if the path is BentoML's."""
        try:
            if not self._house.tokens.allow(headers.get(b"authorization")):
                raise Refused(401, "send a valid bearer token", headers=_BEARER)
            found = self._handlers.get(scope["path"])
            if found is None:
                return None
            method, handler = found
            if scope["method"] != method and (method, scope["method"]) != ("GET", "HEAD"):
                allow = ((b"allow", method.encode()),)
                raise Refused(405, f"the method of this path is {method}", "method", headers=allow)
            return await handler(headers, receive, request_id)
        except Refused as refused:
            if refused.reason is not None:
                metrics.REFUSED.labels(refused.reason).inc()
            body = refused.body(request_id)
            return Answer(refused.status, _PROBLEM, body, refused.headers)
        except Gone:
            raise
        except Exception:
            logger.exception("request %s failed", request_id)
            failed = Refused(500, "the service failed; its log has the reason")
            return Answer(500, _PROBLEM, failed.body(request_id))

    async def _predict(self, headers: Headers, receive: Receive, request_id: str) -> Answer:
        settings = self._house.settings
        _check_type(headers)
        started = perf_counter()
        metrics.IN_WORK.inc()
        try:
            body = await read_body(receive, settings.max_bytes, settings.timeout, self._arriving)
            return await self._work(body, request_id, started)
        finally:
            metrics.IN_WORK.dec()

    async def _work(self, body: bytes, request_id: str, started: float) -> Answer:
        """Answer a complete body; an incomplete body must not occupy a place."""
        settings, log = self._house.settings, self._house.log
        if self._in_work >= settings.max_concurrency:
            raise Refused(503, "too many requests at once; try again", headers=_WAIT)
        self._in_work += 1
        try:
            large = len(body) > LARGE
            # One large request at a time, so that health checks and single rows get in between.
            async with self._large if large else contextlib.nullcontext():
                # Count requests that arrived together before working on them, to recognize a crowd.
                await asyncio.sleep(0)
                if large and log is not None:
                    await log.room()
                if perf_counter() - started > settings.timeout:
                    raise Refused(503, "waited too long", headers=_WAIT)
                return Answer(200, _JSON, self._house.predictor.answer(body, request_id))
        finally:
            self._in_work -= 1

    async def _metrics(self, headers: Headers, receive: Receive, request_id: str) -> Answer:
        body, kind = metrics.exposition()
        return Answer(200, kind, body)

    def _constant(self, kind: bytes, text: str) -> Handler:
        answer = Answer(200, kind, text.encode())

        async def handler(headers: Headers, receive: Receive, request_id: str) -> Answer:
            return answer

        return handler


def _check_type(headers: Headers) -> None:
    kind = headers.get(b"content-type", b"")
    if kind != _JSON and not _JSON_TYPE.fullmatch(kind.strip()):
        detail = "send it with the header Content-Type: application/json"
        raise Refused(415, detail, "content_type")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(415, "send it uncompressed, without Content-Encoding", "encoding")


def _with_headers(send: Send, request_id: str) -> Send:
    own = ((b"x-request-id", request_id.encode()), (b"content-security-policy", _ONLY_HERE))

    async def with_headers(message: Scope) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *own]
        await send(message)

    return with_headers
