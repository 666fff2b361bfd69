"""Attacks the folder `acceptances/`, which has no owner: its files are what comments give."""

from __future__ import annotations

import pytest

from tests.gatehouse.github.change import REASON, RED, Change, worse


def test_a_file_that_no_comment_gives(change: Change) -> None:
    """Attacks the folder, which has no owner: made by hand, red even where nothing fails."""
    change.push(change.forged())
    assert change.judge().startswith(RED)
    change.answer.measurements = {}
    assert change.judge().startswith("failure: acceptances/999999.json: is not what a comment")


@pytest.mark.parametrize(
    "name", ["acceptances/README.md", "acceptances/x.py", "acceptances/a/b.json", "acceptances"]
)
def test_other_files_in_the_folder(change: Change, name: str) -> None:
    """Nothing else may lie there: it has no owner."""
    change.answer.measurements = {}
    change.push({name: "words\n"})
    assert change.judge().split(":")[0] in ("failure", "error")


@pytest.mark.parametrize(
    ("old", "new"),
    [(REASON, "because I say so"), ("@olga", "@otto"), ("0.7", "0.1"), ('"pull": 1', '"pull": 2')],
)
def test_a_record_that_was_edited(change: Change, old: str, new: str) -> None:
    """After it was recorded: reason, name, failure, place."""
    change.say()
    assert change.judge().startswith("success")
    ((name, text),) = change.files().items()
    assert old in text
    change.push({name: text.replace(old, new)})
    assert change.judge().startswith("failure")


def kept(change: Change) -> tuple[str, str]:
    """A file that main has from an earlier change."""
    ((name, text),) = change.forged().items()
    change.main({name: text or ""})
    return name, text or ""


@pytest.mark.parametrize("text", [None, "{}\n", "edited"])
def test_the_base_s_folder_stays(change: Change, text: str | None) -> None:
    """Attacks what was recorded earlier: taken away, emptied or edited by a change."""
    name, given = kept(change)
    change.answer.measurements = {}
    assert change.judge().startswith("success")
    change.push({name: given.replace(REASON, "another reason") if text == "edited" else text})
    assert change.judge().startswith("failure: acceptances/999999.json")


def test_the_base_s_word_holds(change: Change) -> None:
    """What is merged needs no comment any more, for the same model and base."""
    kept(change)
    assert change.judge().startswith("success")
    change.answer.measurements = worse(0.6)
    assert change.judge().startswith(RED)


def test_a_fork_s_branch_is_not_written_to(change: Change) -> None:
    """Its change is accepted: the record lies on top of it, on a branch of ours."""
    change.hub.github.state.pulls[1].state = "closed"
    number = change.hub.open("change", head_repository="eve/model", head_sha=change.head)
    assert number == 2
    change.hub.github.state.pulls[1] = change.hub.github.state.pulls.pop(2)
    change.hub.github.state.pulls[1].number = 1
    change.say()
    head = change.head
    said = change.judge(head_repository="eve/model")
    assert said.startswith("pending: passes as recorded in ")
    assert change.git.commit_of("refs/heads/change") == head
    assert change.git.commit_of(f"refs/heads/from-1-{head[:12]}^") == head
