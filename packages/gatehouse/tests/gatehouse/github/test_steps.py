"""Attacks what the steps of the judging job hand to each other: forged, changed, broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.evidence import evidence_path
from gatehouse.github.event import Event
from gatehouse.github.fetch_step import fetch_run
from gatehouse.github.judge_step import judge_run
from gatehouse.trusted.handover import Place
from gatehouse.trusted.judgement import Judgement
from gatehouse.trusted.measuring import measure_run
from gatehouse.workspace import EVIDENCE, MODEL
from tests.gatehouse.github.fork import Fork, sha256
from tests.gatehouse.github.hub import READ

Attack = Callable[[Place], object]
LATENCY = evidence_path(EVIDENCE, "latency")


def judged(fork: Fork, attack: Attack, *, before: bool) -> Judgement:
    """The three steps, with an attack after the second: `before` the runner takes its digest."""
    fork.measure_by_hand()
    event = fork.finish(fork.pull_request(fork.retrain))
    place = Place(fork.trusted, fork.folder / "work")
    repository = fork.connect(READ)
    fetch_run(repository, event, place, 5)
    fetched = sha256(place.fetched_file)
    fork.monkeypatch.delenv("GITHUB_TOKEN")
    measure_run(place)
    if before:
        attack(place)
    measured = sha256(place.measured_file)
    if not before:
        attack(place)
    return judge(fork, event, place, fetched, measured)


def judge(fork: Fork, event: Event, place: Place, fetched: str, measured: str) -> Judgement:
    repository = fork.connect(READ)
    return judge_run(repository, event, place, fork.judged_folder, fetched, measured)


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new))


def swap(place: Place, path: Path) -> None:
    """As a process that may write there would: another file under the name of the measured one."""
    with (place.candidate / path).open("ab") as stream:
        stream.write(b"\0")


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (lambda place: swap(place, MODEL), str(MODEL)),
        (lambda place: swap(place, Path("policy.yaml")), "policy.yaml"),
        (lambda place: swap(place, Path("reports/base.json")), "reports/base.json"),
        (lambda place: swap(place, next(place.candidate.glob(".gatehouse/base/*/models/*.onnx"))),
         ".gatehouse/base/"),
        (lambda place: (place.candidate / MODEL).unlink(), str(MODEL)),
        (lambda place: (place.candidate / "acceptances").write_text("x"), "acceptances"),
        (lambda place: replaced(place.candidate / LATENCY, "0.9", "0.1"), str(LATENCY)),
        (lambda place: (place.candidate / "reports/x").symlink_to("/etc/passwd"), "reports/x"),
    ],
    ids=["model", "policy", "base", "base's model", "gone", "more", "evidence", "link"],
)  # fmt: skip
def test_a_file_that_was_changed_while_it_was_measured(
    fork: Fork, attack: Attack, message: str
) -> None:
    """Attacks which data and model the evidence is about, from a process of the step between."""
    answer = judged(fork, attack, before=True)
    assert answer.overall.state == "failure"
    assert message in answer.overall.text
    assert not answer.record
    assert answer.objects == {}


@pytest.mark.parametrize(
    "attack",
    [
        lambda place: replaced(place.fetched_file, '"draft": false', '"draft": true'),
        lambda place: replaced(place.measured_file, '"unmeasured": {}', '"unmeasured": {"x": ""}'),
        lambda place: place.measured_file.unlink(),
        lambda place: place.fetched_file.write_text("{}"),
    ],
    ids=["fetched", "measured", "gone", "empty"],
)
def test_what_a_step_wrote_is_bound_by_its_digest(fork: Fork, attack: Attack) -> None:
    """Attacks the files themselves, by a process that outlived its step."""
    answer = judged(fork, attack, before=False)
    assert answer.overall.state == "failure"
    assert "run Gates again" in answer.overall.text or "cannot be read" in answer.overall.text
    assert not answer.record


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"version": 2}', '{"head": "main"}', '{"evidence": 5, "more": 1}', "{" * 999],
)
def test_a_broken_file_of_a_step(fork: Fork, text: str) -> None:
    """What is no typed file of its step is an answer in words, and never green."""
    answer = judged(fork, lambda place: place.measured_file.write_text(text), before=True)
    assert answer.overall.state == "failure"
    assert "measured.json" in answer.overall.text


def test_another_commit_s_files(fork: Fork) -> None:
    """Attacks a run by what was fetched for another one."""
    fork.measure_by_hand()
    event = fork.finish(fork.pull_request(fork.retrain))
    place = Place(fork.trusted, fork.folder / "work")
    fetch_run(fork.connect(READ), event, place, 5)
    fork.monkeypatch.delenv("GITHUB_TOKEN")
    measure_run(place)
    digests = sha256(place.fetched_file), sha256(place.measured_file)
    words = fork.root / "README.md"
    pull = fork.pull_request(lambda: words.write_text("another commit\n"), branch="other")
    other = fork.finish(pull, upload=False)
    answer = judge(fork, other, place, *digests)
    assert answer.overall.state == "failure"
    assert "another commit" in answer.overall.text


def test_who_judges_loads_no_reader_of_tables_or_graphs() -> None:
    """The step that has the token leaves Parquet and ONNX to the one before it."""
    script = (
        "import sys\n"
        "import gatehouse.github.fetch_step, gatehouse.github.judge_step\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path("/")
    )
    assert not set(done.stdout.split()) & {"pandas", "pyarrow", "onnx", "onnxruntime", "torch"}
