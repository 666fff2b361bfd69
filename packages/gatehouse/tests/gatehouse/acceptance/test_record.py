"""Attacks what an acceptance covers, and the files that record them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.acceptance.offer import offers, scope_of
from gatehouse.acceptance.record import FOLDER, parse, read_folder
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Measurement
from gatehouse.policy import parse_policy
from gatehouse.verdict import Outcome
from tests.gatehouse.acceptance.case import (
    BASE,
    NOW,
    PLAIN,
    REST,
    TIME,
    accept,
    judged,
    worse,
)
from tests.gatehouse.tiny import POLICY, measured


def test_an_accepted_failure_is_shown_and_lets_the_merge_through() -> None:
    """Attacks an acceptance without effect, or one that hides what it let through."""
    verdict = judged(accept(judged(accuracy=worse())), accuracy=worse())
    assert verdict.outcome is Outcome.PASS
    assert verdict.gate("accuracy") is Outcome.ACCEPTED
    (shown,) = verdict.acceptances
    assert (shown.rules, shown.by) == (("accuracy-floor",), "@olga")
    finding = next(r for r in verdict.rules if r.rule == "accuracy-floor").findings[0]
    assert "accepted by @olga: known and wanted" in finding.text


def test_no_word_no_mention() -> None:
    """An acceptance that nothing needs is not in the verdict: the folder only grows."""
    assert judged(accept(judged(accuracy=worse()))).acceptances == ()


@pytest.mark.parametrize("field", ["raw", "data", "model", "model_fp32"])
def test_other_data_or_another_model_is_another_case(field: str) -> None:
    """Attacks a replay: the same numbers of anything else are not accepted."""
    given = accept(judged(accuracy=worse()))
    other = NOW.model_copy(update={field: "sha256:other"})
    assert judged(given, now=other, accuracy=worse()).outcome is Outcome.FAIL


@pytest.mark.parametrize("field", ["model", "model_fp32"])
def test_the_base_moved_on(field: str) -> None:
    """Attacks a return to an old model: against another base it is a new case."""
    given = accept(judged(accuracy=worse()))
    other = BASE.model_copy(update={field: "sha256:other"})
    assert judged(given, base=other, accuracy=worse()).outcome is Outcome.FAIL


def test_on_main_and_in_a_release_there_is_no_base() -> None:
    """What was merged is judged there without one, and the acceptance holds."""
    given = accept(judged(accuracy=worse()))
    assert judged(given, base=None, accuracy=(worse()[0],)).outcome is Outcome.PASS
    other = NOW.model_copy(update={"model": "sha256:other"})
    assert judged(given, base=None, now=other, accuracy=(worse()[0],)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_least: 0.8\n", "at_least: 0.75\n"),
        ("at_least: 0.8\n", "at_least: 0.8\n    minimum_n: 10\n"),
        ("why: The least that is of use", "why: Another reason"),
        ("at_least: 0.8\n", "at_least: 0.8\n    accept: never\n"),
        ("at_least: 0.8\n", 'at_least: 0.8\n    accept: ["@ada"]\n'),
    ],
)
def test_a_rule_that_reads_differently_is_another_case(old: str, new: str) -> None:
    """Attacks a replay after the policy changed, in its limit, its reason or who may accept."""
    assert old in POLICY
    policy = parse_policy(POLICY.replace(old, new, 1), "policy.yaml")
    given = accept(judged(accuracy=worse()))
    assert judged(given, policy=policy, accuracy=worse()).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("accepted", "now", "passes"),
    [
        ((0.7, 0.0), (0.7, 0.0), True),
        ((0.7, 0.0), (0.75, 0.0), True),
        ((0.7, 0.0), (0.6999, 0.0), False),
        ((0.7, 0.02), (0.685, 0.02), True),
        ((0.7, 0.02), (0.675, 0.02), False),
        ((0.7, 0.02), (0.7, 0.09), True),
        ((0.79, 0.02), (0.775, 0.001), True),
        ((0.79, 0.02), (0.765, 0.001), False),
    ],
)
def test_no_worse_than_what_was_accepted(
    accepted: tuple[float, float], now: tuple[float, float], passes: bool
) -> None:
    """Attacks an acceptance with a worse failure; noise within the accepted interval is none."""
    given = accept(judged(accuracy=worse(*accepted)))
    verdict = judged(given, accuracy=worse(*now))
    assert (verdict.outcome is Outcome.PASS) == passes


@pytest.mark.parametrize(("now", "passes"), [(5.5, True), (6.0, True), (6.1, False)])
def test_an_upper_limit(now: float, passes: bool) -> None:
    """The other side of a limit: a time that is measured again."""
    given = accept(judged(latency=(measured("latency_ratio", 5.8, 0.2, slice=TIME),)))
    verdict = judged(given, latency=(measured("latency_ratio", now, 0.1, slice=TIME),))
    assert (verdict.outcome is Outcome.PASS) == passes


def test_another_slice_is_not_covered() -> None:
    """Attacks an acceptance of one group's failure with another group's."""

    def fair(*slices: str) -> tuple[Measurement, ...]:
        return tuple(measured("equalized_odds_difference", 0.5, slice=name) for name in slices)

    given = accept(judged(fairness=fair("sex")))
    assert judged(given, fairness=fair("sex")).outcome is Outcome.PASS
    for found in (("race",), ("sex", "race")):
        verdict = judged(given, fairness=fair(*found))
        assert verdict.outcome is Outcome.FAIL


def test_what_could_not_be_measured() -> None:
    """It is accepted only as such, and a measured failure does not cover it."""
    unmeasured = (measured("roc_auc", None), *REST)
    given = accept(judged(accuracy=unmeasured))
    assert judged(given, accuracy=unmeasured).outcome is Outcome.PASS
    assert judged(given, accuracy=worse(0.1)).outcome is Outcome.FAIL
    given = accept(judged(accuracy=worse(0.1)))
    assert judged(given, accuracy=unmeasured).outcome is Outcome.FAIL


def test_evidence_in_error_is_never_accepted() -> None:
    """Attacks the judge with a gate that dies: nobody's word replaces its evidence."""
    red = judged(accuracy="measuring took too long")
    assert offers(red, PLAIN) == ()
    with pytest.raises(GatehouseError, match="in error"):
        scope_of(red, PLAIN, ["accuracy-floor"])
    given = accept(judged(accuracy=worse()))
    assert judged(given, accuracy="measuring took too long").outcome is Outcome.FAIL


@pytest.mark.parametrize("name", ["accuracy-base", "accuracy-roof", "data-critical"])
def test_only_what_blocks_can_be_accepted(name: str) -> None:
    """Attacks an acceptance in store: of a rule that passes, or that is not there."""
    with pytest.raises(GatehouseError, match=name):
        scope_of(judged(accuracy=worse()), PLAIN, ["accuracy-floor", name])


def test_the_digest_is_of_everything() -> None:
    """Attacks a digest that leaves something out: each change of the case is another digest."""
    found = [
        scope_of(judged(accuracy=worse()), PLAIN, ["accuracy-floor"]).digest,
        scope_of(judged(accuracy=worse(0.69)), PLAIN, ["accuracy-floor"]).digest,
        *(
            accept(
                judged(now=NOW.model_copy(update={f: "sha256:0"}), accuracy=worse())
            ).scope.digest
            for f in ("raw", "data", "model", "model_fp32")
        ),
        *(
            accept(
                judged(base=BASE.model_copy(update={f: "sha256:0"}), accuracy=worse())
            ).scope.digest
            for f in ("model", "model_fp32")
        ),
    ]
    assert len(set(found)) == len(found)
    assert {len(each) for each in found} == {32}


def test_the_folder_holds_what_the_gates_wrote(tmp_path: Path) -> None:
    """Attacks a file that was edited, renamed or made by hand, and a link."""
    assert read_folder(tmp_path) == ()
    given = accept(judged(accuracy=worse()))
    given.write(tmp_path / given.path)
    assert read_folder(tmp_path) == (given,)
    text = given.to_json()
    for name, content in {
        "8.json": text,
        "7.json": text.replace("\n", "\r\n"),
        "7.txt": text,
        "07.json": text,
        "README.md": "words",
    }.items():
        with pytest.raises(GatehouseError):
            parse(content.encode(), FOLDER / name)
    with pytest.raises(GatehouseError):
        parse(b"\xff", FOLDER / "7.json")
    (tmp_path / FOLDER / "8.json").symlink_to(tmp_path / given.path)
    with pytest.raises(GatehouseError, match="not a plain file"):
        read_folder(tmp_path)
