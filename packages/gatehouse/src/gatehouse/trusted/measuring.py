"""Measures an untrusted candidate: each gate in a separate process.

First, the base's rule splits the raw rows into train, valid and test; the candidate provides no
splits.

The libraries that read ONNX and Parquet are native code, and the files are untrusted. If a process
crashes, hangs or is killed, its gate has no evidence, which is not a pass. Each gate gets a share
of the job's time, so that the job still answers if all of them hang. A process returns its result
through a pipe, and the result is stored only if it is evidence of its gate.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import TypeVar

from gatehouse.base import read_record
from gatehouse.contract import CONTRACT_FILE
from gatehouse.digest import PREPARED, file_digest
from gatehouse.draws import DRAWS, KEY
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, evidence_path
from gatehouse.gates import GATES
from gatehouse.gates.own import gates_of, own_gates
from gatehouse.gates.spec import GateSpec
from gatehouse.model import Metadata
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.escape import plain
from gatehouse.run import NO_TELEMETRY
from gatehouse.sealed import VARIABLE
from gatehouse.trusted.dealing import dealt_into
from gatehouse.trusted.handover import Measured, Place, evidence_digests
from gatehouse.trusted.isolation import FIRST_USER, Isolation, find_isolation
from gatehouse.trusted.process import Done
from gatehouse.trusted.reader import BASE, DEAL, GRAPH, Dealt
from gatehouse.typed import Frozen, parse_json, validate
from gatehouse.workspace import EVIDENCE

JOB_MINUTES = "GATEHOUSE_JOB_MINUTES"
"""Environment variable with the job's own limit, in minutes."""
_MINUTES = 60
"""Default limit in minutes."""
_LONGEST = 7200
"""Five days in minutes, the most that GitHub allows a job on a self-hosted runner."""
_MEASURING = 0.6
"""Share of the job's time in which all gates must end; the rest is for setup and answering."""
GRAPH_LIMIT = 120.0
"""Time limit in seconds for reading the graph's metadata."""

IMPORTED = (
    "gatehouse.trusted.reader",
    *(f"gatehouse.gates.{gate.name}.measure" for gate in GATES),
    "great_expectations", "onnxruntime", "pandas", "pyarrow.parquet", "scipy.stats",
    "sklearn.metrics",
)  # fmt: skip
"""Modules that the processes import. As another user, they can't store the compiled modules."""

# A process that opens the candidate gets no token and no cloud key in its environment.
_KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
_SECRETS = ("GITHUB_TOKEN", "STATUS_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", KEY, VARIABLE)  # fmt: skip

Read = TypeVar("Read", bound=Frozen)
Ask = Callable[[str, float, Event | None], Done | None]
"""Asks a question in a separate process with a limit in seconds; None if it took longer."""


def measure_run(place: Place) -> Measured:
    """Run the measuring step: read the fetched files, write evidence and `measured.json`.

    Raises:
        GatehouseError: a token or a key is in the environment, or the fetched files are unreadable.
    """
    if held := [name for name in _SECRETS if os.environ.get(name)]:
        raise GatehouseError(
            f"{', '.join(held)}: is set; run this step without tokens and keys, which a process "
            "that opens a stranger's files could read"
        )
    fetched = place.fetched()
    measured = Measured()
    if fetched.stopped is None:
        try:
            measured = measure_all(place.candidate, fetched.draws)
        except GatehouseError as error:
            measured = Measured(stopped=str(error))
    measured.write(place.measured_file)
    return measured


def measure_all(folder: Path, draws: str) -> Measured:
    """Split the rows, measure the candidate in `folder`, and store the evidence there.

    Args:
        folder: folder of the candidate.
        draws: determines its random draws (`gatehouse.draws`).

    Raises:
        GatehouseError: GATEHOUSE_JOB_MINUTES is not a number of minutes.
    """
    _job_seconds()  # report a wrong workflow setting before errors in the candidate
    workers, gates = os.cpu_count() or 1, _gates(folder)
    seconds = gate_seconds(workers, gates)
    isolation = find_isolation(folder, str(CONTRACT_FILE))
    print(f"each file is opened as: {isolation.level}", flush=True)
    _compile()
    ask = partial(_run, isolation, draws, [gate.name for gate in gates])
    dealt = _deal(folder, ask, seconds)
    together = [gate.name for gate in gates if not gate.timed]
    problems: dict[str, str | None] = {}
    stop = Event()
    with ThreadPoolExecutor(workers) as pool:
        try:
            begun = {gate: pool.submit(_measure, gate, folder, ask, seconds, stop)
                     for gate in together}  # fmt: skip
            reading = pool.submit(_graph, ask, stop)
            problems |= {gate: future.result() for gate, future in begun.items()}
            graph = reading.result()
        except BaseException:
            stop.set()  # an interrupt reaches only this process
            raise
    # Timings are only meaningful on an otherwise idle machine.
    for alone in gates:
        if alone.timed:
            problems[alone.name] = _measure(alone.name, folder, ask, seconds)
    for gate, problem in problems.items():
        print(f"{gate}: {problem or 'measured'}", flush=True)
    return Measured(
        isolation=isolation.level,
        unmeasured={gate: problem for gate, problem in problems.items() if problem},
        graph=graph if isinstance(graph, Metadata) else None,
        graph_problem=graph if isinstance(graph, str) else None,
        made=evidence_digests(folder, [gate.name for gate in gates]) | dealt,
    )


def _gates(folder: Path) -> tuple[GateSpec, ...]:
    """Return the gates to measure; gates that a change adds count only after the merge.

    Raises:
        GatehouseError: a gate that the base names can't be loaded.
    """
    record = read_record(folder)
    if record.measure is not None:
        return (*GATES, *own_gates(record.gates))
    return gates_of(load_policy(folder / POLICY_FILE))


def _compile() -> None:
    """Import the modules that the processes need, so that Python stores them compiled."""
    for name in IMPORTED:
        import_module(name)


def _deal(folder: Path, ask: Ask, seconds: float) -> dict[str, str]:
    """Split the rows of base and candidate; return the SHA-256 of each written file, by path.

    If the rows could not be split, each gate reports what it lacks.
    """
    record = read_record(folder)
    places = [(DEAL, folder / PREPARED)]
    if record.outputs is not None:
        places.insert(0, (BASE, folder / record.folder / PREPARED))
    found: dict[str, str] = {}
    for question, place in places:
        try:
            with dealt_into(place):
                done = ask(question, seconds / len(places), None)
                answer = _read(done, Dealt, "what was dealt") if done else "it took too long"
                if isinstance(answer, str):
                    raise GatehouseError(answer)
            found |= {path.relative_to(folder).as_posix(): file_digest(path)
                      for path in place.iterdir()}  # fmt: skip
        except GatehouseError as error:
            print(f"the rows of the {question} could not be dealt: {error}", flush=True)
    return found


def gate_seconds(workers: int, gates: Sequence[GateSpec]) -> float:
    """Return the time limit of one gate in seconds; even if all gates hang, the job still answers.

    The rows are split first. The gates then run `workers` at a time, followed by the timed gates,
    each alone.

    Raises:
        GatehouseError: GATEHOUSE_JOB_MINUTES is not a number of minutes.
    """
    alone = sum(gate.timed for gate in gates)
    turns = 1 + math.ceil((len(gates) - alone) / workers) + alone
    return _job_seconds() * _MEASURING / turns


def _job_seconds() -> int:
    given = os.environ.get(JOB_MINUTES) or str(_MINUTES)
    if not re.fullmatch("[0-9]{1,5}", given) or not 1 <= int(given) <= _LONGEST:
        raise GatehouseError(
            f"{JOB_MINUTES} is '{given}': write the job's limit in minutes, 1 to {_LONGEST} "
            "(on GitHub the repository variable JUDGE_MINUTES)"
        )
    return int(given) * 60


def _measure(
    gate: str, folder: Path, ask: Ask, seconds: float, stop: Event | None = None
) -> str | None:
    """Measure a gate and store its evidence; return why it could not be measured, or None."""
    path = evidence_path(folder / EVIDENCE, gate)
    path.unlink(missing_ok=True)
    done = ask(gate, seconds, stop)
    if done is None:
        return (
            f"the {gate} gate took longer than its {seconds:,.0f} s and was stopped; does the "
            "graph run without end?"
        )
    evidence = _read(done, Evidence, f"what the {gate} gate measured")
    if isinstance(evidence, Evidence) and evidence.gate != gate:
        return f"the {gate} gate's process answered with evidence of the {evidence.gate} gate"
    if isinstance(evidence, str):
        return evidence
    evidence.write(path)
    return None


def _graph(ask: Ask, stop: Event) -> Metadata | str:
    """Return the served graph's metadata, or why it cannot be read."""
    done = ask(GRAPH, GRAPH_LIMIT, stop)
    if done is None:
        return f"it took longer than {GRAPH_LIMIT:g} s"
    return _read(done, Metadata, "what the graph says of itself")


def _run(
    isolation: Isolation,
    draws: str,
    gates: Sequence[str],
    question: str,
    seconds: float,
    stop: Event | None,
) -> Done | None:
    """Ask a question about the candidate; return None if the answer took too long."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment[DRAWS] = draws
    # -P: do not import modules from the candidate's folder.
    words = [sys.executable, "-P", "-m", "gatehouse.trusted.reader", question]
    # Each process runs as a different user, so that a compromised one cannot reach the others.
    user = FIRST_USER + [*gates, GRAPH, BASE, DEAL].index(question)
    return isolation.run(words, environment | NO_TELEMETRY, seconds, stop, user)


def _read(done: Done, model: type[Read], name: str) -> Read | str:
    """Return the answer of a process, or why there is none."""
    if done.output:
        try:
            return validate(model, parse_json(done.output.decode("utf-8"), name), name)
        except (GatehouseError, UnicodeDecodeError) as error:
            return plain(f"{name} cannot be read: {error}", 400)
    if done.code < 0:
        return f"measuring ended with signal {-done.code}; is the model or table damaged?"
    lines = done.errors.strip().splitlines()
    reason = next(
        (line for line in lines if line.startswith("error: ")), lines[-1] if lines else ""
    )
    return plain(reason.removeprefix("error: ") or "measuring failed and gave no reason", 400)
