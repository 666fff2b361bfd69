"""What a shadow costs: the service with log and shadow, in turns with the service with log alone.

    .venv/bin/python packages/gatehouse/benchmarks/serving/shadow.py

Needs a finished run (make run) and wrk. The shadow is the very model that is served, so that both
cost the same. Writes its table into RESULTS.md beside this file.
"""

from __future__ import annotations

import statistics
import tempfile
import urllib.request
from pathlib import Path

from run import CLIENTS, ROOT, Running, Server, start, write_between, wrk

ROUNDS = 15
OURS = ("python", "-m", "gatehouse.serving")
LOG = {"GATEHOUSE_SERVE_LOG": "LOG"}
SHADOW = {"GATEHOUSE_SERVE_SHADOW": str(ROOT)}


def middle(values: list[float]) -> str:
    """Median, and the middle half."""
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.2f} [{low:.2f}, {high:.2f}]"


def ratios(name: str, ours: dict[int, list[float]], theirs: dict[int, list[float]]) -> str:
    """A line of the table: with a shadow over without, in the same round."""
    cells = [
        middle([mine / other for mine, other in zip(ours[c], theirs[c], strict=True)])
        for c in CLIENTS
    ]
    return f"| {name} | {' | '.join(cells)} |\n"


def scored(server: Running) -> float:
    """Share of the answered rows that the shadow has scored."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        text = answer.read().decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(values["gatehouse_shadow_rows_total"]) / float(values["gatehouse_log_rows_total"])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        servers: list[Running] = []
        try:
            for number, more in enumerate(({}, SHADOW)):
                servers.append(start(Server(OURS, LOG | more), Path(name) / str(number)))
                wrk(servers[-1].script, servers[-1].port, 16)  # warm
            for turn in range(ROUNDS):
                for clients in CLIENTS:
                    for server in servers if turn % 2 else reversed(servers):
                        server.load(clients)
            plain, with_shadow = servers
            table = (
                f"| with a shadow over without | {' | '.join(map(str, CLIENTS))} |\n"
                f"| :--- |{' ---: |' * len(CLIENTS)}\n"
                + ratios("answers per second", with_shadow.rate, plain.rate)
                + ratios("median latency", with_shadow.p50, plain.p50)
                + ratios("99th percentile", with_shadow.p99, plain.p99)
                + ratios("CPU time per answer", with_shadow.cpu, plain.cpu)
                + f"\nThe shadow scored {scored(with_shadow):.1%} of the rows; "
                f"memory {with_shadow.memory():.0f} MB against {plain.memory():.0f}.\n"
            )
        finally:
            for server in servers:
                server.stop()
    write_between("shadow", table)


if __name__ == "__main__":
    main()
