"""Attacks an owner's word: replayed, taken back, half given, or never given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatehouse.acceptance.record import Acceptance
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.github.change import REASON, RED, Change, worse
from tests.gatehouse.tiny import POLICY, measured


def test_an_owner_s_word_is_green_and_recorded(change: Change) -> None:
    """Who and why stand in the status, the verdict and the report, and the file on the branch."""
    assert change.judge().startswith(RED)
    comment = change.say()
    assert change.judge() == "success: 6 gates pass; @olga accepted accuracy-floor"
    assert list(change.files()) == [f"acceptances/{comment.id}.json"]
    verdict = Verdict.parse(
        change.git.git("show", f"{change.head}:reports/verdict.json"), "verdict"
    )
    assert verdict.outcome is Outcome.PASS
    assert (verdict.acceptances[0].by, verdict.acceptances[0].reason) == ("@olga", REASON)
    report = change.git.git("show", f"{change.head}:reports/report.md")
    assert f"`accuracy-floor`: accepted by `@olga`: {REASON}" in report
    # A later push of words is judged again, and the recorded file is what the comment gives.
    change.push({"README.md": "words\n"})
    assert change.judge().startswith("success")


def test_a_new_measurement_of_the_same_model(change: Change) -> None:
    """Attacks a second word for each run: a failure no worse than the recorded one is covered."""
    slice_ = "int8/fp32 single row"
    change.answer.measurements = {"latency": (measured("latency_ratio", 6, 0.3, slice=slice_),)}
    change.say()
    assert change.judge().startswith("success")
    change.push({"README.md": "words\n"})
    for value, state in ((6.2, "success"), (6.5, "failure")):
        change.answer.measurements = {
            "latency": (measured("latency_ratio", value, 0.3, slice=slice_),)
        }
        assert change.judge().startswith(state)


def other_subject(change: Change, **fields: str) -> None:
    change.answer.candidate = change.answer.candidate.model_copy(update=fields)


def other_base(change: Change, **fields: str) -> None:
    change.answer.of = change.answer.of.model_copy(update=fields)


def other_policy(change: Change, text: str) -> None:
    change.policy = POLICY.replace("at_least: 0.8\n", text)
    change.main({})


def on_another_change(change: Change) -> None:
    """The very comment, on a pull request of the same branch that is not judged here."""
    change.hub.github.state.comments[0].number = 2


def of_another_rule(change: Change) -> None:
    comment = change.hub.github.state.comments[0]
    comment.body = comment.body.replace(" accuracy-floor ", " accuracy-base ")


REPLAYS: dict[str, Callable[[Change], None]] = {
    "raw rows": lambda change: other_subject(change, raw="sha256:other"),
    "data": lambda change: other_subject(change, data="sha256:other"),
    "model": lambda change: other_subject(change, model="sha256:other"),
    "FP32 model": lambda change: other_subject(change, model_fp32="sha256:other"),
    "base's model": lambda change: other_base(change, model="sha256:other"),
    "base's FP32 model": lambda change: other_base(change, model_fp32="sha256:other"),
    "worse": lambda change: setattr(change.answer, "measurements", worse(0.69)),
    "better, and red": lambda change: setattr(change.answer, "measurements", worse(0.71)),
    "rule's limit": lambda change: other_policy(change, "at_least: 0.81\n"),
    "rule's n": lambda change: other_policy(change, "at_least: 0.8\n    minimum_n: 7\n"),
    "rule's owners": lambda change: other_policy(change, 'at_least: 0.8\n    accept: ["@olga"]\n'),
    "another change": on_another_change,
    "another rule": of_another_rule,
}


@pytest.mark.parametrize("how", REPLAYS.values(), ids=REPLAYS)
def test_a_replayed_word(change: Change, how: Callable[[Change], None]) -> None:
    """Of other data, another model, another base, another failure or another rule's text."""
    change.say()
    how(change)
    assert change.judge().startswith(RED)
    assert change.files() == {}


@pytest.mark.parametrize("editor", ["eve", "olga", "otto", "github-actions[bot]", None])
@pytest.mark.parametrize("recorded", [False, True])
def test_an_edited_word(change: Change, editor: str | None, recorded: bool) -> None:
    """By whomever, before it was recorded and after: also where it says the same again."""
    comment = change.say()
    if recorded:
        assert change.judge().startswith("success")
        change.push({"README.md": "words\n"})
    comment.edits, comment.editor = 1, editor
    assert change.judge().startswith("failure")


def test_chatter_that_was_edited_into_a_word(change: Change) -> None:
    """Attacks an owner's old comment: a writer makes a command of it."""
    comment = change.say("Looks good to me")
    assert change.judge().startswith(RED)
    comment.body, comment.edits, comment.editor = change.offered(), 1, "eve"
    assert change.judge().startswith(RED)


@pytest.mark.parametrize("how", ["model", "base", "worse"])
def test_a_replayed_record(change: Change, how: str) -> None:
    """A file that was rightly recorded covers nothing else either."""
    change.say()
    assert change.judge().startswith("success")
    if how == "model":
        change.answer.candidate = change.answer.candidate.model_copy(
            update={"model": "sha256:other"}
        )
    elif how == "base":
        change.answer.of = change.answer.of.model_copy(update={"model": "sha256:other"})
    else:
        change.answer.measurements = worse(0.69)
    change.push({"README.md": "words\n"})
    assert change.judge().startswith(RED)


@pytest.mark.parametrize("how", ["deleted", "revoked", "revoked by another owner"])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_word_taken_back(change: Change, how: str, recorded: bool) -> None:
    """Until it is merged the comment must stand, whether the branch records it or not."""
    comment = change.say()
    if recorded:
        assert change.judge().startswith("success")
        change.push({"README.md": "words\n"})
    if how == "deleted":
        change.hub.github.state.comments.remove(comment)
    else:
        revoke = change.offered().replace(" accept ", " revoke ").partition(":")[0]
        change.say(revoke, login="olga" if how == "revoked" else "otto")
    assert change.judge().startswith("failure")
    if recorded:
        change.push(dict.fromkeys(change.files()))
        assert change.judge().startswith(RED)
    assert change.files() == {}


def test_a_stranger_takes_nothing_back(change: Change) -> None:
    """Nor does an owner's older revocation stop a newer word."""
    revoke = change.offered().replace(" accept ", " revoke ").partition(":")[0]
    change.say(revoke)
    change.say()
    change.say(revoke, login="eve")
    assert change.judge().startswith("success")


def test_several_rules_and_words(change: Change) -> None:
    """One command for all of them, or one for each; half a word is red."""
    compared = measured("roc_auc", -0.2, of="comparison")
    change.answer.measurements = {"accuracy": (measured("roc_auc", 0.7), compared)}
    whole = change.offered()
    assert " accuracy-floor accuracy-base " in whole
    change.say(whole.replace(" accuracy-floor accuracy-base ", " accuracy-floor "))
    change.say(whole.replace(" accuracy-floor accuracy-base ", " accuracy-floor data-critical "))
    change.say(whole.replace("accuracy-base", "\N{CYRILLIC SMALL LETTER A}ccuracy-base"))
    assert change.judge().startswith("failure: accuracy")
    change.say(whole.replace(" accuracy-floor accuracy-base ", " accuracy-base accuracy-floor "))
    assert change.judge().startswith("success")


def test_hostile_comments(change: Change) -> None:
    """Hundreds of them, long ones, ones of no account: the good one among them still counts."""
    for number in range(130):
        change.say(f"/gatehouse accept {'x' * (number * 500)}", login="eve")
        change.say(f"words {number}", login="")
    change.say()
    for _ in range(30):
        change.say("/gatehouse \x00 ::error::", login="olga")
    assert change.judge().startswith("success")


def test_a_word_that_judge_knew_and_that_is_gone(change: Change) -> None:
    """Attacks the job that writes with a word that the reader made up: comments are read anew."""
    ((name, text),) = change.forged().items()
    change.answer.known = (Acceptance.parse(text or "", name),)
    assert change.judge().startswith(RED)
