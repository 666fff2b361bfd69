"""Attacks the measuring of a stranger's files: a process that dies leaves a reason, and no pass."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from pathlib import Path

import pytest
from tests.gatehouse.tiny import Finished
from tests.sample import lay_sample

from gatehouse.base import Base, BaseRecord
from gatehouse.draws import DRAWS, draws_of
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate, evidence_path
from gatehouse.github import measuring
from gatehouse.github.measuring import JOB_MINUTES, gate_seconds, make_card, measure_all
from gatehouse.github.reporting import report_on
from gatehouse.run import CARD, REPORT
from gatehouse.verdict import Outcome
from gatehouse.workspace import EVIDENCE

SECRETS = (
    "GATEHOUSE_KEY",
    "GITHUB_TOKEN",
    "STATUS_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
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
    return tmp_path


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("os.kill(os.getpid(), 9)", "ended with signal 9"),
        ("os.kill(os.getpid(), 11)", "ended with signal 11"),
        ("sys.exit(0)", "gave no reason"),
        ("print('error: model: is none', file=sys.stderr); sys.exit(2)", "model: is none"),
        ("raise ValueError('boom')", "ValueError: boom"),
        ("sys.stderr.buffer.write(b'\\xff\\x1b[31m::error::x'); sys.exit(1)", "::error::x"),
    ],
)
def test_a_process_that_dies(finished: Finished, stand_in: Path, does: str, told: str,
                             capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Killed, silent, refused, crashed: told in one line, and no evidence is old."""
    (stand_in / "does").write_text(does)
    problems = measure_all(finished.root)
    assert set(problems) == set(Gate)
    for gate, problem in problems.items():
        assert told in problem
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
        "(pathlib.Path('reports/evidence') / f'{sys.argv[-1]}.json').write_text('{}');"
        " time.sleep(600)",
    ],
    ids=["sleeps", "spins", "forks", "ignores SIGTERM", "has written"],
)
def test_gates_that_all_hang(
    finished: Finished, stand_in: Path, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the job's time: each gate ends at its share, and says that it was this gate."""
    monkeypatch.setattr(measuring, "gate_seconds", lambda _: 1.0)
    (stand_in / "does").write_text(does)
    problems = measure_all(finished.root)
    assert set(problems) == set(Gate)
    for gate, problem in problems.items():
        assert problem.startswith(f"the {gate} gate took longer than its 1 s and was ended")
        assert not evidence_path(finished.root / EVIDENCE, gate).exists()
    base = Base("main", "0" * 40, BaseRecord(), finished.policy, None, None)
    report = report_on(finished.workspace, base, problems, "")
    comment = (finished.root / REPORT).read_text()
    assert report.outcome is Outcome.FAIL
    assert all(f"the {gate} gate took longer than its 1 s" in comment for gate in Gate)


@pytest.mark.parametrize("minutes", ["1", "20", "60", "360"])
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 64])
def test_all_shares_together_leave_time_to_answer(
    workers: int, minutes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any number of cores, though all gates hang one after the other."""
    monkeypatch.setenv(JOB_MINUTES, minutes)
    turns = math.ceil((len(Gate) - 1) / workers) + 2  # rows are dealt first
    assert gate_seconds(workers) * turns <= 0.61 * 60 * int(minutes)
    monkeypatch.setenv(JOB_MINUTES, "")  # a variable that is not set
    assert gate_seconds(2) == 60 * 60 * 0.6 / 5


@pytest.mark.parametrize("minutes", ["0", "-1", "an hour", "1.5", "1e9", "99999", "٦٠"])
def test_a_limit_that_is_none(
    finished: Finished, minutes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that somebody misspelt is told by its name."""
    monkeypatch.setenv(JOB_MINUTES, minutes)
    with pytest.raises(GatehouseError, match="JUDGE_MINUTES"):
        measure_all(finished.root)


def test_a_card_that_hangs(
    finished: Finished, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card opens the graph too."""
    monkeypatch.setattr(measuring, "CARD_LIMIT", 1.0)
    (stand_in / "does").write_text("time.sleep(600)")
    with pytest.raises(GatehouseError, match="it took longer than 1 s"):
        make_card(finished.root)


def test_no_secret_reaches_it(finished: Finished, stand_in: Path,
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Nor is its folder a place to import from."""
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    (stand_in / "does").write_text("sys.exit(1)")
    measure_all(finished.root)
    with pytest.raises(GatehouseError, match="model card"):
        make_card(finished.root)
    calls = [json.loads(line) for line in (stand_in / "told").read_text().splitlines()]
    assert len(calls) == len(Gate) + 2  # the deal and the card
    for words, environment, folder in calls:
        assert words[0] == "-P"
        assert "secret" not in environment.values()
        assert folder == str(finished.root)
        assert environment["DO_NOT_TRACK"] == "1"
        assert environment[DRAWS] == draws_of(finished.workspace)
    assert [words[-1] for words, _, _ in calls][-2:] == ["latency", "card"]  # with nothing beside


def test_modules_of_the_candidate_are_not_imported(finished: Finished) -> None:
    """A candidate's folder with modules named as libraries: none of them runs."""
    lay_sample(finished.root, "model_card.yaml")
    for name in ("pandas", "sitecustomize", "gatehouse", "click"):
        (finished.root / f"{name}.py").write_text("open('ran', 'w').close()\n")
    make_card(finished.root)
    assert (finished.root / CARD).exists()
    assert not (finished.root / "ran").exists()


def test_a_damaged_graph(finished: Finished) -> None:
    """The card can't be made of it: told with the file, and an old card is not taken for it."""
    lay_sample(finished.root, "model_card.yaml")
    (finished.root / CARD).parent.mkdir(parents=True, exist_ok=True)
    (finished.root / CARD).write_text("of another model")
    (finished.root / "models/model.int8.onnx").write_bytes(os.urandom(100))
    with pytest.raises(GatehouseError, match=r"model\.int8\.onnx"):
        make_card(finished.root)
