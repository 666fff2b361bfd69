"""CPU and wall-clock seconds of runs: the first, a cold one, with nothing or a limit changed.

    .venv/bin/python packages/gatehouse/benchmarks/speed/run_times.py

Works on copies of HEAD in a temporary folder, with this environment, and writes the table into
benchmarks/speed/RESULTS.md. In the first run no module is compiled yet, as after `make setup`, and
here not even Python's own. Each stage is run once more with Python's import timer, to show which
share of its time is importing libraries. CPU seconds are those of all processes; others that share
the machine count little.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from children import children_seconds, keep_orphans

from gatehouse.places import code_path

REPOSITORY = Path(__file__).parents[4]
RESULTS = Path(__file__).parent / "RESULTS.md"
GATEHOUSE = str(Path(sys.executable).parent / "gatehouse")
REPEATS = 5

STAGES = {
    "fingerprints": [GATEHOUSE, "fingerprints"],
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


class Seconds(NamedTuple):
    """What a command took."""

    cpu: float
    wall: float


def seconds(command: list[str], folder: Path, **variables: str) -> tuple[Seconds, str]:
    """Seconds of a command that must succeed, with all that it starts, and its standard error."""
    environment = os.environ | {"PYTHONPATH": code_path(folder)} | variables
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start, before = perf_counter(), children_seconds()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    wall = perf_counter() - start
    return Seconds(children_seconds() - before, wall), done.stderr


def clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    return folder


def main() -> None:
    keep_orphans()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        compiled = str(place / "compiled")
        first, _ = seconds([GATEHOUSE, "run"], clone(place / "1"), PYTHONPYCACHEPREFIX=compiled)
        folder = clone(place / "2")
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
        ("the first after installation", first, 20.0),
        ("cold, default data", cold, 20.0),
        ("nothing changed", again, 3.0),
        ("only policy.yaml changed", min(changed), 6.0),
        ("`gatehouse --help`", helped, 0.3),
    ]
    lines = [
        "# Speed\n",
        "`.venv/bin/python packages/gatehouse/benchmarks/speed/run_times.py` on "
        f"{os.cpu_count()} cores with a load of {os.getloadavg()[2]:.1f}; the best of {REPEATS} "
        "but for the first and the cold run.\n",
        "| `gatehouse run` | CPU seconds | seconds | wanted |",
        "| :--- | ---: | ---: | ---: |",
        *(f"| {name} | {took.cpu:.2f} | {took.wall:.2f} | {most:g} |" for name, took, most in rows),
        "\nEach stage by itself; imports by `PYTHONPROFILEIMPORTTIME`.\n",
        "| stage | CPU seconds | seconds | importing |",
        "| :--- | ---: | ---: | ---: |",
        *(
            f"| {name} | {took.cpu:.2f} | {took.wall:.2f} | {imports:.2f} |"
            for name, (took, imports) in stages.items()
        ),
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _stage(command: list[str], folder: Path) -> tuple[Seconds, float]:
    took, _ = seconds(command, folder)
    _, timed = seconds(command, folder, PYTHONPROFILEIMPORTTIME="1")
    return took, sum(int(self_time) for self_time in _IMPORT.findall(timed)) / 1e6


if __name__ == "__main__":
    main()
