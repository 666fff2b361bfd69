"""Attacks the one line of a status: green only where all is, and never longer than GitHub takes."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.github.notes import gate_notes, overall_note
from gatehouse.judge_files import verdict_on
from gatehouse.trusted.judgement import DESCRIPTION_LIMIT, Note
from gatehouse.verdict import Verdict
from tests.gatehouse.tiny import Finished
from tests.shared import NAMES


def verdict(finished: Finished, **unmeasured: str) -> Verdict:
    return verdict_on(finished.workspace, unmeasured=unmeasured)


def test_green(finished: Finished) -> None:
    """All gates pass; who must approve is said, and a gate without a base says so."""
    passed = verdict(finished)
    assert overall_note(passed, [], {}).description == "6 gates pass"
    assert overall_note(passed, [], {"policy.yaml": ["@a"]}).text.endswith("needs a code owner")
    assert {note.state for note in gate_notes(passed).values()} == {"success"}


def test_a_problem_besides(finished: Finished) -> None:
    """Gates that pass make nothing green where something else forbids it."""
    note = overall_note(verdict(finished), ["the\nworkflow failed", "more"], {})
    assert (note.state, note.text.count("\n")) == ("failure", 0)


@pytest.mark.parametrize("gate", list(NAMES))
def test_a_gate_that_could_not_measure(finished: Finished, gate: str) -> None:
    """No evidence is no pass, and its reason is what the measuring said."""
    red = verdict(finished, **{gate: "killed by signal 9"})
    note = overall_note(red, [], {})
    assert note.state == "failure"
    assert note.text.startswith(f"{gate}: ")
    assert "signal 9" in note.text
    assert gate_notes(red)[gate].state == "error"


@pytest.mark.parametrize(
    "text", ["x" * 500, "a\n::error::b\r\nc", "\u202eabc\x1b[31m", "é" * 141, ""]
)
def test_one_line_of_what_github_takes(text: str) -> None:
    """No line end, nothing invisible, and 140 characters at most."""
    shown: Any = Note(state="failure", text=text).description
    assert len(shown) <= DESCRIPTION_LIMIT
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable()
