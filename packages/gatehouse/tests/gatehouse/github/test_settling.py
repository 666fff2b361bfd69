"""Attacks a verdict that is there before checks and tests have ended, and what then follows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gatehouse.github.event import Event
from gatehouse.github.publish import publish
from gatehouse.trusted.judgement import JUDGED, RECORD, refused
from tests.gatehouse.github.answers import Answer
from tests.gatehouse.github.change import Change, worse
from tests.gatehouse.github.hub import ADA, PIPELINE, Hub
from tests.gatehouse.github.talk import GATES
from tests.github.state import Run
from tests.shared import NAMES

CHECKS = ".github/workflows/pull-request.yml"
FAILED = [{"name": "Tests", "conclusion": "failure"}]
WAITS = "pending: 6 gates pass; waits for checks and tests"
RED = "failure: failed in the workflow: Tests"


class Flow:
    """Pull request 1, whose two workflows run, and Gates at the end of each."""

    def __init__(self, hub: Hub, answer: Answer | None = None) -> None:
        self.hub, self.github = hub, hub.github
        tip = hub.github.git.commit_of("refs/heads/main")
        self.answer = answer or Answer(tip or "")
        files = {CHECKS: "name: Pull request\n", PIPELINE["path"]: "name: Pipeline\n"}
        self.head = hub.commit("change", files, hub.head(1))
        self.checks, self.pipeline = self.begin(), self.begin(**PIPELINE)

    def begin(self, **more: Any) -> Run:
        place = {"head_branch": "change", "head_sha": self.head, "conclusion": None}
        self.hub.run(**(place | more))
        return self.github.state.runs[self.hub.runs]

    def event(self, run: Run) -> Event:
        return Event.model_validate(self.github.workflow_run_event(run.id))

    def end(self, run: Run, conclusion: str = "success", jobs: Any = ()) -> None:
        run.status, run.conclusion, run.jobs = "completed", conclusion, list(jobs)

    def judge(self, *, record: bool = True, **more: Any) -> Path:
        """The job Judge on the newest run of Pipeline; its answer is stored."""
        folder = self.hub.folder / f"judged-{self.hub.runs}"
        given = {"pipeline": self.pipeline.id, "attempt": self.pipeline.attempt}
        self.answer.hand_over(folder, self.head, record=record, **(given | more))
        if record:
            (folder / RECORD / "dvc.lock").write_text("two\n")
        self.hub.run(**(GATES | {"head_sha": self.answer.base}))
        self.github.artifact(self.hub.runs, f"judged-{self.head}", folder)
        return folder

    def publish(self, folder: Path) -> str:
        """The job Publish of the run of Gates that judged."""
        publish(self.hub.access(), self.event(self.pipeline), folder, {}, stored=False)
        return self.said()

    def settle(self) -> str:
        """The job Publish at the end of checks and tests."""
        folder = self.hub.folder / "stored"
        shutil.rmtree(folder, ignore_errors=True)
        event = self.event(self.checks)
        done = publish(self.hub.access(), event, folder, {}, stored=True)
        return self.said() if done else "nothing"

    def said(self, commit: str | None = None) -> str:
        status = self.github.statuses(commit or self.head).get("gatehouse")
        return f"{status.state}: {status.description}" if status else "none"

    @property
    def tip(self) -> str:
        return self.hub.head(1)

    def recorded(self) -> bool:
        return self.tip != self.head


@pytest.fixture
def flow(hub: Hub) -> Flow:
    return Flow(hub)


def test_the_verdict_comes_first_and_the_record_once_the_tests_have_passed(flow: Flow) -> None:
    """The gates' statuses at once; green, and recorded with the run of the checks, at the end."""
    flow.end(flow.pipeline)
    assert flow.publish(flow.judge()) == WAITS
    assert not flow.recorded()
    statuses = flow.github.statuses(flow.head)
    assert {statuses[f"gatehouse/{gate}"].state for gate in NAMES} == {"success"}
    flow.end(flow.checks)
    assert flow.settle().startswith("pending: passes as recorded in")
    assert flow.recorded()
    assert flow.said(flow.tip) == "success: 6 gates pass"
    message = flow.github.git.git("log", "-1", "--format=%B", flow.tip)
    assert (
        f"Checks and tests passed: https://github.com/octo/model/actions/runs/{flow.checks.id}"
        in message
    )


def test_a_failed_test_is_red_and_nothing_is_recorded(flow: Flow) -> None:
    """However good the gates are; run again and passed, the same answer is recorded."""
    flow.end(flow.pipeline)
    flow.publish(flow.judge())
    flow.end(flow.checks, "failure", FAILED)
    assert (flow.settle(), flow.recorded()) == (RED, False)
    flow.github.run_again(flow.checks.id)
    assert flow.settle() == RED, "a verdict is not undone while they run again"
    flow.end(flow.checks)
    assert flow.settle().startswith("pending: passes as recorded in")
    assert flow.said(flow.tip) == "success: 6 gates pass"


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", "startup_failure"])
def test_checks_that_ended_before_the_verdict(flow: Flow, conclusion: str) -> None:
    """Their end finds no answer and says nothing; the judging looks at how they ended."""
    flow.end(flow.checks, conclusion, FAILED if conclusion == "failure" else ())
    flow.end(flow.pipeline)
    assert flow.settle() == "nothing"
    assert flow.said() == "none"
    assert flow.publish(flow.judge()).startswith("failure: ")
    assert not flow.recorded()


def test_a_failing_gate_is_red_at_once(flow: Flow) -> None:
    """It needs no test; its record waits for them all the same."""
    flow.answer.measurements = worse()
    flow.end(flow.pipeline)
    assert flow.publish(flow.judge()).startswith("failure: accuracy: ROC AUC")
    assert not flow.recorded()
    flow.end(flow.checks)
    assert flow.settle().startswith("failure: accuracy: ROC AUC")
    assert flow.said(flow.tip).startswith("failure: accuracy: ROC AUC")
    assert flow.recorded()


def test_a_verdict_stays_while_checks_run_again(flow: Flow) -> None:
    """Pending is put over no verdict; red is, by the same checks that fail now."""
    flow.end(flow.pipeline)
    flow.end(flow.checks)
    assert flow.publish(flow.judge(record=False)) == "success: 6 gates pass"
    flow.checks = flow.begin()
    assert flow.publish(flow.judge(record=False)) == "success: 6 gates pass"
    flow.end(flow.checks, "failure", FAILED)
    assert flow.settle() == RED


@pytest.mark.parametrize("how", ["a newer run", "a newer attempt", "no run that is named"])
def test_an_answer_on_an_older_run_settles_nothing(flow: Flow, how: str) -> None:
    """Attacks with checks that end while a newer run of Pipeline is judged: red or green, it is
    the newer one's verdict that counts.
    """
    flow.end(flow.pipeline)
    unnamed: dict[str, Any] = {"pipeline": None} if how.startswith("no") else {}
    flow.publish(flow.judge(**unnamed))
    if how == "a newer run":
        flow.pipeline = flow.begin(**PIPELINE)
        flow.end(flow.pipeline)
    elif how == "a newer attempt":
        flow.github.run_again(flow.pipeline.id)
        flow.end(flow.pipeline)
    flow.end(flow.checks)
    assert (flow.settle(), flow.said(), flow.recorded()) == ("nothing", WAITS, False)


@pytest.mark.parametrize("run", [
    {"path": ".github/workflows/pull-request.yml"}, {"head_branch": "change"},
    {"event": "workflow_dispatch"}, {"head_repository": "eve/model"},
])  # fmt: skip
def test_an_answer_that_another_run_stored_settles_nothing(flow: Flow, run: dict[str, str]) -> None:
    """Attacks with an artifact of the answer's name that a change's own run uploaded."""
    flow.end(flow.pipeline)
    flow.end(flow.checks)
    flow.judge()
    stored = flow.github.state.runs[flow.hub.runs]
    for name, value in run.items():
        setattr(stored, name, value)
    assert (flow.settle(), flow.said()) == ("nothing", "none")


@pytest.mark.parametrize("stranger", [
    {"head_repository": "eve/model"}, {"head_branch": "other"}, {"event": "merge_group"},
    {"path": ".github/workflows/other.yml"},
    {"conclusion": "action_required"}, {"conclusion": "skipped"},
])  # fmt: skip
def test_other_runs_are_not_the_change_s_checks(flow: Flow, stranger: dict[str, str]) -> None:
    """Attacks the tests: the same commit on another branch or in a fork, a run that ran nothing."""
    del flow.github.state.runs[flow.checks.id]
    flow.begin(**({"conclusion": "success"} | stranger))
    flow.end(flow.pipeline)
    assert (flow.publish(flow.judge()), flow.recorded()) == (WAITS, False)


def test_a_change_without_the_workflow_that_tests_is_red(flow: Flow) -> None:
    """Attacks with a change that deletes it: it would wait for ever, and the fix is named."""
    del flow.github.state.runs[flow.checks.id], flow.github.state.runs[flow.pipeline.id]
    tip = flow.github.git.commit_of("refs/heads/main")
    flow.head = flow.hub.commit("change", {PIPELINE["path"]: "name: Pipeline\n"}, tip)
    flow.pipeline = flow.begin(**PIPELINE)
    flow.end(flow.pipeline)
    assert f"failure: {CHECKS} has no run on this commit" in flow.publish(flow.judge())
    assert not flow.recorded()


def test_a_draft_s_answer_leaves_the_verdict(flow: Flow) -> None:
    """Attacks with a green pull request that is made a draft and reopened: it stays as it was."""
    flow.end(flow.pipeline)
    flow.end(flow.checks)
    assert flow.publish(flow.judge(record=False)) == "success: 6 gates pass"
    folder = flow.hub.folder / "draft"
    refused(flow.head, "a draft is not judged", "pending").write(folder / JUDGED)
    assert flow.publish(folder) == "success: 6 gates pass"


def test_an_answer_without_a_verdict_is_said_once_more(flow: Flow) -> None:
    """Attacks with Publish that waits in line, and that the one of the checks pushes out."""
    flow.end(flow.pipeline, "failure")
    folder = flow.judge(record=False)
    answer = refused(flow.head, "the run uploaded no candidate").model_copy(
        update={"pipeline": flow.pipeline.id, "attempt": 1}
    )
    answer.write(folder / JUDGED)
    flow.github.artifact(flow.hub.runs, f"judged-{flow.head}", folder)
    flow.end(flow.checks)
    assert flow.settle() == "failure: the run uploaded no candidate"


def test_a_base_that_moved_on_is_no_base(flow: Flow) -> None:
    """Attacks the time between verdict and tests: what main is by then decides."""
    flow.end(flow.pipeline)
    flow.publish(flow.judge())
    flow.hub.commit("main", {"a": "b"}, flow.answer.base)
    flow.end(flow.checks)
    assert flow.settle().startswith("error: judged again: main is at")
    assert not flow.recorded()


def test_an_entry_of_the_queue_waits_for_its_own_checks(flow: Flow) -> None:
    """The pull request's checks are of another commit; nobody else pushes to the queue."""
    git, base = flow.github.git, flow.answer.base
    tree = git.git("rev-parse", f"{flow.head}^{{tree}}")
    flow.head = git.commit("Merge", tree, [base, flow.head], ADA)
    branch = f"gh-readonly-queue/main/pr-1-{base}"
    git.put(f"refs/heads/{branch}", flow.head)
    queue = {"event": "merge_group", "head_branch": branch}
    flow.pipeline = flow.begin(**PIPELINE, **queue)
    flow.end(flow.pipeline)
    flow.begin(conclusion="success")
    assert flow.publish(flow.judge(record=False)) == WAITS
    flow.checks = flow.begin(**queue)
    flow.end(flow.checks)
    assert flow.settle() == "success: 6 gates pass"


def test_an_owner_s_word_waits_for_the_tests(change: Change) -> None:
    """Attacks the tests by an acceptance: it is recorded with the rest, once they have passed."""
    flow = Flow(change.hub, change.answer)
    flow.answer.base = flow.github.git.commit_of("refs/heads/main") or ""
    change.say()
    flow.end(flow.pipeline)
    assert flow.publish(flow.judge()).startswith("pending: 6 gates pass; @olga accepted")
    assert change.files() == {}
    flow.end(flow.checks)
    flow.settle()
    assert flow.said(flow.tip).startswith("success: 6 gates pass; @olga accepted")
    assert len(change.files()) == 1
