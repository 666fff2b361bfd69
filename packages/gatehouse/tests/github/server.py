"""The HTTP side of the stand-in for GitHub."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import warnings
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import tests.github.routes  # noqa: F401 - registers what is known
from tests.github import openapi
from tests.github.faults import RESET
from tests.github.git_store import GitError
from tests.github.graphql import answer_graphql
from tests.github.routing import ROUTES, RefusedError, Reply, Request, page
from tests.github.state import Call, State, Token
from tests.github.teams import answer_teams

NOBODY = Token({}, login="")
FORBIDDEN = "Resource not accessible by integration"


class Server(ThreadingHTTPServer):
    """Answers for one repository on a free port of this machine."""

    daemon_threads = True

    def __init__(self, state: State) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        state.url = f"http://127.0.0.1:{self.server_port}"
        # Another name, so that clients which drop the token between hosts are seen to do so.
        state.blob_url = f"http://localhost:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away early is no defect of the stand-in."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are kept in the state."""

    def _serve(self) -> None:
        state = self.server.state
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = _token(state, self.headers.get("Authorization"))
        with state.lock:
            fault = next((f for f in state.faults if f.strikes(self.command, self.path)), None)
            body = _parsed(data)
            if fault is None or fault.after:
                reply = self._answer(token, body, bool(data))
            if fault is not None:
                reply = Reply(fault.status, {"message": "planted"}, fault.headers)
            known = token or NOBODY
            call = Call(self.command, self.path, body, known.grants, known.login, reply.status)
            state.calls.append(call)
        if reply.status == RESET:
            self._cut()
        else:
            self._send(reply)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the parent's names

    def _answer(self, token: Token | None, body: Any, sent: bool) -> Reply:
        state, split = self.server.state, urlsplit(self.path)
        try:
            if found := re.fullmatch(r"/blobs/(\d+)", split.path):
                return self._blob(int(found[1]))
            if token is None:
                message = (
                    "Bad credentials"
                    if "Authorization" in self.headers
                    else ("Requires authentication")
                )
                raise RefusedError(401, message)
            if sent and body is None:
                raise RefusedError(400, "Problems parsing JSON")
            query = dict(parse_qsl(split.query, keep_blank_values=True))
            request = Request(self.command, split.path, query, body, token)
            if (self.command, split.path) == ("POST", "/graphql"):
                return answer_graphql(state, request)
            return _routed(state, request, self.path)
        except RefusedError as refusal:
            return Reply(refusal.status, refusal.body)
        except GitError as problem:
            return Reply(422, {"message": str(problem), "status": "422"})

    def _blob(self, number: int) -> Reply:
        if "Authorization" in self.headers:
            raise RefusedError(400, "a signed URL and an Authorization header exclude each other")
        for each in self.server.state.artifacts():
            if each.id == number:
                return Reply(body=each.file.read_bytes())
        raise RefusedError(404, "Not Found")

    def _send(self, reply: Reply) -> None:
        raw = isinstance(reply.body, bytes)
        data = reply.body if raw else json.dumps(reply.body).encode()
        if reply.status in (204, 302):
            data = b""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/zip" if raw else "application/json")
            self.send_header("Content-Length", str(len(data)))
            for key, value in reply.headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

    def _cut(self) -> None:
        # With no time to linger, closing sends a reset.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True


def _routed(state: State, request: Request, whole: str) -> Reply:
    if openapi.available():
        try:
            openapi.check_call(request.method, whole, request.body)
        except AssertionError as error:
            raise RefusedError(422, f"not a call of GitHub's API: {error}") from None
    prefix = f"/repos/{state.full_name}"
    path = unquote(request.path)
    if path.startswith("/orgs/"):
        return answer_teams(state, request, path)
    if path != prefix and not path.startswith(prefix + "/"):
        raise RefusedError(404, "Not Found")
    for route in ROUTES:
        found = route.pattern.fullmatch(path.removeprefix(prefix))
        if route.method != request.method or found is None:
            continue
        if not any(request.token.may(need) for need in route.needs):
            raise RefusedError(403, FORBIDDEN)
        parts = found.groupdict()
        reply = route.handler(
            state,
            Request(
                request.method, request.path, request.query, request.body, request.token, parts
            ),
        )
        if reply.listed is not None:
            return page(request, reply.listed, reply.key, state.url)
        return reply
    warnings.warn(f"the stand-in for GitHub lacks {request.method} {path}", stacklevel=1)
    raise RefusedError(501, f"the stand-in has no {request.method} {path}")


def _token(state: State, header: str | None) -> Token | None:
    scheme, _, value = (header or "").partition(" ")
    return state.token(value) if scheme.lower() in ("bearer", "token") else None


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None
