"""Attacks the service as it runs: by itself, by `bentoml serve`, told to end, badly set."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gatehouse.serving.__main__ import listen
from gatehouse.serving.server import Server
from gatehouse.serving.settings import ServingSettings
from gatehouse.workspace import MODEL
from tests.gatehouse.serving.place import ROW
from tests.gatehouse.serving.process import OWN, WITHIN, Process, environment, running
from tests.loopback import free_port

JSON = {"Content-Type": "application/json"}
BENTOML = (sys.executable, "-m", "bentoml", "serve", "gatehouse.serving.service:service")


def samples(service: Process) -> dict[tuple[str, str], float]:
    """Value by name and labels, of all metrics."""
    text = service.client.get("/metrics").text
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def attempt_all(service: Process) -> None:
    """Health, predictions, description and metrics over real HTTP."""
    ask = service.client
    assert [ask.get(path).status_code for path in ("/livez", "/readyz", "/healthz")] == [200] * 3
    assert ask.post("/predict", json=ROW).json()["decision"] == "yes"
    assert len(ask.post("/predict", json=[ROW, ROW]).json()["predictions"]) == 2
    assert ask.post("/predict", json=ROW | {"age": 300}).status_code == 422
    assert ask.post("/predict", content="{").status_code == 415
    assert ask.get("/model").json()["model"] == ask.post("/predict", json=ROW).json()["model"]
    assert ask.get("/docs.json").json()["openapi"].startswith("3.1")
    assert "<html" in ask.get("/").text
    assert ask.get("/nix").status_code == 404
    found = samples(service)
    assert found["gatehouse_requests_total", "/predict,200"] == 3
    assert found["gatehouse_requests_total", "/predict,422"] == 1
    assert found["gatehouse_bad_inputs_total", "range"] == 1
    assert found["gatehouse_bad_inputs_total", "content_type"] == 1
    assert found["gatehouse_decisions_total", "yes"] == 4
    assert found["gatehouse_probability_count", ""] == 4
    assert found["gatehouse_request_seconds_count", "/predict"] == 5
    assert found["gatehouse_requests_in_work", ""] == 0
    assert not [labels for _, labels in found if "nix" in labels], "a path made a series"


def test_it_serves_by_itself(root: Path) -> None:
    """`python -m gatehouse.serving`, which `make serve` runs."""
    with running(root) as service:
        attempt_all(service)


def test_bentoml_serves_it(root: Path) -> None:
    """`bentoml serve`: the same, with metrics gathered over processes."""
    port = free_port()
    with running(root, (*BENTOML, "--port", str(port)), port) as service:
        attempt_all(service)


def test_an_answer_is_sent_at_once_and_not_kept_for_ever() -> None:
    """A socket that gathers what it sends waits for the client; one that nobody reads, without end.

    The kernel does both, and a connection has from its listener what it is to do.
    """
    with (
        listen("127.0.0.1", free_port(), 1) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            if sys.platform == "linux":
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0


def test_a_connection_rests_longer_than_proxies_keep_one() -> None:
    """Else they send requests into connections that are just being closed, and answer 502."""
    assert Server(lambda *_: asyncio.sleep(0), ServingSettings()).config.timeout_keep_alive > 60


def test_what_is_in_work_is_answered_before_the_end(root: Path) -> None:
    """Half a body is sent, then SIGTERM; the rest comes when nothing new is let in any more."""
    body = b'{"age": 50, "job": "nurse", "kids": 2, "to/wn~": "Ulm", "heat": 0.5}'
    with (
        running(root, GATEHOUSE_SERVE_TIMEOUT="60") as service,
        socket.create_connection(("127.0.0.1", service.port), WITHIN) as connection,
    ):
        head = (
            "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:5])
        while not samples(service)["gatehouse_requests_in_work", ""]:
            pass
        service.popen.terminate()
        while is_open(service.port):
            time.sleep(0.1)
        time.sleep(1)  # with no time left for it, it would be cut off now
        connection.sendall(body[5:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert service.popen.wait(WITHIN) == -signal.SIGTERM


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@dataclass
class Asking:
    """A client that keeps its connection, until an answer says that it ends."""

    port: int
    statuses: list[int] = field(default_factory=list)
    failure: Exception | None = None

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WITHIN)
        closes = False
        try:
            while not closes:
                connection.request("POST", "/predict", json.dumps(ROW), JSON)
                answer = connection.getresponse()
                answer.read()
                self.statuses.append(answer.status)
                closes = answer.will_close
        except Exception as error:
            self.failure = error


@pytest.mark.slow
def test_a_rolling_update_loses_no_request_of_connections_that_are_kept(root: Path) -> None:
    """Told to end, the service is not ready, and answers until each client knows it."""
    with running(root) as service:
        asking = [Asking(service.port) for _ in range(4)]
        threads = [threading.Thread(target=each.run) for each in asking]
        for thread in threads:
            thread.start()
        while not all(len(each.statuses) > 20 for each in asking):
            time.sleep(0.01)
        service.popen.terminate()
        while (ready := service.client.get("/readyz")).status_code == 200:
            pass
        assert (ready.status_code, ready.headers["connection"]) == (503, "close")
        assert service.client.get("/livez").status_code == 200
        assert service.client.post("/predict", json=ROW).status_code == 200
        for thread in threads:
            thread.join()
        assert [each.failure for each in asking] == [None] * 4
        assert {status for each in asking for status in each.statuses} == {200}
        assert service.popen.wait(WITHIN) == -signal.SIGTERM


def test_ctrl_c_ends_it_at_once_and_quietly(root: Path) -> None:
    """At a desk nobody waits, and nothing went wrong.

    Started as in the background of a script, where the shell makes it ignore SIGINT.
    """
    ignoring = ("sh", "-c", 'trap "" INT TERM; exec "$@"', "sh", *OWN)
    with running(root, ignoring) as service:
        service.popen.send_signal(signal.SIGINT)
        assert service.popen.wait(WITHIN) == 130
        assert "Traceback" not in service.log.read_text()


def test_broken_http_and_hang_ups_leave_the_service_well(root: Path) -> None:
    """Bytes that are no HTTP, lengths that lie, connections cut short."""
    attempts = [
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99\r\n\r\n{",
        b"GET /\xff\xfe%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ]
    with running(root) as service:
        for attempt in attempts:
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(attempt)
        assert service.client.post("/predict", json=ROW).status_code == 200
        assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("part", [b"a" * 65_536, b"a: b\r\n" * 10_000])
def test_headers_have_an_end(root: Path, part: bytes) -> None:
    """One that never ends, and ever more of them, would take all memory."""
    with (
        running(root) as service,
        socket.create_connection(("127.0.0.1", service.port)) as connection,
    ):
        connection.settimeout(60)
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nx: ")
        with pytest.raises(ConnectionError):
            connection.sendall(part * 1000)
        assert service.client.get("/livez").status_code == 200


@pytest.mark.slow
def test_what_is_slow_to_say_what_it_wants_is_hung_up_on(root: Path) -> None:
    """A connection that says nothing, and one that never ends its headers, hold no place."""
    with (
        running(root) as service,
        socket.create_connection(("127.0.0.1", service.port), 60) as silent,
        socket.create_connection(("127.0.0.1", service.port), 60) as slow,
    ):
        slow.sendall(b"GET /livez HTTP/1.1\r\nHost:")
        assert silent.recv(1) == slow.recv(1) == b""


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"  # BentoML's own
)
def test_bentoml_puts_nothing_around_a_request_but_what_is_named() -> None:
    """A new release of BentoML that adds a layer is seen here."""
    from gatehouse.serving.service import application

    names = [middleware.cls.__name__ for middleware in application().user_middleware]  # type: ignore[attr-defined]
    assert names == ["Front", "ContextMiddleware"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "port"),
        ("MAX_ROWS", "0", "max_rows"),
        ("TIMEOUT", "nan", "timeout"),
        ("TOKENS", "short", "token 1"),
        ("TOKENS", "", "tokens"),
        ("TOKENS_FILE", "nix", "nix: cannot be read"),
        ("TOKENZ", "x", "no such key"),
    ],
)
def test_a_wrong_setting_is_told_and_nothing_is_served(
    root: Path, name: str, value: str, message: str
) -> None:
    """One line that names it, and exit code 2; above all no service without its tokens."""
    done = attempt_start(root, **{f"GATEHOUSE_SERVE_{name}": value})
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("spoil", ["missing", "broken", "contract", "port"])
def test_what_cannot_be_served_is_told(root: Path, spoil: str) -> None:
    """No model, a broken one, one of another contract, a port that is taken."""
    port = "3000"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        match spoil:
            case "missing":
                (root / MODEL).unlink()
            case "broken":
                (root / MODEL).write_bytes(b"no graph")
            case "contract":
                text = (root / "contract.yaml").read_text()
                (root / "contract.yaml").write_text(text.replace("[0, 20]", "[0, 21]"))
            case "port":
                port = str(taken.getsockname()[1])
        done = attempt_start(root, GATEHOUSE_SERVE_PORT=port)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


def attempt_start(root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        OWN, cwd=root, env=environment(root, **variables), text=True, capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip
