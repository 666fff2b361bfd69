"""`python -m gatehouse.serving`: serve the model in this folder, in one process.

`bentoml serve` serves the same, with a second process above this one.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys

from gatehouse.command import command
from gatehouse.errors import GatehouseError

_SHOWN = 1_000
"""Maximum number of characters of an example row to print; a wide table would fill the screen."""

UNREAD = 75_000
"""Milliseconds after which a client that does not read its answer is disconnected; equal to the
limit for sending nothing."""


@command
def main() -> int:
    """Serve until SIGTERM or SIGINT; exit code 2 where model or settings are not usable."""
    # A shell script starts its background processes with SIGINT ignored; make SIGINT end this one
    # anyway.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    from gatehouse.contract import load_contract
    from gatehouse.serving.house import open_house
    from gatehouse.serving.served import some_row
    from gatehouse.serving.server import Server
    from gatehouse.serving.service import application

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    settings = open_house().settings
    server = Server(application(), settings)
    with listen(settings.host, settings.port, server.config.backlog) as listening:
        logger = logging.getLogger(__name__)
        logger.info("http://%s:%d", settings.host, settings.port)
        row = json.dumps(some_row(load_contract()), ensure_ascii=False).replace("'", "'\\''")
        if len(row) <= _SHOWN:
            logger.info(
                "try: curl http://%s:%d/predict -H 'Content-Type: application/json' -d '%s'",
                settings.host, settings.port, row,
            )  # fmt: skip
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
    return 0


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket whose connections send answers at once and time out if unread."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise GatehouseError(f"{host}:{port}: cannot listen there ({error.strerror})") from None
    # Connections inherit it. asyncio sets it only if the socket names its protocol, which this one
    # does not. Without it, a client's delayed acknowledgement delays each answer by 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":  # elsewhere, a client that reads no answer keeps its connection
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD)
    return listening


if __name__ == "__main__":
    main()
