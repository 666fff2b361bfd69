"""Seconds of a cold run, of a run with nothing changed, and of one with a changed limit.

    .venv/bin/python packages/gatehouse/benchmarks/speed/run_times.py

Works on a copy of HEAD in a temporary folder, with this environment, and writes the table into
benchmarks/speed/RESULTS.md. Each stage is run once more with Python's import timer, to show which
share of its time is importing libraries.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from gatehouse.places import code_path

REPOSITORY = Path(__file__).parents[4]
RESULTS = Path(__file__).parent / "RESULTS.md"
GATEHOUSE = str(Path(sys.executable).parent / "gatehouse")
REPEATS = 5

STAGES = {
    "ingest": [sys.executable, "-m", "gatehouse.pipeline.ingest"],
    "prepare": [GATEHOUSE, "prepare"],
    "validate": [GATEHOUSE, "measure", "data"],
    "train": [sys.executable, "-m", "gatehouse.pipeline.train"],
    "quantize": [sys.executable, "-m", "gatehouse.pipeline.quantize"],
    "drift": [GATEHOUSE, "measure", "drift"],
    "accuracy": [GATEHOUSE, "measure", "accuracy"],
    "fairness": [GATEHOUSE, "measure", "fairness"],
    "latency": [GATEHOUSE, "measure", "latency"],
    "card": [GATEHOUSE, "card"],
}
_IMPORT = re.compile(r"^import time:\s+(\d+) \|", re.MULTILINE)


def seconds(command: list[str], folder: Path, **variables: str) -> tuple[float, str]:
    """Wall-clock seconds of a command that must succeed, and its standard error."""
    environment = os.environ | {"PYTHONPATH": code_path(folder)} | variables
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    start = perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return perf_counter() - start, done.stderr


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
        cold, _ = seconds([GATEHOUSE, "run"], folder)
        again = min(seconds([GATEHOUSE, "run"], folder)[0] for _ in range(REPEATS))
        policy = folder / "policy.yaml"
        text = policy.read_text("utf-8")
        changed = []
        for repeat in range(REPEATS):
            policy.write_text(text.replace("at_least: 0.83", f"at_least: 0.82{repeat}"), "utf-8")
            changed.append(seconds([GATEHOUSE, "run"], folder)[0])
        helped = min(seconds([GATEHOUSE, "--help"], folder)[0] for _ in range(REPEATS))
        stages = {name: _stage(command, folder) for name, command in STAGES.items()}
    rows = [
        ("cold, default data", cold, 90.0),
        ("nothing changed", again, 6.0),
        ("only policy.yaml changed", min(changed), 6.0),
        ("`gatehouse --help`", helped, 0.3),
    ]
    lines = [
        "# Speed\n",
        "`.venv/bin/python packages/gatehouse/benchmarks/speed/run_times.py`, after "
        f"installation, on {os.cpu_count()} cores; the best of {REPEATS} but for the cold run.\n",
        "| `gatehouse run` | seconds | allowed |",
        "| :--- | ---: | ---: |",
        *(f"| {name} | {value:.2f} | {limit:g} |" for name, value, limit in rows),
        "\nEach stage by itself; imports by `PYTHONPROFILEIMPORTTIME`.\n",
        "| stage | seconds | importing | share |",
        "| :--- | ---: | ---: | ---: |",
        *(
            f"| {name} | {total:.2f} | {imports:.2f} | {imports / total:.0%} |"
            for name, (total, imports) in stages.items()
        ),
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _stage(command: list[str], folder: Path) -> tuple[float, float]:
    total, _ = seconds(command, folder)
    _, timed = seconds(command, folder, PYTHONPROFILEIMPORTTIME="1")
    return total, sum(int(self_time) for self_time in _IMPORT.findall(timed)) / 1e6


if __name__ == "__main__":
    main()
