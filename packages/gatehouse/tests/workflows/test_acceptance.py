"""Attacks the workflow that answers owners' comments: words that are none, and one that counts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gatehouse.samples.simulate import simulate
from tests.end_to_end.clone import Clone
from tests.github.state import Comment, PullRequest
from tests.workflows.test_pull_request import other_seed
from tests.workflows.test_trust import cripple
from tests.workflows.world import ALONE, World

REASON = "the first model of a smaller network, as agreed"
APP = "no PRIVATE KEY, but called one"


@pytest.fixture
def judged(world: World) -> tuple[World, PullRequest]:
    """A change by ada whose model fails; otto owns what decides, and so does olga's team."""
    world.own("@otto", "@octo/ml")
    world.github.state.teams["ml"] = ("olga",)
    world.variables, world.secrets = {"GATEHOUSE_APP_ID": "7"}, {"GATEHOUSE_APP_KEY": APP}
    pull = world.open(cripple)
    world.through(pull, workflows=ALONE)
    world.red(pull, "accuracy")
    return world, pull


def command(world: World, pull: PullRequest) -> str:
    """What the gates' comment offers, with a reason."""
    first, offered = world.said(pull).split("\n")[2:5:2]
    assert first.startswith("✍️ An owner of `policy.yaml` can accept this failure")
    assert re.fullmatch(r"/gatehouse accept [a-z0-9 -]+ [0-9a-f]{32}: <reason>", offered)
    return offered.replace("<reason>", REASON)


def say(world: World, pull: PullRequest, body: str, login: str, **more: Any) -> Comment:
    return world.github.comment(pull.number, body, login, **more)


def head(world: World) -> str:
    return world.tip("change")


def shown(world: World, path: str) -> str:
    return world.github.git.git("show", f"{head(world)}:{path}")


def test_only_an_owner_s_own_words_turn_it_green(judged: tuple[World, PullRequest]) -> None:
    """Forged, replayed and edited words leave it red; the owner's makes it green, unmeasured.

    An edit by whoever may write takes it back at once.
    """
    world, pull = judged
    offered = command(world, pull)
    assert say(world, pull, "LGTM", "olga")
    talk = world.answer(say(world, pull, f"Please: {offered}", "olga"))
    assert set(talk.results.values()) <= {None, "skipped"}, "no command, so nothing runs"

    say(world, pull, re.sub("[0-9a-f]{32}", "0" * 32, offered), "olga")
    say(world, pull, offered, "olga", edits=1, editor="eve")
    forged = world.answer(say(world, pull, offered, "eve"))
    assert forged.code == 0, forged.log[-6000:]
    assert world.status(head(world)).startswith("failure: ")
    comment = world.said(pull)
    for why in ("of another failure", "it was edited", "neither an owner"):
        assert why in comment
    assert command(world, pull) == offered, "it is offered all the same"

    before, red = shown(world, "reports/evidence/accuracy.json"), head(world)
    word = say(world, pull, offered, "olga")
    answered = world.answer(word)
    assert answered.code == 0, answered.log[-6000:]
    assert answered.results == {"find": "success", "accept": "success", "comment": "success"}
    assert "; @olga accepted " in world.status(head(world))
    assert world.status(head(world)).startswith("success: ")
    assert world.github.git.git("rev-parse", f"{head(world)}^") == red
    assert shown(world, "reports/evidence/accuracy.json") == before
    assert f'"reason": "{REASON}"' in shown(world, f"acceptances/{word.id}.json")
    for text in (world.said(pull), answered.summary, shown(world, "reports/report.md"),
                 shown(world, "reports/model_card.md")):  # fmt: skip
        assert "by `@olga`" in text
        assert REASON in text
    assert world.github.statuses(head(world))["gatehouse"].login == "gatehouse-app[bot]"

    word.edits, word.editor = 1, "eve"
    taken = world.answer(word, "edited", sender="eve", before=offered)
    assert taken.code == 0, taken.log[-6000:]
    assert world.status(head(world)).startswith("failure: ")


def new_feature_and_labels(fork: Clone) -> None:
    """Rows of a file, with one more column to learn from, and with some labels corrected."""
    rows = simulate(rows=12000, seed=0)
    rows["working_years"] = (rows.age - rows.education_num - 5).clip(lower=0)
    rows["income"] = rows.income.mask(rows.fnlwgt % 200 == 0, ">50K")
    rows.to_csv(fork.root / "data/rows.csv", index=False)
    fork.gatehouse("set", "data=data/rows.csv")
    column = "  working_years: {type: integer, range: [0, 90], description: Since school}\n"
    fork.replace("contract.yaml", "  capital_gain:", f"{column}  capital_gain:")


def forget_the_record(world: World) -> None:
    """Main as it is before its first run."""
    fork = world.author
    fork.run("git", "checkout", "--quiet", "main")
    fork.run("git", "rm", "--quiet", "-r", "dvc.lock", "reports")
    fork.commit("Nothing recorded")
    fork.run("git", "push", "--quiet", "origin", "main")


def test_one_word_lets_an_honest_change_through(world: World) -> None:
    """A new feature with corrected labels, and a first run: red, then green by the one command.

    Each was trained by its own run, and nothing else is asked of an owner but the review of the
    contract.
    """
    world.own("@otto")
    for change, rules in (
        (new_feature_and_labels, {"drift-schema", "exam-untouched"}),
        (other_seed, {"first-run"}),
    ):
        if change is other_seed:
            forget_the_record(world)
        pull = world.open(change, change.__name__)
        world.through(pull, workflows=ALONE)
        assert world.red(pull)
        offered = command(world, pull)
        assert set(offered.partition(":")[0].split()[2:-1]) == rules
        answered = world.answer(say(world, pull, offered, "otto"))
        assert answered.code == 0, answered.log[-6000:]
        status = world.status(world.tip(pull.head_branch))
        assert status.startswith("success: "), world.said(pull)
        assert status.endswith("needs a code owner") == (change is new_feature_and_labels)
