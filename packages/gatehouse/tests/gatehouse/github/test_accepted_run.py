"""Attacks what follows an owner's word: that it is lost, or recorded with every run anew."""

from __future__ import annotations

import re

from gatehouse.github.event import Event
from gatehouse.github.teams import TOKEN
from gatehouse.run import CARD
from tests.gatehouse.github.fork import Fork

REASON = "the labels of 2019 were wrong, see ticket 12"


def stricter(fork: Fork) -> None:
    """Main asks for more than any of these candidates has."""
    path = fork.root / "policy.yaml"
    text = path.read_text()
    assert "at_least: 0.8\n" in text
    path.write_text(text.replace("at_least: 0.8\n", "at_least: 0.95\n"))
    fork.work.commit("a higher floor")
    fork.push("main")
    fork.work.run("git", "-C", str(fork.trusted), "pull", "-q", "--ff-only")


def refused(fork: Fork) -> tuple[int, Event, str]:
    """A red pull request, the run that ended, and the command that would accept its failure."""
    fork.github.state.teams["ml"] = ("olga",)
    stricter(fork)
    fork.measure_by_hand()
    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull, actor="ada")
    assert fork.judge(event).overall.state == "failure"
    (offered,) = re.findall(r"^/gatehouse accept .*$", fork.said(), re.MULTILINE)
    return pull, event, offered.replace("<reason>", REASON)


def test_an_accepted_run_is_recorded_once(fork: Fork) -> None:
    """What Publish writes of it, card and all, is what Judge makes of it in a later run."""
    pull, event, accept = refused(fork)
    word = fork.github.comment(pull, accept, "olga")
    fork.token({"members": "read"}, TOKEN)
    assert fork.publish(event).overall.state == "success"
    head = fork.head(pull)
    told = f"accepted by `@olga` on pull request {pull}: {REASON}"
    assert told in fork.github.git.git("show", f"{head}:{CARD.as_posix()}")
    assert fork.github.git.git("show", f"{head}:acceptances/{word.id}.json")

    event = fork.finish(pull, actor="ada")
    judged = fork.judge(event)
    assert (judged.overall.state, judged.record) == ("success", False)
    assert f"accepted by `@olga`: {REASON}" in fork.said()
    assert fork.publish(event).overall.state == "success"
    assert fork.head(pull) == head


def test_a_team_s_word_that_the_judge_cannot_read(fork: Fork) -> None:
    """Attacks a job that measures and has no token for teams: Publish reads them, and decides."""
    pull, event, accept = refused(fork)
    fork.github.comment(pull, accept, "olga")
    fork.token({"members": "read"}, TOKEN)
    assert fork.publish(event).overall.state == "success"
    head = fork.head(pull)

    event = fork.finish(pull, actor="ada")
    fork.monkeypatch.delenv(TOKEN)
    fork.monkeypatch.setenv("GATEHOUSE_APP_ID", "7")
    judged = fork.judge(event)
    assert judged.overall.state == "failure"
    assert "this job cannot read who is in it" in fork.said()
    fork.token({"members": "read"}, TOKEN)
    assert fork.publish(event).overall.state == "success"
    assert fork.head(pull) == head
