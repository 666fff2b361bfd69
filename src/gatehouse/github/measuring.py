"""Measure a candidate that nobody vouches for: each gate in a process of its own.

The libraries that read ONNX and Parquet are native code, and the files are a stranger's. A process
that crashes, hangs or is killed leaves its gate without evidence, which is no pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate, evidence_path
from gatehouse.report.escape import plain
from gatehouse.run import CARD, NO_TELEMETRY
from gatehouse.workspace import EVIDENCE

TIME_LIMIT = 1200
"""Seconds that one gate may take."""

# No token and no cloud key is in the environment of a process that opens the candidate.
_KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")


def measure_all(folder: Path) -> dict[Gate, str]:
    """Measure the candidate in `folder`; why a gate could not be, for those that could not."""
    problems: dict[Gate, str | None] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        begun = {
            gate: pool.submit(_measure, gate, folder) for gate in Gate if gate is not Gate.LATENCY
        }
        problems |= {gate: future.result() for gate, future in begun.items()}
    # Times are only worth something on a machine that does nothing else.
    problems[Gate.LATENCY] = _measure(Gate.LATENCY, folder)
    for gate, problem in problems.items():
        print(f"{gate}: {problem or 'measured'}", flush=True)
    return {gate: problem for gate, problem in problems.items() if problem}


def make_card(folder: Path) -> None:
    """Write the model card of the candidate in `folder`; it names what the graph says of itself.

    Raises:
        GatehouseError: it could not be made.
    """
    (folder / CARD).unlink(missing_ok=True)
    problem = _problem(_run("card", folder=folder), folder / CARD)
    if problem:
        raise GatehouseError(f"the model card could not be made: {problem}")


def _measure(gate: Gate, folder: Path) -> str | None:
    path = evidence_path(folder / EVIDENCE, gate)
    path.unlink(missing_ok=True)
    return _problem(_run("measure", gate.value, folder=folder), path)


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str] | None:
    """A command of ours in the candidate's folder; None where it took too long."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        return subprocess.run(
            # -P: the candidate's folder is no place to import from.
            [sys.executable, "-P", "-m", "gatehouse.cli", *command],
            cwd=folder,
            env=environment | NO_TELEMETRY,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


def _problem(done: subprocess.CompletedProcess[str] | None, path: Path) -> str | None:
    """Why a command did not write the file at `path`; None where it did."""
    if done is None:
        return f"measuring took longer than {TIME_LIMIT} s and was ended"
    if path.exists():
        return None
    if done.returncode < 0:
        return f"measuring ended with signal {-done.returncode}; is the model or table damaged?"
    said = done.stderr.strip().splitlines()
    reason = next((line for line in said if line.startswith("error: ")), said[-1] if said else "")
    return plain(reason.removeprefix("error: ") or "measuring failed and gave no reason", 400)
