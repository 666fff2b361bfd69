"""Attacks the measuring of a stranger's files: a process that dies leaves a reason, and no pass."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from tests.gatehouse.tiny import Finished
from tests.sample import lay_sample

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Gate, evidence_path
from gatehouse.github import measuring
from gatehouse.github.measuring import make_card, measure_all
from gatehouse.run import CARD
from gatehouse.workspace import EVIDENCE

SECRETS = ("GITHUB_TOKEN", "STATUS_TOKEN", "AWS_SECRET_ACCESS_KEY", "ACTIONS_RUNTIME_TOKEN")


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
        ("time.sleep(30)", "took longer than"),
        ("print('error: model: is none', file=sys.stderr); sys.exit(2)", "model: is none"),
        ("raise ValueError('boom')", "ValueError: boom"),
        ("sys.stderr.buffer.write(b'\\xff\\x1b[31m::error::x'); sys.exit(1)", "::error::x"),
    ],
)
def test_a_process_that_dies(finished: Finished, stand_in: Path, does: str, told: str,
                             monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Killed, silent, hung, refused, crashed: told in one line, and no evidence is old."""
    monkeypatch.setattr(measuring, "TIME_LIMIT", 1 if "sleep" in does else 60)
    (stand_in / "does").write_text(does)
    problems = measure_all(finished.root)
    assert set(problems) == set(Gate)
    for gate, problem in problems.items():
        assert told in problem
        assert problem.isprintable()
        assert not evidence_path(finished.root / EVIDENCE, gate).exists()
    assert not any(line.startswith("::") for line in capsys.readouterr().out.splitlines())


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
    assert len(calls) == len(Gate) + 1
    for words, environment, folder in calls:
        assert words[0] == "-P"
        assert "secret" not in environment.values()
        assert folder == str(finished.root)
        assert environment["DO_NOT_TRACK"] == "1"
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
