"""Records per second and peak memory of `gatehouse monitor` by the length of the log.

    .venv/bin/python packages/gatehouse/benchmarks/monitor/memory.py [--records 100000 1000000]

Logs of simulated rows over eight weeks, as JSON lines in a temporary folder (5 GB for the longest),
each read by a process of its own. Memory is the process's largest resident set (VmHWM, Linux).
Writes its table into docs/monitoring.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from common import served, write
from tqdm import tqdm

sys.path.append(str(Path(__file__).parents[1] / "gates"))
from results import table

from gatehouse.digest import file_digest
from gatehouse.samples.simulate import simulate
from gatehouse.workspace import Workspace

RECORDS = [100_000, 1_000_000, 10_000_000]
END = datetime(2026, 3, 30, tzinfo=UTC)
SPAN = timedelta(days=56)
_BANK = 100_000
"""Rows that are drawn; a longer log repeats them, at other times and in other requests."""


def write_log(workspace: Workspace, path: Path, records: int) -> None:
    """A log as the service writes it."""
    contract, model = workspace.contract, workspace.model
    rows = simulate(_BANK, seed=1)
    scores = model.scores(rows)
    held = rows[list(contract.logged)].astype(object)
    decisions = np.where(model.decisions(model.outputs(rows)), *reversed(contract.classes))
    tails = [
        f'"index": 0, "model": "{file_digest(model.path)}", "probability": {score!r}, '
        f'"decision": {json.dumps(decision)}, "row": {json.dumps(row)}}}\n'
        for score, decision, row in zip(
            scores.tolist(), decisions.tolist(),
            held.where(held.notna(), None).to_dict("records"), strict=True,
        )
    ]  # fmt: skip
    step, start = SPAN / records, END - SPAN
    with path.open("w", encoding="utf-8") as stream:
        for first in tqdm(range(0, records, _BANK), desc=f"{records:,} records", disable=None):
            stream.writelines(
                f'{{"time": "{(start + n * step).isoformat(timespec="microseconds")}", '
                f'"request_id": "{n:032x}", {tails[n % _BANK]}'
                for n in range(first, min(first + _BANK, records))
            )


def measure(path: Path) -> dict[str, float]:
    """A look in this process."""
    from gatehouse.monitor.run import look

    started = time.perf_counter()
    found = look(str(path / "log.jsonl"), until=END, root=path)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "read": found.record.counts.read,
        "mib": _peak(),
    }


def _peak() -> float:
    """MiB. What `getrusage` tells includes the process that started this one."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=RECORDS)
    parser.add_argument("--step", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(measure(arguments.step)))
        return
    lines = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        workspace = served(root)
        for records in arguments.records:
            write_log(workspace, root / "log.jsonl", records)
            command = [sys.executable, __file__, "--step", str(root)]
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ
            )
            found = json.loads(done.stdout)
            if found["read"] != records:
                raise SystemExit(f"{records:,} records were written, and {found['read']:,} read")
            size = (root / "log.jsonl").stat().st_size / 2**20
            (root / "log.jsonl").unlink()
            lines.append(
                [
                    f"{records:,}", f"{size:,.0f}", f"{found['seconds']:.0f}",
                    f"{records / found['seconds']:,.0f}", f"{found['mib']:,.0f}",
                ]
            )  # fmt: skip
    header = ["records", "MiB of JSON lines", "seconds", "records per second", "peak memory, MiB"]
    chosen = " ".join(map(str, arguments.records))
    more = "" if arguments.records == RECORDS else f" --records {chosen}"
    command = f".venv/bin/python packages/gatehouse/benchmarks/monitor/memory.py{more}"
    write(
        "memory",
        f"`{command}` (2 cores)\n\n{table(header, lines)}\n\nEight windows of a week, of which "
        "each keeps at most 100,000 records; judging and imports are included.",
    )


if __name__ == "__main__":
    main()
