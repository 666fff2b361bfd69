"""Attacks the trusted judging: no candidate that should not pass may come out green."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from gatehouse.base import locked_outputs
from gatehouse.contract import Task
from gatehouse.defaults import FILE, defaults_of
from gatehouse.digest import file_digest
from gatehouse.drill.graph import Margin, rewrite, slower
from gatehouse.places import LIBRARY
from gatehouse.prepare import prepare
from gatehouse.recorded import RECORDED, Recorded
from gatehouse.trusted.isolation import find_isolation
from gatehouse.trusted.judgement import Judgement
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.gatehouse.github.fork import Fork

HOSTILE = "@octo/admins <img src=x onerror=alert(1)> [click](https://evil.example) `id` ![](x) |a|"


def test_a_good_change_is_green_and_recorded(fork: Fork) -> None:
    """A better model, measured in processes of their own: green, and the branch is to record it."""
    pull = fork.pull_request(fork.retrain)
    judged = fork.judge(fork.finish(pull))
    assert judged.overall.state == "success", judged.overall.text
    assert {note.state for note in judged.gates.values()} == {"success"}
    assert judged.record
    assert (judged.pipeline, judged.attempt) == (fork.runs, 1)
    assert judged.basis is not None
    allowed = find_isolation(fork.trusted, "contract.yaml")
    assert judged.basis.isolation == allowed.level
    assert "Gatehouse: pass" in fork.said()
    assert "code that trains: unchanged" in fork.said()
    assert "![" not in fork.said(), "nothing is recorded yet"
    names = {
        p.relative_to(fork.record()).as_posix() for p in fork.record().rglob("*") if p.is_file()
    }
    assert {
        "dvc.lock",
        "reports/verdict.json",
        "reports/digests.json",
        "reports/base.json",
        "reports/model_card.md",
    } <= names
    recorded = Recorded.read(fork.record() / RECORDED)
    assert recorded.files == judged.objects
    assert recorded.files[str(MODEL)] == file_digest(fork.root / MODEL)


def test_a_looser_default_of_the_change_s_library_is_shown(fork: Fork) -> None:
    """A library that only warns where a rule says nothing: what the rules would then mean is told.

    The base's library judges, and its defaults count.
    """
    fork.measure_by_hand()
    tree = defaults_of()
    tree["rules"]["keys"]["*"]["keys"]["on_fail"]["default"] = "warn"
    file = fork.root / LIBRARY / FILE

    def update() -> None:
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(tree))

    def unreadable() -> None:
        update()
        file.write_text("{")

    fork.judge(fork.finish(fork.pull_request(update)))
    comment = fork.said().replace("\u2060", "")
    assert "loosens the policy" in comment
    assert "`rules.accuracy-floor.on_fail`" in comment
    assert f"`{file.relative_to(fork.root)}` (" in comment, "an owner approves it"
    fork.judge(fork.finish(fork.pull_request(unreadable)))
    assert "defaults of the library that the change brings" in fork.said()


def worse(fork: Fork) -> None:
    fork.retrain(scale=-0.02)


def relabelled(fork: Fork) -> None:
    """The labels of one group are turned around."""

    def turn(frame: pd.DataFrame) -> pd.DataFrame:
        turned = frame["rich"].map({"yes": "no", "no": "yes"})
        return frame.assign(rich=frame["rich"].where(frame["sex"] == "m", turned))

    edit(fork, turn)


def drifted(fork: Fork) -> None:
    edit(fork, lambda frame: frame.assign(age=frame["age"] + 15))


def slow(fork: Fork) -> None:
    """The graph that is served takes longer for the same answers."""
    import onnx

    fork.retrain()
    model = onnx.load_model(fork.root / MODEL)
    change = slower(width=8, layers=400)  # dear by the call, not by the row
    onnx.save_model(rewrite(model, Margin(Task.BINARY), change), fork.root / MODEL)
    fork.relock()


def broken(fork: Fork) -> None:
    """Rows outside of the contract, whose text is hostile; the pipeline stopped before training."""
    edit(fork, lambda frame: frame.assign(job=frame["job"].where(frame["job"] != "cook", HOSTILE)))
    for path in (MODEL, MODEL_FP32):
        (fork.root / path).unlink()


def edit(fork: Fork, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change the rows as a pipeline would."""
    for file in (fork.root / "data/raw").glob("*.parquet"):
        change(pd.read_parquet(file)).to_parquet(file, index=False)
    here = Workspace(fork.root)
    prepare(here.contract, here.raw, here.prepared)
    fork.retrain()


@pytest.mark.parametrize(
    ("change", "gate", "message"),
    [
        (worse, "accuracy", "ROC AUC"),
        (relabelled, "rows", "rows of the exam are changed"),
        (drifted, "drift", "age moved by"),
        (slow, "latency", "time ratio"),
        (broken, "data", "values that are not listed"),
    ],
    ids=["worse", "relabelled", "drifted", "slower", "broken contract"],
)
def test_each_gate_says_no(
    fork: Fork, change: Callable[[Fork], None], gate: str, message: str
) -> None:
    """The defect is red by its gate's name, on the required status and in the comment."""
    fork.measure_here()
    judged = fork.judge(fork.finish(fork.pull_request(lambda: change(fork))))
    assert judged.overall.state == "failure"
    assert gate in judged.overall.text
    note = next(note for name, note in judged.gates.items() if name == gate)
    assert note.state in ("failure", "error")
    assert message in note.text
    assert "❌ Gatehouse: fail" in fork.said()
    assert f"**{gate}**" in fork.said()
    assert_harmless(fork.said())


def assert_harmless(markdown: str) -> None:
    """No code of a stranger's is in the comment: outside of code spans nothing of it is markup."""
    outside = re.sub(r"`[^`\n]*`", "", markdown)
    for bad in ("<img", "@octo", "](https://evil", "@all"):
        assert bad not in outside, bad


def test_goalposts_stay(fork: Fork) -> None:
    """A worse model whose pull request loosens the policy, edits the judge and the workflow."""
    fork.measure_here()

    def change() -> None:
        worse(fork)
        policy = fork.root / "policy.yaml"
        policy.write_text(re.sub(r"at_least: .*", "at_least: -1", policy.read_text()))
        for path in ("packages/gatehouse/src/judge.py", ".github/workflows/gates.yml"):
            (fork.root / path).parent.mkdir(parents=True, exist_ok=True)
            (fork.root / path).write_text("raise SystemExit(0)\n")

    judged = fork.judge(fork.finish(fork.pull_request(change)))
    assert judged.overall.state == "failure"
    assert "accuracy" in judged.overall.text
    comment = fork.said()
    assert "loosens the policy" in comment
    assert "🔓 loosened" in comment
    assert "Needs a code owner" in comment
    for path in (
        "policy.yaml",
        "packages/gatehouse/src/judge.py",
        ".github/workflows/gates.yml",
    ):
        assert f"`{path}` (`@octo/ml`)" in comment


def test_a_green_change_of_the_rules_needs_an_owner(fork: Fork) -> None:
    """The required status is green and says that an owner is needed; GitHub asks for one."""
    fork.measure_by_hand()

    def change() -> None:
        fork.retrain()
        policy = fork.root / "policy.yaml"
        policy.write_text(policy.read_text().replace("at_least: 0.8\n", "at_least: 0.1\n"))

    judged = fork.judge(fork.finish(fork.pull_request(change)))
    assert judged.overall.state == "success"
    assert "needs a code owner" in judged.overall.description
    assert "`policy.yaml` (`@octo/ml`)" in fork.said()


def test_owners_that_are_none(fork: Fork) -> None:
    """The base has no CODEOWNERS: a change of what decides is red, another is green."""
    fork.measure_by_hand()
    (fork.root / ".github/CODEOWNERS").unlink()
    fork.work.commit("nobody")
    fork.push("main")
    for path, state in (("policy.yaml", "failure"), ("src/pipeline/train.py", "success")):

        def touch(path: str = path) -> None:
            fork.retrain()
            (fork.root / path).parent.mkdir(parents=True, exist_ok=True)
            with (fork.root / path).open("a") as stream:
                stream.write("\n")

        judged = fork.judge(fork.finish(fork.pull_request(touch)))
        assert judged.overall.state == state, judged.overall.text
        assert (".github/CODEOWNERS" in judged.overall.text) == (state == "failure")
        assert ("can't merge" in fork.said()) == (state == "failure")


def outcome(judged: Judgement) -> tuple[str, bool]:
    return judged.overall.state, judged.record


def test_what_nobody_may_record(fork: Fork) -> None:
    """A fork's branch, Dependabot's and the queue's commit dvc.lock themselves, or are red."""
    fork.measure_by_hand()
    theirs: dict[str, Any] = {"head_repository": "eve/model"}
    pull = fork.pull_request(fork.retrain, branch="theirs", **theirs)
    judged = fork.judge(fork.finish(pull))
    assert outcome(judged) == ("failure", True), "to be recorded on a branch of ours"
    assert "dvc.lock does not record" in judged.overall.text
    assert "dvc.lock does not record" in fork.said()
    pull = fork.pull_request(fork.retrain, branch="theirs", lock=True, **theirs)
    assert outcome(fork.judge(fork.finish(pull))) == ("success", False)

    bot: dict[str, Any] = {"author": "dependabot[bot]", "author_type": "Bot"}
    pull = fork.pull_request(fork.retrain, branch="dependabot/pip", lock=True, **bot)
    assert outcome(fork.judge(fork.finish(pull))) == ("success", False)

    main = fork.work.git("rev-parse", "main").strip()
    for lock, state in ((True, "success"), (False, "failure")):
        pull = fork.pull_request(fork.retrain, branch="queued", lock=lock)
        queue = f"gh-readonly-queue/main/pr-{pull}-{main}"
        judged = fork.judge(fork.finish(pull, event="merge_group", head_branch=queue))
        assert outcome(judged) == (state, False), judged.overall.text


def test_a_fork_s_record_of_other_bytes(fork: Fork) -> None:
    """Attacks the base to come: the record of a fork's branch is its own, and binds what merges."""
    fork.measure_by_hand()
    theirs: dict[str, Any] = {"head_repository": "eve/model"}

    def change(digest: str | None = None) -> None:
        fork.retrain()
        outs = locked_outputs((fork.root / "dvc.lock").read_text(), "dvc.lock")
        files = {
            path.relative_to(fork.root).as_posix(): digest or file_digest(path)
            for name in outs
            if name.startswith(("data/raw", "models/"))
            for path in (fork.root / name, *(fork.root / name).rglob("*"))
            if path.is_file()
        }
        outs = {name: md5 for name, md5 in outs.items() if name.startswith(("data/raw", "models/"))}
        Recorded(outs=outs, files=files).write(fork.root / RECORDED)

    pull = fork.pull_request(change, branch="theirs", lock=True, **theirs)
    assert outcome(fork.judge(fork.finish(pull))) == ("success", False)
    pull = fork.pull_request(lambda: change("sha256:0"), branch="theirs", lock=True, **theirs)
    judged = fork.judge(fork.finish(pull))
    assert outcome(judged) == ("failure", True)
    assert "reports/digests.json names other files" in judged.overall.text


def test_a_fork_s_record_of_another_gain(fork: Fork) -> None:
    """Attacks the best released model by a difference that nobody measured."""
    fork.measure_by_hand()
    theirs: dict[str, Any] = {"head_repository": "eve/model"}
    file = fork.root / "reports/evidence/accuracy.json"

    def change() -> None:
        fork.retrain()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")

    pull = fork.pull_request(change, branch="theirs", lock=True, **theirs)
    judged = fork.judge(fork.finish(pull))
    assert outcome(judged) == ("failure", True)
    assert "reports/evidence/accuracy.json can't be read; take the file back" in (
        judged.overall.text
    )


def test_a_head_with_another_lock_is_never_green(fork: Fork) -> None:
    """The pipeline makes a good model, and the commit's dvc.lock names one that nobody judged.

    Were that commit green, its author could push it back over the record, and merge it.
    """
    fork.measure_by_hand()
    pull = fork.pull_request(lambda: fork.retrain(scale=-0.02), lock=True)
    head = fork.head(pull)
    fork.retrain()
    event = fork.finish(pull)
    assert outcome(fork.judge(event)) == ("success", True)
    fork.publish(event)
    assert fork.state(fork.head(pull)) == "success"
    assert fork.github.git.commit_of(f"{fork.head(pull)}^") == head
    assert fork.state(head) == "pending"


def test_nothing_new_is_not_recorded(fork: Fork) -> None:
    """The base's own data and model; and a second push after the record's commit."""
    fork.measure_by_hand()
    assert outcome(fork.judge(fork.finish(fork.pull_request()))) == ("success", False)

    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull)
    assert outcome(fork.judge(event)) == ("success", True)
    fork.publish(event)
    assert fork.github.statuses(fork.head(pull))["gatehouse"].state == "success"
    fork.work.git("fetch", "-q", str(fork.github.origin), "change")
    fork.work.git("checkout", "-q", "-f", "FETCH_HEAD")
    (fork.root / "README.md").write_text("more words\n")
    fork.work.commit("words")
    fork.push("change")
    assert outcome(fork.judge(fork.finish(pull))) == ("success", False)


def test_what_was_forged_is_written_over(fork: Fork) -> None:
    """Evidence, verdict, report and card that a branch brings are not kept, whatever they say."""
    fork.measure_by_hand()
    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull)
    fork.judge(event)
    genuine = {p.relative_to(fork.record()): p for p in fork.record().rglob("*") if p.is_file()}
    forgeries = {
        "reports/evidence/accuracy.json": ('"value": 0.9', '"value": 0.99'),
        "reports/model_card.md": ("\n", "\nBest model in the world.\n"),
        "reports/report.md": ("\n", "\nNobody needs to look.\n"),
        "reports/verdict.json": ('"text": "', '"text": "superb '),
    }
    for forged, (old, new) in forgeries.items():

        def change(forged: str = forged, old: str = old, new: str = new) -> None:
            fork.retrain()
            for path, file in genuine.items():
                (fork.root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, fork.root / path)
            text = (fork.root / forged).read_text()
            assert old in text
            (fork.root / forged).write_text(text.replace(old, new, 1))

        judged = fork.judge(fork.finish(fork.pull_request(change, lock=True)))
        assert outcome(judged) == ("success", True), forged
        assert (fork.record() / forged).read_bytes() == genuine[
            next(path for path in genuine if path.as_posix() == forged)
        ].read_bytes()


def test_a_lie_beside_the_bases_model(fork: Fork) -> None:
    """Data and model are the base's, but the branch tells stories of them: written over."""
    fork.measure_by_hand()

    def change() -> None:
        (fork.root / "reports/model_card.md").write_text("The best.\n")

    assert outcome(fork.judge(fork.finish(fork.pull_request(change)))) == ("success", True)


def test_what_nobody_approves_is_plain(fork: Fork) -> None:
    """A program among the pages is red, however good the model; the code that trains is counted."""
    fork.measure_by_hand()

    def plant() -> None:
        fork.retrain()
        for name in ("src/pipeline/layers.py", "src/pipeline/deep/loss.py", "docs/`x`.sh"):
            (fork.root / name).parent.mkdir(parents=True, exist_ok=True)
            (fork.root / name).write_text("x")

    judged = fork.judge(fork.finish(fork.pull_request(plant)))
    assert judged.overall.state == "failure"
    assert ".sh is not among those that need no owner" in judged.overall.text
    assert "code that trains: 2 files changed" in fork.said()
    assert_harmless(fork.said())
