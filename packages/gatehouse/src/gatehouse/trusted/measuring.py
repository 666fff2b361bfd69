"""Measure a candidate that nobody vouches for: each gate in a process of its own.

First its raw rows are dealt into train, valid and test by the base's rule: it brings no splits.

The libraries that read ONNX and Parquet are native code, and the files are a stranger's. A process
that crashes, hangs or is killed leaves its gate without evidence, which is no pass. Each gate may
take a share of the job's time, so that the job still answers where all of them hang. What a process
finds comes back by a pipe, and is stored only if it is evidence of its gate.
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
from gatehouse.trusted.dealing import dealt_into
from gatehouse.trusted.handover import Measured, Place, evidence_digests
from gatehouse.trusted.isolation import FIRST_USER, Isolation, find_isolation
from gatehouse.trusted.process import Done
from gatehouse.trusted.reader import BASE, DEAL, GRAPH, Dealt
from gatehouse.typed import Frozen, parse_json, validate
from gatehouse.workspace import EVIDENCE

JOB_MINUTES = "GATEHOUSE_JOB_MINUTES"
"""The variable with the job's own limit, in minutes."""
_MINUTES = 60
"""Where it is not set."""
_LONGEST = 7200
"""Five days, the most that GitHub gives to a job on a runner of one's own."""
_MEASURING = 0.6
"""The part of the job's time in which all gates end; the rest is for setting up and answering."""
GRAPH_LIMIT = 120.0
"""Seconds that reading what the graph says of itself may take."""

IMPORTED = (
    "gatehouse.trusted.reader",
    *(f"gatehouse.gates.{gate.name}.measure" for gate in GATES),
    "great_expectations", "onnxruntime", "pandas", "pyarrow.parquet", "scipy.stats",
    "sklearn.metrics",
)  # fmt: skip
"""What the processes import, which can't store the compiled modules as another user."""

# No token and no cloud key is in the environment of a process that opens the candidate.
_KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
_SECRETS = ("GITHUB_TOKEN", "STATUS_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", KEY)  # fmt: skip

Read = TypeVar("Read", bound=Frozen)
Ask = Callable[[str, float, Event | None], Done | None]
"""Puts a question to a process of its own, which has so many seconds; None: it took longer."""


def measure_run(place: Place) -> Measured:
    """The step that measures: what was fetched in, evidence and `measured.json` out.

    Raises:
        GatehouseError: a token or a key is in the environment, or what was fetched is unreadable.
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
    """Deal and measure the candidate in `folder`, and store the evidence there.

    Args:
        folder: of the candidate.
        draws: what its random draws follow from (`gatehouse.draws`).

    Raises:
        GatehouseError: GATEHOUSE_JOB_MINUTES is no number of minutes.
    """
    _job_seconds()  # a wrong setting is the workflow's, and is reported before the candidate's
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
            stop.set()  # an interrupt reaches this process alone
            raise
    # Times are only worth something on a machine that does nothing else.
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
    """The gates to measure: a change's own ones count once they are merged.

    Raises:
        GatehouseError: one that the base names can't be loaded.
    """
    record = read_record(folder)
    if record.measure is not None:
        return (*GATES, *own_gates(record.gates))
    return gates_of(load_policy(folder / POLICY_FILE))


def _compile() -> None:
    """Import what the processes will, so that Python stores the compiled modules."""
    for name in IMPORTED:
        import_module(name)


def _deal(folder: Path, ask: Ask, seconds: float) -> dict[str, str]:
    """Deal the rows of base and candidate; the SHA-256 of what was made, by its path.

    Where they could not be dealt, each gate says what it lacks.
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
    """How long one gate may take, in seconds, so that all can hang and the job still answers.

    Rows are dealt first; the gates run `workers` at a time, and after them those that a clock
    decides, each by itself.

    Raises:
        GatehouseError: GATEHOUSE_JOB_MINUTES is no number of minutes.
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
    """Why a gate could not be measured; None where its evidence is stored."""
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
    """What the served graph says of itself, or why that cannot be read."""
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
    """Put a question to the candidate; None where the answer took too long."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment[DRAWS] = draws
    # -P: the candidate's folder is no place to import from.
    words = [sys.executable, "-P", "-m", "gatehouse.trusted.reader", question]
    # Each has a user of its own, so that one that is taken over reaches no other.
    user = FIRST_USER + [*gates, GRAPH, BASE, DEAL].index(question)
    return isolation.run(words, environment | NO_TELEMETRY, seconds, stop, user)


def _read(done: Done, model: type[Read], name: str) -> Read | str:
    """The answer of a process, or why there is none."""
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
