"""Attacks *Run for this commit*: only what a maintainer named, and as named, makes a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.ended import main as look
from gatehouse.github.ended import named_commit
from gatehouse.github.event import Event
from gatehouse.github.named_commit import prepare_named, pulls_of
from gatehouse.github.runs import event_of_change
from gatehouse.trusted.judgement import Judgement
from tests.gatehouse.github.asking import RULE, lead, plain, write
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.hub import READ, Hub
from tests.gatehouse.github.test_made import LATER

NAMED: dict[str, Any] = {
    "name": "Run for this commit",
    "path": ".github/workflows/commit.yml",
    "event": "workflow_dispatch",
    "head_branch": "main",
}
MADE = "it was made on a fork's branch"


@pytest.fixture
def theirs(fork: Fork) -> Fork:
    """Pull request 1, of a fork, with another model; its own run doesn't count."""
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("  exam-untouched:", f"{RULE}  exam-untouched:"))
    lead(fork)
    fork.measure_by_hand()
    of_stranger(fork)
    return fork


def of_stranger(fork: Fork, *paths: str, lock: bool = True) -> int:
    """A fork's pull request with another model, and with more in these files; its own runs end."""

    def change() -> None:
        fork.retrain()
        write(fork, "params.yaml")
        for path in paths:
            write(fork, path)

    pull = fork.pull_request(
        change, branch="theirs", lock=lock, head_repository="eve/model", author="eve"
    )
    fork.finish(pull)
    return pull


def dispatched(fork: Fork, commit: str, *, upload: bool = True, **more: Any) -> Event:
    """A maintainer's run for a commit ends; it made what lies in the clone."""
    tip = fork.github.git.commit_of("refs/heads/main")
    event = fork.run(**({"head_sha": tip, "title": f"Run for commit {commit}"} | NAMED | more))
    if upload:
        fork.upload()
    return event


def judge(fork: Fork, event: Event) -> Judgement:
    """The gates, after the run that a maintainer started."""
    return fork.judge(event_of_change(fork.connect(READ), event))


def to_do(fork: Fork, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    fork.token({"actions": "read", "contents": "read"})
    assert look() == 0
    return dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())


def test_a_named_commit_s_run_counts(theirs: Fork, capsys: pytest.CaptureFixture[str]) -> None:
    """The stranger's own run doesn't, and the comment says what to type; after it all is green."""
    own = theirs.finish(1)
    theirs.upload()
    judged = theirs.judge(own)
    assert judged.overall.state == "failure"
    assert f"start 'Run for this commit' with {theirs.head(1)}" in plain(theirs)

    event = dispatched(theirs, theirs.head(1))
    assert to_do(theirs, capsys) == {
        "judge": "true", "settle": "false", "commit": theirs.head(1), "branch": "eve/model-theirs"
    }  # fmt: skip
    judged = judge(theirs, event)
    assert (judged.overall.state, judged.head) == ("success", theirs.head(1)), judged.overall.text
    # The stranger runs again by another word in the title: the maintainer's run still stands.
    again = theirs.finish(1)
    theirs.upload()
    assert theirs.judge(again).overall.state == "success"


HEAD = 40 * "a"


@pytest.mark.parametrize(
    "more",
    [
        {"display_title": f"Run for commit {HEAD[:39]}"},
        {"display_title": f"Run for commit {HEAD}a"},
        {"display_title": f"Run for commit {HEAD.upper()}"},
        {"display_title": "Run for commit main"},
        {"display_title": f"Run for commit {HEAD} "},
        {"display_title": f"Run for commit {HEAD}\n"},
        {"display_title": f"Please: Run for commit {HEAD}"},
        {"display_title": None},
        {"head_branch": "other"},
        {"head_branch": None},
        {"head_repository": {"full_name": "eve/model"}},
        {"head_repository": None},
        {"event": "pull_request"},
        {"event": "push"},
        {"path": ".github/workflows/pipeline.yml"},
        {"path": ".github/workflows/evil.yml"},
        {"path": "x/.github/workflows/commit.yml"},
    ],
    ids=str,
)
def test_runs_that_name_no_commit(more: dict[str, Any]) -> None:
    """Attacks with a short hash, a name, other words, branches, repositories, events, workflows."""
    run = NAMED | {
        "display_title": f"Run for commit {HEAD}",
        "head_repository": {"full_name": "octo/model"},
    }
    assert named_commit(run, "octo/model", "main") == HEAD
    assert named_commit(run | {"path": f"{run['path']}@main"}, "octo/model", "main") == HEAD
    assert named_commit(run | more, "octo/model", "main") is None


def test_a_run_of_another_branch_or_without_success(theirs: Fork) -> None:
    """Attacks with runs that ended badly, and with one of a branch whose workflow is its own."""
    others: list[dict[str, Any]] = [
        {"conclusion": "failure"}, {"head_branch": "other"}, {"event": "push"}
    ]  # fmt: skip
    for more in others:
        dispatched(theirs, theirs.head(1), **more)
    own = theirs.finish(1)
    theirs.upload()
    assert theirs.judge(own).overall.state == "failure"
    assert MADE in plain(theirs)


def test_another_commit_s_run(theirs: Fork) -> None:
    """Attacks with a run for a commit that is not the head: an earlier push, and main's own."""
    earlier = theirs.head(1)
    of_stranger(theirs, "src/pipeline/more.py")
    for commit in (earlier, theirs.github.git.commit_of("refs/heads/main")):
        dispatched(theirs, str(commit))
        assert theirs.judge(theirs.finish(2)).overall.state == "failure"


def test_equal_inputs_of_another_commit(theirs: Fork) -> None:
    """A push that changes nothing that trains needs no second run."""
    dispatched(theirs, theirs.head(1))
    theirs.github.state.pulls[1].state = "closed"
    pull = of_stranger(theirs, "README.md")
    judged = theirs.judge(theirs.finish(pull, upload=False))
    assert judged.overall.state == "success", judged.overall.text


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/commit.yml",
        "requirements/run.txt",
        "packages/gatehouse/src/run.py",
    ],
)
def test_a_commit_that_brings_what_runs_it(theirs: Fork, path: str) -> None:
    """Attacks with a commit that changes workflows, locks, scripts or machinery."""
    pull = of_stranger(theirs, path)
    event = dispatched(theirs, theirs.head(pull))
    assert judge(theirs, event).overall.state == "failure"
    assert f"the change brings another {path}" in plain(theirs)


def test_a_workflow_that_is_not_the_tip_s(theirs: Fork) -> None:
    """Attacks with a tag that is called main: its commit has another workflow."""
    tip = theirs.github.git.commit_of("refs/heads/main")
    evil = theirs.commit("evil", {".github/workflows/commit.yml": "evil"}, tip)
    event = dispatched(theirs, theirs.head(1), head_sha=evil)
    assert judge(theirs, event).overall.state == "failure"
    assert "another .github/workflows/commit.yml" in plain(theirs)


def test_two_candidates_and_an_older_attempt(theirs: Fork) -> None:
    """Attacks with a second upload of the stranger's code, and with an attempt that has none."""
    event = dispatched(theirs, theirs.head(1))
    theirs.github.artifact(theirs.runs, "candidate-twin", theirs.candidate())
    assert judge(theirs, event).overall.state == "failure"
    assert "the run uploaded 2 candidates" in plain(theirs)

    event = dispatched(theirs, theirs.head(1))
    run = theirs.github.state.runs[theirs.runs]
    run.attempt, run.started = 2, LATER
    assert judge(theirs, event).overall.state == "failure"
    assert "run all jobs of Run for this commit again" in plain(theirs)


def test_a_run_without_a_candidate_proves_nothing(theirs: Fork) -> None:
    """Attacks with a run that trains nothing: the stranger's own candidate still doesn't count."""
    event = dispatched(theirs, theirs.head(1), upload=False)
    assert judge(theirs, event).overall.state == "failure"
    assert MADE in plain(theirs)


def test_a_run_for_what_nobody_proposes(theirs: Fork, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks with a commit that no pull request ever ran, and with a title that names none."""
    event = dispatched(theirs, theirs.commit("aside", {"a": "1"}))
    assert to_do(theirs, capsys) == {"judge": "false", "settle": "false"}
    with pytest.raises(GatehouseError, match="no pull request has started a run"):
        judge(theirs, event)
    event = dispatched(theirs, "main")
    assert to_do(theirs, capsys) == {"judge": "false", "settle": "false"}
    with pytest.raises(GatehouseError, match="no pull request has started a run"):
        judge(theirs, event)


def test_a_pull_request_that_moved_on(theirs: Fork, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks with a push while the run was on: the commit is no head any more: nothing."""
    event = dispatched(theirs, theirs.head(1))
    theirs.github.state.pulls[1].head_sha = str(theirs.github.git.commit_of("refs/heads/main"))
    assert to_do(theirs, capsys)["judge"] == "true"
    assert judge(theirs, event).overall.text.startswith("no open pull request has this commit")


def test_what_is_typed_is_a_full_hash(hub: Hub) -> None:
    """Attacks with names that move, and with a hash that two commits can share."""
    head, repository = hub.head(1), hub.connect(READ)
    assert [pull.number for pull in pulls_of(repository, head, "main")] == [1]
    for typed in ("", "main", f"{head}^", f"{head}\n", "--help", "refs/pull/1/head", head[:12]):
        with pytest.raises(GatehouseError, match="is no full commit hash"):
            pulls_of(repository, typed, "main")


def test_what_is_typed_is_the_newest_commit(hub: Hub) -> None:
    """Attacks with a commit of no pull request, of a closed one, and of one into another base."""
    pull, repository, head = hub.github.state.pulls[1], hub.connect(READ), hub.head(1)
    main = str(hub.github.git.commit_of("refs/heads/main"))
    for name, value, commit in (
        ("title", "A change", main), ("state", "closed", head), ("base_branch", "next", head)
    ):  # fmt: skip
        before = getattr(pull, name)
        setattr(pull, name, value)
        with pytest.raises(GatehouseError, match="is the newest commit of no open pull request"):
            pulls_of(repository, commit, "main")
        setattr(pull, name, before)


def test_whose_commit_it_is(theirs: Fork, tmp_path: Path) -> None:
    """Attacks the summary by an author's name; the run starts from the base's record."""
    theirs.work.git("config", "user.name", "|ada`<b>@octo")
    pull = of_stranger(theirs)
    told = named(theirs, theirs.head(pull), tmp_path / "start")
    assert f"| #{pull} was opened by | `eve` |" in told
    assert "| the author's name, as Git has it | `" in told
    assert "|ada" not in told
    assert "`<b>" not in told
    assert (tmp_path / "start/dvc.lock").read_text() == theirs.work.git("show", "main:dvc.lock")


def named(fork: Fork, commit: str, folder: Path) -> str:
    """What commit.yml looks at before anything of the commit is run."""
    tip = fork.github.git.commit_of("refs/heads/main")
    fork.run(**({"head_sha": tip, "conclusion": None} | NAMED))
    repository = fork.connect(READ)
    return prepare_named(repository, fork.runs, commit, folder, fork.trusted, "main")
