"""Attacks the job that may write through the one that reads a stranger's files.

Whoever takes *Judge* over can say what was measured, and no more: each answer that its evidence,
the base's policy and the base do not support is an error.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatehouse.evidence import evidence_path
from gatehouse.github.recompute import MOST_BYTES
from gatehouse.policy import parse_policy
from gatehouse.report.annotations import Annotation
from gatehouse.trusted.judgement import EVIDENCE, JUDGED, RECORD, VERDICT, Judgement, Note
from tests.gatehouse.github.answers import Answer
from tests.gatehouse.github.desk import Desk
from tests.gatehouse.tiny import POLICY, good, measured

WORSE = {"accuracy": (measured("roc_auc", 0.5), *good("accuracy", base=True)[1:])}


def say(desk: Desk, **changes: Any) -> None:
    """Say something else than was handed over."""
    judged = Judgement.read(desk.folder / JUDGED)
    judged.model_copy(update=changes).write(desk.folder / JUDGED)


def publish(desk: Desk) -> str:
    """Publish it; what the status says of the head then."""
    desk.publish()
    return desk.said()


def assert_refused(desk: Desk, words: str) -> None:
    said = publish(desk)
    assert said.startswith("error: judged again: ")
    assert words in said
    assert {s.state for s in desk.hub.github.state.statuses if s.context == "gatehouse"} == {
        "error"
    }
    assert desk.hub.head(1) == desk.head


def test_an_answer_that_its_evidence_supports(desk: Desk) -> None:
    """Attacks a job that refuses everything: good evidence is green, bad evidence red."""
    desk.hand_over()
    assert publish(desk) == "success: 6 gates pass"
    desk.answer.measurements = WORSE
    desk.hand_over()
    assert publish(desk).startswith("failure: accuracy: ROC AUC")


def test_only_what_still_blocks_is_shown_beside_the_change(desk: Desk) -> None:
    """Attacks a line by a note on a failure that an owner accepted since, or that is none."""
    desk.answer.measurements = WORSE
    desk.hand_over()
    failed, passed = (
        Annotation(path="params.yaml", line=4, level="failure", title=title, text="low")
        for title in ("accuracy-floor", "fairness-gap")
    )
    looser = passed.model_copy(update={"level": "warning"})
    say(desk, notes=(failed, passed, looser))
    assert desk.publish().notes == (failed, looser)


def green(desk: Desk) -> None:
    """Bad evidence, and a green status."""
    desk.answer.measurements = WORSE
    desk.hand_over()
    say(desk, overall=Note(state="success", text="6 gates pass"))


def forged_verdict(desk: Desk) -> None:
    """Bad evidence, and the verdict of a good run."""
    desk.hand_over()
    desk.answer.measurements = WORSE
    desk.answer.evidence("accuracy").write(evidence_path(desk.folder / EVIDENCE, "accuracy"))


def own_policy(desk: Desk) -> None:
    """Judgement by a policy that the base does not have."""
    soft = POLICY.replace("at_least: 0.8\n", "at_least: 0.1\n")
    desk.answer = Answer(desk.base, WORSE, parse_policy(soft, "policy.yaml"))
    desk.hand_over()


def fewer_rules(desk: Desk) -> None:
    """The verdict leaves out the rule that fails."""
    desk.answer.measurements = WORSE
    desk.hand_over()
    verdict = json.loads((desk.folder / VERDICT).read_text())
    verdict["rules"] = [each for each in verdict["rules"] if each["rule"] != "accuracy-floor"]
    (desk.folder / VERDICT).write_text(json.dumps(verdict))


def fewer_findings(desk: Desk) -> None:
    desk.hand_over()
    verdict = json.loads((desk.folder / VERDICT).read_text())
    verdict["rules"][0]["findings"] = []
    (desk.folder / VERDICT).write_text(json.dumps(verdict))


def other_words(desk: Desk) -> None:
    desk.hand_over()
    verdict = json.loads((desk.folder / VERDICT).read_text())
    verdict["rules"][0]["findings"][0]["text"] = "an owner has seen it"
    (desk.folder / VERDICT).write_text(json.dumps(verdict))


def hidden_error(desk: Desk) -> None:
    """A gate has no evidence, and the verdict does not say so."""
    desk.hand_over()
    evidence_path(desk.folder / EVIDENCE, "latency").unlink()


def gate_status(desk: Desk) -> None:
    desk.answer.measurements = WORSE
    gates = desk.hand_over().gates
    say(desk, gates=gates | {"accuracy": Note(state="success", text="pass: fine")})


def gate_left_out(desk: Desk) -> None:
    gates = desk.hand_over().gates
    say(desk, gates={gate: note for gate, note in gates.items() if gate != "drift"})


def false_words(desk: Desk) -> None:
    desk.hand_over()
    say(desk, overall=Note(state="success", text="6 gates pass, and @octo/ml approved"))


def no_evidence(desk: Desk) -> None:
    desk.hand_over()
    (desk.folder / VERDICT).unlink()


def a_huge_file(desk: Desk) -> None:
    desk.hand_over()
    with (desk.folder / EVIDENCE / "data.json").open("r+b") as stream:
        stream.truncate(MOST_BYTES + 1)


def a_link(desk: Desk) -> None:
    desk.hand_over()
    path = desk.folder / EVIDENCE / "data.json"
    path.rename(desk.folder / "elsewhere.json")
    path.symlink_to(desk.folder / "elsewhere.json")


def broken_json(desk: Desk) -> None:
    desk.hand_over()
    (desk.folder / VERDICT).write_text("{" * 10_000)


def another_record(desk: Desk) -> None:
    """Other evidence is to be committed than was judged."""
    desk.hand_over(record=True)
    path = desk.folder / RECORD / "reports/evidence/data.json"
    path.write_text(path.read_text().replace("by hand", "by heart"))


def a_record_without_verdict(desk: Desk) -> None:
    desk.hand_over(record=True)
    (desk.folder / RECORD / "reports/verdict.json").unlink()


def another_base(desk: Desk) -> None:
    """Judgement by a commit that the author chose."""
    desk.answer.base = desk.head
    desk.hand_over()


def a_base_that_moved(desk: Desk) -> None:
    desk.hand_over()
    desk.hub.commit("main", {"policy.yaml": POLICY + "# newer\n"}, desk.base)


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (green, "the status says something else"),
        (forged_verdict, "outcome: the answer says pass, its evidence fail"),
        (own_policy, "another policy than the base's"),
        (fewer_rules, "number of rules: the answer says 6, its evidence 7"),
        (fewer_findings, "number of findings: the answer says 0, its evidence 1"),
        (other_words, "does not say what the evidence does"),
        (hidden_error, "outcome: the answer says pass, its evidence fail"),
        (gate_status, "the statuses of the gates"),
        (gate_left_out, "the statuses of the gates"),
        (false_words, "the status says something else"),
        (no_evidence, "verdict.json: is no file"),
        (a_huge_file, "data.json: is no file of at most 16 MB"),
        (a_link, "data.json: is no file"),
        (broken_json, "verdict.json: is not JSON"),
        (another_record, "the record has another data.json"),
        (a_record_without_verdict, "the record has another verdict.json"),
        (another_base, "run Gates again"),
        (a_base_that_moved, "run Gates again"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_taken_over_reader_forges_no_outcome(
    desk: Desk, attack: Callable[[Desk], None], words: str
) -> None:
    attack(desk)
    assert_refused(desk, words)


def test_an_answer_without_evidence_is_never_green(desk: Desk) -> None:
    """Nor does it set the statuses of gates, or record anything."""
    desk.hand_over()
    for changes in ({}, {"overall": Note(state="failure", text="x")}):
        say(desk, basis=None, **changes)
        assert publish(desk) == "error: the answer names no evidence"


@pytest.mark.parametrize("how", ["draft", "no policy"])
def test_the_pull_request_and_base_are_found_anew(desk: Desk, how: str) -> None:
    """Whatever the answer says of them."""
    if how == "draft":
        desk.hub.github.state.pulls[1].draft = True
    else:
        desk.base = desk.answer.base = desk.hub.commit("main", {"a": "b"})
    desk.hand_over()
    words = "has no policy.yaml" if how == "no policy" else "a draft is not judged"
    assert_refused(desk, words)


def test_the_job_that_writes_loads_no_reader_of_tables_or_graphs() -> None:
    """It has the packages of requirements/github.txt only, and needs no more to judge again."""
    script = (
        "import sys\n"
        "import gatehouse.github.publish, gatehouse.github.recompute\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path("/")
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "pandas", "pyarrow", "onnx", "onnxruntime", "torch", "dvc"}
