"""Requests per second, latency, cold start and memory of the service beside its peers.

    .venv/bin/python packages/gatehouse/benchmarks/serving/run.py

Needs a finished run (make run) and wrk (Debian: apt-get install wrk). Each server has one core,
wrk another. All are started, then take turns of a second, several rounds, and the median counts: so
what else runs on the machine meets all alike. Writes its tables into RESULTS.md.
"""

from __future__ import annotations

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
RESULTS = HERE / "RESULTS.md"
ROUNDS = 9
STARTS = 3
CLIENTS = (1, 16, 64)
SERVER_CORE, LOAD_CORE = "0", "1"
BIN = Path(sys.executable).parent

ROW = {
    "age": 39,
    "workclass": "Private",
    "education_num": 13,
    "marital_status": "Never-married",
    "occupation": "Sales",
    "relationship": "Husband",
    "capital_gain": 0,
    "capital_loss": 0,
    "hours_per_week": 40,
    "native_country": "United-States",
}
UVICORN = ("uvicorn", "--log-level", "warning", "--no-access-log", "--port")
BENTOML = ("bentoml", "serve", "--port")
GUNICORN = ("gunicorn", "--threads", "8", "--log-level", "warning")


@dataclass(frozen=True)
class Server:
    """How a server is started; PORT stands for its port."""

    command: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    body: object = None


OURS = "**Gatehouse, `make serve`**"
SERVERS = {
    "bare ASGI app, uvicorn (the floor)": Server((*UVICORN, "PORT", "apps:floor")),
    OURS: Server(("python", "-m", "gatehouse.serving")),
    "Gatehouse, with the inference log": Server(
        ("python", "-m", "gatehouse.serving"), {"GATEHOUSE_SERVE_LOG": "LOG"}
    ),
    "Gatehouse, `bentoml serve`": Server((*BENTOML, "PORT", "gatehouse.serving.service:service")),
    "Gatehouse's row path without BentoML": Server(
        (*UVICORN, "PORT", "--factory", "apps:without_bentoml")
    ),
    "FastAPI, uvicorn": Server((*UVICORN, "PORT", "--factory", "apps:fastapi")),
    "Flask, gunicorn": Server((*GUNICORN, "--bind", "127.0.0.1:PORT", "apps:flask()")),
    "BentoML, async `@api`, telemetry off": Server(
        (*BENTOML, "PORT", "apps:Lean"), {"BENCHMARK_BENTOML": "Lean"}, {"row": ROW}
    ),
    "BentoML, `@api`, as it comes": Server(
        (*BENTOML, "PORT", "apps:Stock"), {"BENCHMARK_BENTOML": "Stock"}, {"row": ROW}
    ),
    "BentoML, adaptive batching, as it comes": Server(
        (*BENTOML, "PORT", "apps:Batch"), {"BENCHMARK_BENTOML": "Batch"}, {"rows": [ROW]}
    ),
}


@dataclass
class Running:
    """A started server and what was measured of it: by number of clients, a value per round."""

    process: psutil.Popen
    port: str
    script: Path
    cold_starts: list[float]
    rate: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    p50: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    p99: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self.tree())

    def memory(self) -> float:
        """Megabytes, of shared pages its part."""
        return sum(each.memory_full_info().pss for each in self.tree()) / 1e6

    def load(self, clients: int) -> None:
        before = self.cpu_seconds()
        rate, p50, p99, count = wrk(self.script, self.port, clients)
        self.cpu[clients].append((self.cpu_seconds() - before) / count * 1e6)
        self.rate[clients].append(rate)
        self.p50[clients].append(p50)
        self.p99[clients].append(p99)

    def stop(self) -> None:
        for each in reversed(self.tree()):
            each.terminate()
        self.process.wait(30)


def start(server: Server, folder: Path) -> Running:
    """Start a server and wait for its first answer."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    body = json.dumps(server.body or ROW)
    script = folder / "request.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = [[{body}]]\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    command = [part.replace("PORT", port) for part in server.command]
    command[0] = str(BIN / command[0])
    own = {name: value.replace("LOG", str(folder)) for name, value in server.variables.items()}
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}:{HERE}",
        "GATEHOUSE_SERVE_PORT": port,
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "1",
    }
    started = time.perf_counter()
    process = psutil.Popen(
        ["taskset", "-c", SERVER_CORE, *command],
        cwd=ROOT,
        env=environment | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for_answer(int(port), body, process)
    return Running(process, port, script, [time.perf_counter() - started])


def wait_for_answer(port: int, body: str, process: psutil.Popen) -> None:
    """Until a prediction is answered."""
    request = (
        "POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    while process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request)
                if connection.recv(12) == b"HTTP/1.1 200":
                    return
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"{process.args} ended before it answered")


def wrk(script: Path, port: str, clients: int) -> tuple[float, float, float, int]:
    """Answers per second, median and 99th percentile of milliseconds, number of answers.

    A 503 is no answer.
    """
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "wrk", "--threads", "1", "--connections", str(clients),
         "--duration", "1s", "--latency", "--script", str(script),
         f"http://127.0.0.1:{port}/predict"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    count = re.search(r"(\d+) requests in", done.stdout)
    assert rate, done.stdout
    assert count, done.stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    answered = int(count[1]) - (int(refused[1]) if refused else 0)
    p50, p99 = (_milliseconds(done.stdout, share) for share in ("50%", "99%"))
    return float(rate[1]) * answered / int(count[1]), p50, p99, max(answered, 1)


def _milliseconds(text: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", text)
    assert found, text
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


def table(measured: dict[str, Running]) -> str:
    """Medians over the rounds."""
    middle = statistics.median
    lines = [
        f"| server | {' | '.join(f'{c}' for c in CLIENTS)} | CPU "
        f"| {' | '.join(f'p50, p99: {c}' for c in CLIENTS)} | cold start | memory |",
        "| :--- |" + " ---: |" * (2 * len(CLIENTS) + 3),
    ]
    for name, found in measured.items():
        rates = " | ".join(f"{middle(found.rate[c]):,.0f}" for c in CLIENTS)
        times = " | ".join(
            f"{middle(found.p50[c]):.2f}, {middle(found.p99[c]):.1f} ms" for c in CLIENTS
        )
        lines.append(
            f"| {name} | {rates} | {middle(found.cpu[64]):.0f} µs | {times} "
            f"| {middle(found.cold_starts):.1f} s | {found.memory():.0f} MB |"
        )
    return "\n".join(lines)


def ratios(measured: dict[str, Running]) -> str:
    """Our rate over that of others in the same round: the median, and the middle half."""
    ours = measured[OURS].rate
    lines = [f"| our rate over that of | {' | '.join(f'{c}' for c in CLIENTS)} |",
             "| :--- |" + " ---: |" * len(CLIENTS)]  # fmt: skip
    for name, found in measured.items():
        if name == OURS:
            continue
        cells = []
        for c in CLIENTS:
            rounds = [mine / theirs for mine, theirs in zip(ours[c], found.rate[c], strict=True)]
            low, middle, high = statistics.quantiles(rounds, n=4)
            cells.append(f"{middle:.2f} [{low:.2f}, {high:.2f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write_between(name: str, text: str) -> None:
    """Put `text` between the markers called `name` in RESULTS.md."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, rest = RESULTS.read_text("utf-8").split(begin)
    after = rest.partition(end)[2]
    RESULTS.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def main() -> None:
    measured: dict[str, Running] = {}
    with tempfile.TemporaryDirectory() as name:
        try:
            for number, (server, how) in enumerate(SERVERS.items()):
                folder = Path(name) / str(number)
                tries = [start(how, folder) for _ in range(STARTS)]
                for ended in tries[:-1]:
                    ended.stop()
                starts = [each.cold_starts[0] for each in tries]
                measured[server] = replace(tries[-1], cold_starts=starts)
                wrk(measured[server].script, measured[server].port, 16)  # warm
            for _ in range(ROUNDS):
                for clients in CLIENTS:
                    for found in measured.values():
                        found.load(clients)
            tables = f"{table(measured)}\n\n{ratios(measured)}\n"
        finally:
            for found in measured.values():
                found.stop()
    write_between("rates", tables)


if __name__ == "__main__":
    main()
