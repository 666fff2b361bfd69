"""Attacks the answer to a comment: an answer that is none, a head that nobody judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github import publish, writing
from gatehouse.github.accept import read_comment_event
from tests.gatehouse.github.change import REASON, RED
from tests.gatehouse.github.talk import Talk


def test_a_comment_turns_it_green(talk: Talk) -> None:
    """With nothing measured: recorded on top of the gates' record, with who and why."""
    assert talk.gates().startswith(RED)
    record = talk.head
    comment = talk.say()
    assert talk.accept(comment) == "success: 6 gates pass; @olga accepted accuracy-floor"
    assert talk.git.commit_of(f"{talk.head}^") == record
    assert (talk.status(), list(talk.files())) == (
        "success",
        [f"acceptances/{comment.id}.json"],
    )
    assert f"accepted by `@olga`: {REASON}" in talk.told()
    assert "/gatehouse accept" not in talk.told()
    assert "No App sets the status" in talk.told()


def test_it_is_green_twice_and_written_once(talk: Talk) -> None:
    """Attacks the branch with commits in a loop: a second event finds nothing to record."""
    talk.gates()
    comment = talk.say()
    talk.accept(comment)
    head = talk.head
    assert "`git pull` first" in talk.told()
    assert talk.accept(comment) == "success: 6 gates pass; @olga accepted accuracy-floor"
    assert (talk.head, talk.status()) == (head, "success")
    assert "`git pull` first" not in talk.told(), "the head is the record"
    assert f"/raw/{head}/reports/verdict.svg" in talk.told()


def test_a_word_that_does_not_count_is_answered(talk: Talk) -> None:
    """Why, in the gates' comment, which still offers the command in its first line."""
    talk.gates()
    comment = talk.say(login="eve")
    assert talk.accept(comment).startswith(RED)
    first, second = talk.told().splitlines()[:3:2]
    assert first == "<!-- gatehouse -->"
    assert second.startswith("✍️ An owner of `policy.yaml` can accept this failure")
    assert f"[comment {comment.id}]" in talk.told()
    assert "neither an owner" in talk.told()
    assert talk.status() == "failure"


def test_a_comment_in_another_s_name(talk: Talk) -> None:
    """The sender is not the author: nothing is done."""
    talk.gates()
    assert "in another's name" in talk.accept(talk.say(), sender="eve")
    assert talk.status() == "failure"


@pytest.mark.parametrize("how", ["deleted", "edited"])
def test_a_word_taken_back_is_red_at_once(talk: Talk, how: str) -> None:
    """Also where it was recorded on the branch already."""
    talk.gates()
    comment = talk.say()
    talk.accept(comment)
    if how == "deleted":
        talk.hub.github.state.comments.remove(comment)
    else:
        comment.edits, comment.editor = 1, "eve"
    talk.accept(comment, action=how, sender="eve")
    assert talk.status() == "failure"


@pytest.mark.parametrize("how", ["edited", "given"])
def test_a_word_of_the_moment_in_which_the_answer_is_written(
    talk: Talk, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the order of two runs: the one that read the comments earlier writes last."""
    talk.gates()
    comment = talk.say() if how == "edited" else None
    say_all = writing.say_all

    def late(*words: Any) -> None:
        monkeypatch.setattr(publish, "say_all", say_all)
        if comment is None:
            talk.say()
        else:
            comment.edits, comment.editor = 1, "eve"
        say_all(*words)

    monkeypatch.setattr(publish, "say_all", late)
    talk.accept(comment or talk.say(login="eve"))
    assert talk.status() == ("failure" if how == "edited" else "success")


@pytest.mark.parametrize(
    "run",
    [
        {"path": ".github/workflows/pull-request.yml"},
        {"path": ".github/workflows/gates.yml@refs/heads/change"},
        {"event": "push"},
        {"event": "workflow_dispatch"},
        {"head_branch": "change"},
        {"head_repository": "eve/model"},
    ],
    ids=str,
)
def test_an_answer_of_another_run(talk: Talk, run: dict[str, Any]) -> None:
    """Any run can upload an artifact of that name: path, event and branch are GitHub's word."""
    talk.gates(**run)
    assert "not judged yet" in talk.accept(talk.say())
    assert talk.status() == "failure"


def test_an_answer_of_another_commit(talk: Talk) -> None:
    """Attacks the name of the artifact: it speaks of the commit that it names, or of none."""
    talk.gates()
    folder = talk.hub.folder / f"judged-{talk.hub.runs - 1}"
    talk.push({"params.yaml": "seed: 3\n"})
    talk.upload(talk.head, folder)
    with pytest.raises(GatehouseError, match="of another commit"):
        talk.accept(talk.say())
    assert talk.status() == "none"


@pytest.mark.parametrize("path", ["params.yaml", "src/pipeline/x.py", "policy.yaml"])
def test_a_push_on_top_of_the_record(talk: Talk, path: str) -> None:
    """Nobody judged it: the old answer does not make it green."""
    commit = talk.head
    talk.gates()
    talk.git.put("refs/heads/change", commit)
    talk.push({path: "seed: 9\n"})
    comment = talk.say()
    with pytest.raises(GatehouseError, match="was not judged yet"):
        talk.accept(comment)
    assert talk.status() == "none"


@pytest.mark.parametrize("path", ["dvc.lock", "reports/verdict.json", "reports/report.md"])
def test_a_record_that_somebody_forged(talk: Talk, path: str) -> None:
    """What *Publish* writes is written over, and only that commit is green."""
    commit = talk.head
    talk.gates()
    talk.git.put("refs/heads/change", commit)
    talk.push({path: "forged\n"})
    forged = talk.head
    talk.accept(talk.say())
    assert talk.head != forged
    assert talk.status() == "success"
    assert talk.hub.state(forged) == "pending"
    assert "forged" not in talk.git.git("show", f"{talk.head}:{path}")


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_broken_answer(talk: Talk, content: bytes) -> None:
    """An error, and no status."""
    talk.upload(talk.head, content)
    with pytest.raises(GatehouseError):
        talk.accept(talk.say())
    assert talk.status() == "none"


def test_main_moved_on(talk: Talk) -> None:
    """The answer is by yesterday's base: an error that says so."""
    talk.gates()
    tip = talk.git.commit_of("refs/heads/main")
    talk.hub.commit("main", {"policy.yaml": talk.policy, "new": "file\n"}, tip)
    assert "run Gates again" in talk.accept(talk.say())
    assert talk.status() == "error"


@pytest.mark.parametrize("how", ["closed", "other base", "not judged"])
def test_nothing_to_answer(talk: Talk, how: str) -> None:
    """A pull request that is closed, goes elsewhere, or was not judged: nothing is written."""
    if how != "not judged":
        talk.gates()
    comment = talk.say()
    if how == "closed":
        talk.hub.github.state.pulls[1].state = "closed"
    elif how == "other base":
        talk.git.git("update-ref", "refs/heads/feature", "refs/heads/main")
        talk.hub.github.state.pulls[1].base_branch = "feature"
    before = len(talk.hub.github.writes)
    assert talk.accept(comment)
    assert len(talk.hub.github.writes) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"action": "created"}'])
def test_an_event_that_is_none(text: str, tmp_path: Path) -> None:
    """An error in words."""
    path = tmp_path / "event.json"
    path.write_text(text)
    with pytest.raises(GatehouseError, match="no issue_comment event"):
        read_comment_event(path)
