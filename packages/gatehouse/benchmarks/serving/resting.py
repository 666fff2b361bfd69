"""Does a probe get its answer while thousands of clients hold a connection and rest?

    .venv/bin/python packages/gatehouse/benchmarks/serving/resting.py --seconds 600

Needs a finished run (make run). The service may open 1,024 files (ulimit -n 1024). Five processes,
each at an address of its own (127.0.0.2 and on), hold 1,000 connections each: a client connects,
gets one 401, and rests; where the service closes its connection, it opens another after 15 to 45 s.
Every 0.1 s a probe asks /livez by a new connection. Writes its table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
RESULTS = HERE / "RESULTS.md"
PORT = 3907
FILES = 1024
PROCESSES, EACH = 5, 1000
AGAIN = (15.0, 45.0)
"""Seconds after which a client whose connection was closed opens another, drawn evenly."""
COMING = 30
"""Seconds in which all of them come."""
PROBE_EVERY = 0.1
WITHIN = 30.0
"""Seconds after which a probe counts as unanswered."""
REQUEST = b"GET /model HTTP/1.1\r\nHost: x\r\n\r\n"
PROBE = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def rest(address: str, state: dict[str, int], drawn: random.Random) -> None:
    """One client, for good."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", PORT, local_addr=(address, 0)
            )
            writer.write(REQUEST)
            if await reader.readuntil(b"\r\n\r\n"):
                state["answered"] += 1
                state["open"] += 1
                while await reader.read(4096):
                    pass
                state["open"] -= 1
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            state["failed"] += 1
        await asyncio.sleep(drawn.uniform(*AGAIN))


async def clients(number: int) -> None:
    """`EACH` clients of one address, who come one by one; says each second how they are."""
    drawn = random.Random(number)
    state = {"open": 0, "answered": 0, "failed": 0}
    resting = []
    for _ in range(EACH):
        resting.append(asyncio.create_task(rest(f"127.0.0.{number + 2}", state, drawn)))
        await asyncio.sleep(COMING / EACH)
    while True:
        print(json.dumps(state), flush=True)
        await asyncio.sleep(1)


async def probe() -> float:
    """Seconds until /livez has answered 200; infinite where it does not."""
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(WITHIN):
            reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
            writer.write(PROBE)
            answer = await reader.read()
            writer.close()
    except OSError:
        return float("inf")
    if not answer.startswith(b"HTTP/1.1 200"):
        return float("inf")
    return time.perf_counter() - begun


async def probes(seconds: float) -> list[float]:
    """One each `PROBE_EVERY` seconds, whether or not the last is answered."""
    tasks = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tasks.append(asyncio.create_task(probe()))
        await asyncio.sleep(PROBE_EVERY)
    return list(await asyncio.gather(*tasks))


def more_files() -> None:
    """As many as the machine lets this process and its clients have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def ready() -> None:
    """Wait until the service answers."""
    for _ in range(600):
        if asyncio.run(probe()) < WITHIN:
            return
        time.sleep(0.1)
    raise SystemExit("the service does not start; is there a finished run (make run)?")


def percentile(times: list[float], share: float) -> float:
    """The value that `share` of the times do not exceed, in milliseconds."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] * 1000


def measure(seconds: float, folder: Path, log: Path) -> str:
    """Run all of it for so many seconds; a table."""
    more_files()
    environment = os.environ | {
        "GATEHOUSE_SERVE_PORT": str(PORT),
        "GATEHOUSE_SERVE_TOKENS": secrets.token_hex(16),
    }
    limited = ["sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh"]
    started: list[subprocess.Popen[str]] = []
    with log.open("w") as output:
        try:
            service = subprocess.Popen(
                [*limited, sys.executable, "-m", "gatehouse.serving"],
                cwd=folder, env=environment, stdout=output, stderr=output, text=True,
            )  # fmt: skip
            started.append(service)
            ready()
            outputs = [log.with_name(f"clients-{number}") for number in range(PROCESSES)]
            for number, path in enumerate(outputs):
                with path.open("w") as answers:
                    words = [sys.executable, __file__, "--clients", str(number)]
                    started.append(subprocess.Popen(words, stdout=answers, text=True))
            time.sleep(COMING + 5)
            times = asyncio.run(probes(seconds))
            process = psutil.Process(service.pid)
            load = os.getloadavg()[2]
            memory, files = process.memory_info().rss, process.num_fds()
            states = [json.loads(path.read_text().splitlines()[-1]) for path in outputs]
        finally:
            for each in started:
                each.kill()
                each.wait()
    states = [{key: sum(each[key] for each in states) for key in states[0]}]
    lost = sum(time == float("inf") for time in times)
    rows = [
        ("seconds", f"{seconds:,.0f}"),
        ("clients", f"{PROCESSES * EACH:,}"),
        ("connections opened in all", f"{states[0]['answered']:,}"),
        ("of these open at the end", f"{states[0]['open']:,}"),
        ("clients that were refused", f"{states[0]['failed']:,}"),
        ("files of the service at the end, of 1,024", f"{files:,}"),
        ("load of the machine, 15 minutes", f"{load:.1f} on {os.cpu_count()} cores"),
        ("memory of the service", f"{memory / 1e6:,.0f} MB"),
        ("probes", f"{len(times):,}"),
        ("probes without an answer", f"{lost:,}"),
        *((f"p{share}", f"{percentile(times, share / 100):,.1f} ms") for share in (50, 95, 99)),
        ("longest", f"{max(times) * 1000:,.1f} ms"),
    ]
    lines = ["| | |", "| :--- | ---: |", *(f"| {name} | {value} |" for name, value in rows)]
    logged = [line for line in log.read_text().splitlines() if "connections" in line]
    return "\n".join([*lines, "", "```text", *logged[:3], "…", *logged[-1:], "```"])


def write(table: str) -> None:
    """Put the table into RESULTS.md."""
    begin, end = "<!-- resting: begin -->", "<!-- resting: end -->"
    before, _, rest = RESULTS.read_text().partition(begin)
    RESULTS.write_text(f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}")


def main() -> None:
    """The clients of one process, or all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--folder", type=Path, default=ROOT, help="what is served")
    parser.add_argument("--clients", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.clients is not None:
        asyncio.run(clients(given.clients))
        return
    with tempfile.TemporaryDirectory() as work:
        table = measure(given.seconds, given.folder, Path(work) / "service.log")
    print(table)
    write(table)


if __name__ == "__main__":
    main()
