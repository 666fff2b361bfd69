"""Time and memory of `gatehouse forget` on a log of ten million lines.

    .venv/bin/python packages/gatehouse/benchmarks/serving/forget.py

Needs 5 GB of disk for a moment. In each ten thousand lines one is the person's. Writes its lines
into RESULTS.md beside this file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import ROW, write_between

from gatehouse.privacy.pseudonym import pseudonym

LINES, BLOCK, FILES = 10_000_000, 10_000, 64
SECRET = b"made-up secret of thirty-two and more bytes"  # pragma: allowlist secret
GATEHOUSE = Path(sys.executable).parent / "gatehouse"


def line(number: int) -> str:
    """As the service writes it."""
    return json.dumps(
        {
            "time": f"2026-11-21T07:{number // 60 % 60:02}:{number % 60:02}.857747+00:00",
            "request_id": f"{number:032x}",
            "index": 0,
            "model": "sha256:" + "0" * 64,
            "probability": 0.26,
            "decision": "<=50K",
            "key": pseudonym(SECRET, "ann" if number == 0 else f"{number}"),
            "row": ROW,
        }
    )


def measured(log: Path, *words: str) -> str:
    """Seconds and peak memory of a run."""
    command = [str(GATEHOUSE), "forget", "--log", str(log), "--yes", *words]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read().splitlines()[-1]
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, output
    return f"{time.perf_counter() - began:.0f} s, {used.ru_maxrss / 1024:.0f} MB | {output} |"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        log, secret = Path(name) / "log", Path(name) / "secret"
        log.mkdir()
        secret.write_bytes(SECRET)
        block = "".join(line(number) + "\n" for number in range(BLOCK))
        for number in range(LINES // BLOCK):
            with (log / f"predictions.jsonl.{number % FILES + 1}").open("a") as file:
                file.write(block)
        size = sum(file.stat().st_size for file in log.iterdir()) / 1e9
        by_key = measured(log, "--key", "ann", "--secret-file", str(secret))
        by_age = measured(log, "--older-than", "20000w")
    table = (
        f"| {LINES:,} lines, {size:.1f} GB | time, memory | it says |\n| :--- | ---: | :--- |\n"
        f"| `--key` | {by_key}\n| `--older-than`, which reads each line's time | {by_age}\n"
    )
    write_between("forget", table)


if __name__ == "__main__":
    main()
