"""Measure a candidate that nobody vouches for: each gate in a process of its own.

First its raw rows are dealt into train, valid and test by the base's rule: it brings no splits.

The libraries that read ONNX and Parquet are native code, and the files are a stranger's. A process
that crashes, hangs or is killed leaves its gate without evidence, which is no pass. Each gate may
take a share of the job's time, so that the job still answers where all of them hang.
"""

from __future__ import annotations

import math
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from gatehouse.digest import PREPARED
from gatehouse.draws import DRAWS, KEY, draws_of
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate, evidence_path
from gatehouse.github.apart import Done, run_apart
from gatehouse.report.escape import plain
from gatehouse.run import CARD, NO_TELEMETRY
from gatehouse.seal import SEAL
from gatehouse.workspace import EVIDENCE, Workspace

JOB_MINUTES = "GATEHOUSE_JOB_MINUTES"
"""The variable with the job's own limit, in minutes."""
_MINUTES = 60
"""Where it is not set."""
_LONGEST = 7200
"""Five days, the most that GitHub gives to a job on a runner of one's own."""
_MEASURING = 0.6
"""The part of the job's time in which all gates end; the rest is for setting up and answering."""
CARD_LIMIT = 120.0
"""Seconds that the model card may take."""

# No token and no cloud key is in the environment of a process that opens the candidate.
_KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")


def measure_all(folder: Path) -> dict[Gate, str]:
    """Deal and measure the candidate in `folder`; why a gate could not be, where one could not.

    Raises:
        GatehouseError: GATEHOUSE_JOB_MINUTES is no number of minutes.
    """
    workers = os.cpu_count() or 1
    seconds = gate_seconds(workers)
    if not os.environ.get(KEY):
        print(f"{KEY} is not set: what the gates draw follows from a published key", flush=True)
    if problem := _deal(folder, seconds):
        print(f"the rows could not be dealt: {problem}", flush=True)
    together = [gate for gate in Gate if gate is not Gate.LATENCY]
    problems: dict[Gate, str | None] = {}
    stop = Event()
    with ThreadPoolExecutor(workers) as pool:
        try:
            begun = {gate: pool.submit(_measure, gate, folder, seconds, stop) for gate in together}
            problems |= {gate: future.result() for gate, future in begun.items()}
        except BaseException:
            stop.set()  # an interrupt reaches this process alone
            raise
    # Times are only worth something on a machine that does nothing else.
    problems[Gate.LATENCY] = _measure(Gate.LATENCY, folder, seconds)
    for gate, problem in problems.items():
        print(f"{gate}: {problem or 'measured'}", flush=True)
    return {gate: problem for gate, problem in problems.items() if problem}


def _deal(folder: Path, seconds: float) -> str | None:
    """Why the rows could not be dealt; None where they were. Without, each gate says what lacks."""
    done = _run("deal", folder=folder, seconds=seconds)
    return _problem(done, folder / PREPARED / SEAL) if done else f"it took over {seconds:,.0f} s"


def gate_seconds(workers: int) -> float:
    """How long one gate may take, in seconds, so that all can hang and the job still answers.

    Rows are dealt first; the gates run `workers` at a time, and latency after them by itself.

    Raises:
        GatehouseError: GATEHOUSE_JOB_MINUTES is no number of minutes.
    """
    given = os.environ.get(JOB_MINUTES) or str(_MINUTES)
    if not re.fullmatch("[0-9]{1,5}", given) or not 1 <= int(given) <= _LONGEST:
        raise GatehouseError(
            f"{JOB_MINUTES} is '{given}': write the job's limit in minutes, 1 to {_LONGEST} "
            "(on GitHub the repository variable JUDGE_MINUTES)"
        )
    turns = math.ceil((len(Gate) - 1) / workers) + 2
    return int(given) * 60 * _MEASURING / turns


def make_card(folder: Path) -> None:
    """Write the model card of the candidate in `folder`; it names what the graph says of itself.

    Raises:
        GatehouseError: it could not be made.
    """
    (folder / CARD).unlink(missing_ok=True)
    done = _run("card", folder=folder, seconds=CARD_LIMIT)
    problem = _problem(done, folder / CARD) if done else f"it took longer than {CARD_LIMIT:g} s"
    if problem:
        raise GatehouseError(f"the model card could not be made: {problem}")


def _measure(gate: Gate, folder: Path, seconds: float, stop: Event | None = None) -> str | None:
    """Why a gate could not be measured; None where it was."""
    path = evidence_path(folder / EVIDENCE, gate)
    path.unlink(missing_ok=True)
    done = _run("measure", gate.value, folder=folder, seconds=seconds, stop=stop)
    if done is None:
        # The process may have written just before it was ended.
        path.unlink(missing_ok=True)
        return (
            f"the {gate} gate took longer than its {seconds:,.0f} s and was ended; does the graph "
            "come to an end?"
        )
    return _problem(done, path)


def _run(*command: str, folder: Path, seconds: float, stop: Event | None = None) -> Done | None:
    """A command of ours in the candidate's folder; None where it took too long."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment[DRAWS] = draws_of(Workspace(folder))
    # -P: the candidate's folder is no place to import from.
    words = [sys.executable, "-P", "-m", "gatehouse.cli", *command]
    return run_apart(words, folder, environment | NO_TELEMETRY, seconds, stop)


def _problem(done: Done, path: Path) -> str | None:
    """Why a command did not write the file at `path`; None where it did."""
    if path.exists():
        return None
    if done.code < 0:
        return f"measuring ended with signal {-done.code}; is the model or table damaged?"
    said = done.errors.strip().splitlines()
    reason = next((line for line in said if line.startswith("error: ")), said[-1] if said else "")
    return plain(reason.removeprefix("error: ") or "measuring failed and gave no reason", 400)
