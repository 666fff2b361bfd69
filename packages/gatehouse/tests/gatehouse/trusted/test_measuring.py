"""Attacks the measuring of a stranger's files: a process that dies leaves a reason, and no pass."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from pathlib import Path

import pytest

from gatehouse.base import Base, BaseRecord
from gatehouse.draws import DRAWS
from gatehouse.errors import GatehouseError
from gatehouse.evidence import evidence_path
from gatehouse.gates import GATES
from gatehouse.run import CARD, REPORT
from gatehouse.trusted import measuring
from gatehouse.trusted.handover import Fetched, Measured, Place
from gatehouse.trusted.isolation import Isolation, Level
from gatehouse.trusted.measuring import JOB_MINUTES, gate_seconds, measure_all, measure_run
from gatehouse.trusted.reader import DEAL, GRAPH
from gatehouse.trusted.reporting import make_card, report_on
from gatehouse.verdict import Outcome
from gatehouse.workspace import EVIDENCE
from tests.gatehouse.tiny import Finished
from tests.sample import lay_sample
from tests.shared import NAMES

SECRETS = (
    "GATEHOUSE_KEY",
    "GITHUB_TOKEN",
    "STATUS_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of Python: does what the file `does` says, and tells how it began."""
    program = tmp_path / "python"
    told = tmp_path / "told"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, pathlib, sys, time\n"
        f"with open({str(told)!r}, 'a') as stream:\n"
        "    stream.write(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]) + '\\n')\n"
        f"exec(pathlib.Path({str(tmp_path / 'does')!r}).read_text())\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(program))
    # As another user it could not tell how it began; test_isolation.py has the rest.
    monkeypatch.setattr(
        measuring, "find_isolation", lambda folder, _: Isolation(Level.NONE, folder)
    )
    return tmp_path


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("os.kill(os.getpid(), 9)", "ended with signal 9"),
        ("os.kill(os.getpid(), 11)", "ended with signal 11"),
        ("sys.exit(0)", "gave no reason"),
        ("print('error: model: is none', file=sys.stderr); sys.exit(2)", "model: is none"),
        ("raise ValueError('boom')", "ValueError: boom"),
        ("sys.stderr.buffer.write(b'\\xff\\x1b[31m::error::x'); sys.exit(1)", "::error::x"),
        ("print('{')", "is not JSON"),
        ("print('\\ud800'.encode('utf-16', 'surrogatepass'))", "is not JSON"),
        ("sys.stdout.buffer.write(b'\\xff')", "cannot be read"),
        ('print(\'{"gate": "accuracy"}\')', "this key is missing"),
    ],
)
def test_a_process_that_dies(finished: Finished, stand_in: Path, does: str, message: str,
                             capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Killed, silent, refused, crashed: told in one line, and no evidence is old."""
    (stand_in / "does").write_text(does)
    measured = measure_all(finished.root, "0" * 64)
    assert measured.graph is None
    assert set(measured.unmeasured) == set(NAMES)
    assert measured.made == {}
    for gate, problem in measured.unmeasured.items():
        assert message in problem
        assert problem.isprintable()
        assert not evidence_path(finished.root / EVIDENCE, gate).exists()
    assert not any(line.startswith("::") for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    "does",
    [
        "time.sleep(600)",
        "while True: pass",
        "os.fork(); time.sleep(600)",
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
        "print('{}', flush=True); time.sleep(600)",
    ],
    ids=["sleeps", "spins", "forks", "ignores SIGTERM", "has written"],
)
def test_gates_that_all_hang(
    finished: Finished, stand_in: Path, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the job's time: each gate ends at its share, and says that it was this gate."""
    monkeypatch.setattr(measuring, "gate_seconds", lambda *_: 0.5)
    (stand_in / "does").write_text(does)
    monkeypatch.setattr(measuring, "GRAPH_LIMIT", 0.5)
    measured = measure_all(finished.root, "0" * 64)
    assert set(measured.unmeasured) == set(NAMES)
    assert measured.graph_problem == "it took longer than 0.5 s"
    for gate, problem in measured.unmeasured.items():
        assert problem.startswith(f"the {gate} gate took longer than its 0 s and was stopped")
        assert not evidence_path(finished.root / EVIDENCE, gate).exists()
    base = Base("main", "0" * 40, BaseRecord(), finished.policy, None, None)
    report = report_on(finished.workspace, base, measured, "")
    comment = (finished.root / REPORT).read_text()
    assert report.outcome is Outcome.FAIL
    assert all(f"the {gate} gate took longer than its 0 s" in comment for gate in NAMES)


@pytest.mark.parametrize("minutes", ["1", "20", "60", "360"])
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 64])
def test_all_shares_together_leave_time_to_answer(
    workers: int, minutes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any number of cores, though all gates hang one after the other."""
    monkeypatch.setenv(JOB_MINUTES, minutes)
    turns = math.ceil((len(NAMES) - 1) / workers) + 2  # rows are dealt first
    assert gate_seconds(workers, GATES) * turns <= 0.61 * 60 * int(minutes)
    monkeypatch.setenv(JOB_MINUTES, "")  # a variable that is not set
    assert gate_seconds(2, GATES) == 60 * 60 * 0.6 / 5


@pytest.mark.parametrize("minutes", ["0", "-1", "an hour", "1.5", "1e9", "99999", "٦٠"])
def test_a_limit_that_is_none(
    finished: Finished, minutes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that somebody misspelt is told by its name."""
    monkeypatch.setenv(JOB_MINUTES, minutes)
    with pytest.raises(GatehouseError, match="JUDGE_MINUTES"):
        measure_all(finished.root, "0" * 64)


def test_evidence_of_another_gate(finished: Finished, stand_in: Path) -> None:
    """Attacks a gate by the process of another one: each answers for its own gate only."""
    for gate in NAMES:
        finished.write_evidence(gate)
    forged = evidence_path(finished.root / EVIDENCE, "fairness").read_text("utf-8")
    (stand_in / "does").write_text(f"print({forged!r})")
    measured = measure_all(finished.root, "0" * 64)
    assert set(measured.unmeasured) == set(NAMES) - {"fairness"}
    for gate, problem in measured.unmeasured.items():
        assert problem == f"the {gate} gate's process answered with evidence of the fairness gate"


def test_no_card_without_the_graph(finished: Finished) -> None:
    """What the graph says of itself could not be read: told, and no old card stays."""
    measured = Measured(graph_problem="measuring ended with signal 11")
    with pytest.raises(GatehouseError, match="card could not be made: measuring ended with"):
        make_card(finished.workspace, measured)


def test_no_secret_reaches_it(finished: Finished, stand_in: Path,
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Nor is its folder a place to import from."""
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    (stand_in / "does").write_text("sys.exit(1)")
    measure_all(finished.root, "0" * 64)
    calls = [json.loads(line) for line in (stand_in / "told").read_text().splitlines()]
    assert sorted(words[-1] for words, _, _ in calls) == sorted([*NAMES, GRAPH, DEAL])
    for words, environment, folder in calls:
        assert words[0] == "-P"
        assert "secret" not in environment.values()
        assert folder == str(finished.root)
        assert environment["DO_NOT_TRACK"] == "1"
        assert environment[DRAWS] == "0" * 64
    assert calls[0][0][-1] == DEAL  # what the gates look at
    assert calls[-1][0][-1] == "latency"  # with nothing beside it


@pytest.mark.parametrize(
    "name",
    sorted({*SECRETS, "AWS_ACCESS_KEY_ID"} - {"ACTIONS_RUNTIME_TOKEN"}),
)
def test_the_step_runs_beside_no_secret(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a workflow that gives the step a token or a key: it opens nothing then."""
    monkeypatch.setenv(name, "secret")
    with pytest.raises(GatehouseError, match=f"{name}: is set"):
        measure_run(Place(tmp_path, tmp_path))


def test_a_limit_that_is_none_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comment says it, so that the step does not end without one."""
    for name in (*SECRETS, "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(JOB_MINUTES, "an hour")
    place = Place(tmp_path, tmp_path)
    Fetched(head="0" * 40, files={"x": "y"}).write(place.fetched_file)
    assert "JUDGE_MINUTES" in (measure_run(place).stopped or "")


def test_modules_of_the_candidate_are_not_imported(finished: Finished) -> None:
    """A candidate's folder with modules named as libraries: none of them runs."""
    lay_sample(finished.root, "model_card.yaml")
    for name in ("pandas", "sitecustomize", "gatehouse", "click"):
        (finished.root / f"{name}.py").write_text("open('ran', 'w').close()\n")
    measured = measure_all(finished.root, "0" * 64)
    assert measured.graph is not None
    make_card(finished.workspace, measured)
    assert (finished.root / CARD).exists()
    assert not (finished.root / "ran").exists()


def test_a_damaged_graph(finished: Finished) -> None:
    """What it says of itself can't be read: told with the file."""
    (finished.root / "models/model.int8.onnx").write_bytes(os.urandom(100))
    measured = measure_all(finished.root, "0" * 64)
    assert measured.graph is None
    assert "model.int8.onnx" in (measured.graph_problem or "")
