"""A stand-in for the endpoint from which GitHub's runner takes OpenID Connect tokens of a job."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BEARER = "of-this-job"


class Tokens(ThreadingHTTPServer):
    """GitHub's endpoint: a new token at each request, for whoever shows the job's bearer.

    Attributes:
        asked: the audiences that tokens were given for.
        refuse: statuses that the next requests get instead.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []
        self.refuse: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/token?api-version=2.0"


class _Answer(BaseHTTPRequestHandler):
    server: Tokens

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        right = self.headers["Authorization"] == f"Bearer {BEARER}" and query["api-version"] == [
            "2.0"
        ]
        status = self.server.refuse.pop(0) if self.server.refuse else 200 if right else 401
        body = b"{}"
        if status == 200:
            (audience,) = query["audience"]
            self.server.asked.append(audience)
            body = json.dumps({"value": f"token-{len(self.server.asked)}.of.github"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Nothing: the tests' output is theirs."""


@contextmanager
def serving() -> Iterator[Tokens]:
    server = Tokens()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
