"""Attacks what is written to GitHub: nothing is green that was not judged, nothing overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.client import connect
from gatehouse.github.event import Event
from gatehouse.github.publish import announce, publish
from gatehouse.trusted.judgement import JUDGED, RECORD, Judgement
from tests.gatehouse.github.desk import Desk
from tests.gatehouse.github.hub import PIPELINE, Hub
from tests.shared import NAMES

HELD: dict[str, Any] = {"action": "requested", "conclusion": "action_required"}
RECORDED = {"dvc.lock": "two\n", "reports/report.md": "two\n"}


def hand_over(desk: Desk, state: Any = "success", record: bool = True, **more: Any) -> None:
    """What the job Judge leaves of a good run."""
    desk.hand_over(state=state, record=record, **more)
    for name, text in RECORDED.items() if record else ():
        put(desk, name, text)


def put(desk: Desk, name: str, text: str = "x") -> Path:
    """Write a file of the record."""
    path = desk.folder / RECORD / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def announce_run(desk: Desk, event: Event, runner: str = "CPU") -> None:
    """The job Announce."""
    repository = desk.hub.connect(
        {"actions": "read", "contents": "read", "pull_requests": "read", "statuses": "read"}
    )
    statuses = desk.hub.connect({"statuses": "write"}, "STATUS_TOKEN")
    announce(repository, statuses, event, runner, {"release/1.x": "gatehouse-1.x"})


def assert_not_green(desk: Desk) -> None:
    """No commit has a green required status, and the branch is where it was."""
    green = {s.sha for s in desk.hub.github.state.statuses if s.state == "success"}
    assert not [sha for sha in green if desk.hub.state(sha) == "success"]
    assert desk.hub.head(1) == desk.head


def test_recorded_and_green_where_it_is_recorded(desk: Desk) -> None:
    """Statuses on head and record; the new commit has its own before the branch moves to it.

    The head has another `dvc.lock`: were it green, it could be pushed back and merged.
    """
    hand_over(desk)
    desk.publish()
    git, tip = desk.hub.github.git, desk.hub.head(1)
    assert git.commit_of(f"{tip}^") == desk.head
    made = [f"reports/evidence/{gate}.json" for gate in NAMES]
    files = [*RECORDED, *made, "params.yaml", "policy.yaml", "reports/verdict.json"]
    files.append("reports/verdict.svg")
    assert desk.files(tip) == sorted(files)
    assert git.git("show", f"{tip}:dvc.lock") == "two"
    names = {"gatehouse", *(f"gatehouse/{gate}" for gate in NAMES)}
    for commit in (desk.head, tip):
        statuses = desk.hub.github.statuses(commit)
        assert set(statuses) == names
        overall = statuses.pop("gatehouse")
        assert overall.state == ("success" if commit == tip else "pending")
        assert {status.state for status in statuses.values()} == {"success"}
        assert overall.target_url == f"{desk.hub.github.url}/octo/model/actions/runs/7"
        assert {status.target_url for status in statuses.values()} == {
            f"{desk.hub.github.url}/octo/model/actions/runs/7"
        }
    assert tip[:12] in desk.hub.github.statuses(desk.head)["gatehouse"].description
    written = desk.hub.github.writes
    moved = next(at for at, call in enumerate(written) if call.method == "PATCH")
    said = [at for at, call in enumerate(written) if call.path.endswith(f"/statuses/{tip}")]
    assert len(said) == len(names)
    assert max(said) < moved


def test_each_token_does_its_own(desk: Desk) -> None:
    """Statuses need no grant of contents, and the record none of statuses."""
    hand_over(desk)
    desk.publish()
    assert {tuple(call.grants) for call in desk.hub.github.writes if "/statuses/" in call.path} == {
        ("statuses",)
    }
    assert {tuple(call.grants) for call in desk.hub.github.writes if "/git/" in call.path} == {
        ("contents", "pull_requests", "actions"),
        ("contents",),
    }


def test_what_is_not_green_is_recorded_too(desk: Desk) -> None:
    """A run that fails is a run; its record's commit is as red."""
    hand_over(desk, "failure")
    desk.publish()
    assert desk.hub.state(desk.hub.head(1)) == desk.hub.state(desk.head) == "failure"
    assert desk.hub.head(1) != desk.head


def test_nothing_changed_nothing_committed(desk: Desk) -> None:
    """The record is what the branch has."""
    hand_over(desk)
    desk.publish()
    assert desk.hub.head(1) != desk.head
    desk.head = desk.hub.head(1)
    desk.event = desk.hub.finish(1)
    hand_over(desk)
    desk.publish()
    assert desk.hub.head(1) == desk.head
    assert desk.hub.state(desk.head) == "success"


@pytest.mark.parametrize("how", ["pushed", "pushed late", "reset", "reset late", "closed", "gone"])
def test_a_branch_that_moved(desk: Desk, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer commits are never overwritten, nor is what was taken back brought again.

    Red where the branch moves while it is recorded; no word where nothing would be merged.
    """
    git = desk.hub.github.git
    parent = git.commit_of(f"{desk.head}^")
    hand_over(desk)

    def move() -> None:
        if how.startswith("pushed"):
            desk.hub.commit("change", {"params.yaml": "seed: 2\n"}, desk.head)
        elif how.startswith("reset"):
            assert parent
            git.put("refs/heads/change", parent)
        elif how == "closed":
            desk.hub.github.state.pulls[1].state = "closed"
        else:
            git.git("update-ref", "-d", "refs/heads/change")
            desk.hub.github.state.pulls[1].state = "closed"

    if how.endswith("late"):
        from gatehouse.github import publish as module
        from gatehouse.github import writing

        say = writing.say_all

        def late(statuses: Any, commit: str, judged: Judgement, context: str) -> None:
            say(statuses, commit, judged, context)
            if commit != desk.head:
                move()

        monkeypatch.setattr(module, "say_all", late)
    else:
        move()
    before = git.commit_of("refs/heads/change")
    judged = desk.publish()
    after = git.commit_of("refs/heads/change")
    if how.endswith("late"):
        assert judged.overall.state == desk.hub.state(desk.head) == "failure"
        assert "could not be recorded" in judged.overall.description
    else:
        assert desk.hub.github.statuses(desk.head) == {}
        assert after == before
    assert after is None or desk.hub.state(after) != "success"
    assert "two" not in git.git("show", f"{after}:dvc.lock") if after else True


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 1, "head": "HEAD", "overall": {"state": "success"}}',
        '{"version": 1, "head": "HEAD", "overall": {"state": "green", "text": "x"}}',
        '{"version": 2, "head": "HEAD", "overall": {"state": "success", "text": "x"}}',
        '{"version": 1, "head": "HEAD", "overall": {"state": "success", "text": "x"}, "to": 1}',
        '{"version": 1, "head": "OTHER", "overall": {"state": "success", "text": "x"}}',
        '{"version": 1, "head": "HEAD", "head": "HEAD", '
        '"overall": {"state": "success", "text": "x"}}',
    ],
)
def test_an_answer_that_is_none(desk: Desk, text: str | None) -> None:
    """Missing, broken, of another schema or another commit: an error, never green."""
    desk.folder.mkdir()
    if text is not None:
        text = text.replace("HEAD", desk.head).replace("OTHER", "0" * 40)
        (desk.folder / JUDGED).write_text(text)
    put(desk, "dvc.lock")
    desk.publish()
    assert desk.hub.state(desk.head) == "error"
    assert_not_green(desk)


@pytest.mark.parametrize(
    "name",
    [
        ".github/workflows/gates.yml",
        "policy.yaml",
        "dvc.lock.py",
        "dvc.lock/x",
        "reportsx/a",
        "packages/gatehouse/src/judge.py",
        "Reports/a",
    ],
)
def test_a_record_of_something_else(desk: Desk, name: str) -> None:
    """The judging job reads a stranger's files: what it hands over reaches no other path."""
    hand_over(desk)
    (desk.folder / RECORD / "dvc.lock").unlink()
    put(desk, name)
    judged = desk.publish()
    assert judged.overall.state == "failure"
    assert "is no part of a record" in judged.overall.description
    assert_not_green(desk)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_record_with_a_link(desk: Desk, kind: str, tmp_path: Path) -> None:
    """No file of this machine gets into a repository by a link."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("a secret")
    hand_over(desk)
    link = desk.folder / RECORD / "reports/link"
    link.symlink_to(secret if kind == "folder" else secret / "key")
    desk.publish()
    for call in desk.hub.github.calls:
        assert "YSBzZWNyZXQ" not in str(call.body)


def test_forks_are_not_written_to(desk: Desk, hub: Hub) -> None:
    """Even where the judging job asks for it."""
    pull = hub.open("change", head_repository="eve/model", head_sha=desk.head)
    hub.github.state.pulls[1].state = "closed"
    desk.event = hub.finish(pull)
    hand_over(desk)
    assert desk.publish().overall.state == "failure"
    assert_not_green(desk)


def test_a_moment_without_github(desk: Desk) -> None:
    """Server errors, cut connections and rate limits are waited for; each call in its turn."""
    desk.hub.no_pauses()
    github = desk.hub.github
    for path in ("/pulls", "/git/blobs", "/git/trees", "/git/commits", "/git/ref/", "/statuses/"):
        for status in (500, 502, 0):
            github.fail("*", path, status)
        github.fail("*", path, 403, headers={"Retry-After": "1"})
    github.fail("PATCH", "/git/refs/", 502, after=True)
    hand_over(desk)
    desk.publish()
    assert desk.hub.state(desk.hub.head(1)) == "success"
    assert desk.hub.head(1) != desk.head
    assert not [fault for fault in github.state.faults if fault.times]


@pytest.mark.parametrize("path", ["/pulls", "/git/blobs", "/git/trees", "/git/ref", "PATCH"])
def test_a_record_that_can_not_be_made(desk: Desk, path: str) -> None:
    """GitHub is down for long, but for statuses: red, and says why."""
    desk.hub.no_pauses()
    method, where = ("PATCH", "/git/refs") if path == "PATCH" else ("*", path)
    desk.hub.github.fail(method, where, 500, times=1000)
    hand_over(desk)
    judged = desk.publish()
    assert judged.overall.state in ("failure", "error")
    assert desk.hub.state(desk.head) == judged.overall.state
    assert desk.hub.head(1) == desk.head


@pytest.mark.parametrize("status", [500, 0, 401, 422])
def test_statuses_that_can_not_be_set(desk: Desk, status: int) -> None:
    """An error of the job, and nothing is green."""
    desk.hub.no_pauses()
    desk.hub.github.fail("*", "/statuses/", status, times=1000)
    hand_over(desk)
    with pytest.raises(GatehouseError, match="set the status"):
        desk.publish()
    assert_not_green(desk)


@pytest.mark.parametrize("name", ["feature", "Main", "release/1.x", "gatehouse"])
def test_a_base_without_gates_gets_no_status(desk: Desk, name: str) -> None:
    """Whatever the judging job says of it: no status, and no record on the branch."""
    desk.hub.github.state.pulls[1].base_branch = name
    hand_over(desk, base=name)
    desk.publish()
    assert desk.hub.github.statuses(desk.head) == {}
    assert desk.hub.head(1) == desk.head


def test_a_listed_base_has_a_status_of_its_own(desk: Desk) -> None:
    """Green for a release branch says nothing of the default branch, nor do its gates."""
    git = desk.hub.github.git
    git.put("refs/heads/release/1.x", git.commit_of("refs/heads/main") or "")
    desk.hub.github.state.pulls[1].base_branch = "release/1.x"
    hand_over(desk, base="release/1.x", record=False)
    desk.publish({"release/1.x": "gatehouse-1.x"})
    names = {"gatehouse-1.x", *(f"gatehouse-1.x/{gate}" for gate in NAMES)}
    assert set(desk.hub.github.statuses(desk.head)) == names
    assert desk.hub.state(desk.head, "gatehouse-1.x") == "success"


@pytest.mark.parametrize(("judged_for", "now"), [("release/1.x", "main"), ("main", "release/1.x")])
def test_retargeted_while_it_was_judged(desk: Desk, judged_for: str, now: str) -> None:
    """A verdict by one base's policy is none for the base that the pull request has by then."""
    desk.hub.github.state.pulls[1].base_branch = now
    hand_over(desk, base=judged_for)
    desk.publish({"release/1.x": "gatehouse-1.x"})
    states = {status.state for status in desk.hub.github.statuses(desk.head).values()}
    assert states == {"pending"}
    assert desk.hub.head(1) == desk.head


def test_closed_before_it_was_published(desk: Desk) -> None:
    """Nobody can tell any more what it would be merged into: no status, and no record."""
    desk.hub.github.state.pulls[1].state = "closed"
    hand_over(desk)
    desk.publish()
    assert desk.hub.github.statuses(desk.head) == {}
    assert desk.hub.head(1) == desk.head


def test_run_by_hand_without_a_pull_request(desk: Desk) -> None:
    """Attacks with a dispatch on a branch: it sets nothing when it begins, nor when it ends."""
    hub = desk.hub
    desk.head = hub.commit("alone", {"params.yaml": "seed: 3\n"}, desk.base)
    run = {"event": "workflow_dispatch", "head_branch": "alone", "head_sha": desk.head}
    desk.event = hub.run(**PIPELINE, **run, action="in_progress", conclusion=None)
    announce_run(desk, desk.event)
    desk.event = hub.run(**PIPELINE, **run)
    hand_over(desk)
    desk.publish()
    assert hub.github.statuses(desk.head) == {}
    assert hub.github.git.commit_of("refs/heads/alone") == desk.head


def test_announced(desk: Desk) -> None:
    """At once, on the head, pending: what is running and where, whatever the variable says."""
    event = desk.hub.finish(1, action="in_progress", conclusion=None)
    announce_run(desk, event, '["self-hosted", "gpu"]\n::error::' + "x" * 500)
    status = desk.hub.github.statuses(desk.head)["gatehouse"]
    assert status.state == "pending"
    assert "the pipeline on" in status.description
    assert "gpu" in status.description


@pytest.mark.parametrize(("base", "context"), [("release/1.x", "gatehouse-1.x"), ("feature", None)])
def test_announced_where_it_will_be_judged(desk: Desk, base: str, context: str | None) -> None:
    """A listed base's own status; of a base without gates nothing."""
    desk.hub.github.state.pulls[1].base_branch = base
    announce_run(desk, desk.hub.finish(1, action="in_progress", conclusion=None))
    assert list(desk.hub.github.statuses(desk.head)) == ([context] if context else [])


@pytest.mark.parametrize("conclusion", ["skipped", "success", "cancelled"])
def test_a_run_that_has_ended_is_not_announced(desk: Desk, conclusion: str) -> None:
    """An edited title starts a run that skips everything: nothing would take "pending" away."""
    announce_run(desk, desk.hub.finish(1, action="in_progress", conclusion=conclusion))
    assert desk.hub.github.statuses(desk.head) == {}


def test_a_held_run_waits_for_an_approval(desk: Desk) -> None:
    """An outsider's: the status says so, in place of "running", until it is let through."""
    desk.hub.github.state.runs.clear()
    held = desk.hub.run(**PIPELINE, **HELD, head_branch="change", head_sha=desk.head)
    announce_run(desk, held)
    assert desk.said().startswith("pending: waits for a maintainer's approval")
    desk.hub.github.approve(desk.hub.runs)
    ((action, run),) = desk.hub.github.sent()
    assert (action, run.id) == ("in_progress", held.workflow_run.id)
    held = Event.model_validate(desk.hub.github.workflow_run_event(run.id, action))
    announce_run(desk, held)
    assert desk.said().startswith("pending: running: checks and tests; the pipeline on CPU")


def test_a_held_run_is_not_announced_beside_another(desk: Desk) -> None:
    """A retraining's pull request: its own runs wait, and those that were started by hand go on."""
    place = {"head_branch": "change", "head_sha": desk.head}
    by_hand = desk.hub.run(**PIPELINE, **place, event="workflow_dispatch", conclusion=None)
    announce_run(desk, by_hand)
    announce_run(desk, desk.hub.run(**PIPELINE, **HELD, **place))
    assert desk.said().startswith("pending: running")


def test_a_record_s_held_runs_leave_it_green(desk: Desk) -> None:
    """Attacks the record: its push starts runs that wait, whose announcement must not undo it."""
    github = desk.hub.github
    files = {PIPELINE["path"]: "name: Pipeline\non: {pull_request: }\n"}
    desk.head = desk.hub.commit("change", files, desk.head)
    desk.event = desk.hub.finish(1)
    hand_over(desk)
    desk.publish()
    tip = desk.hub.head(1)
    ((action, run),) = github.sent()
    assert (action, run.head_sha, run.conclusion) == ("requested", tip, "action_required")
    announce_run(desk, Event.model_validate(github.workflow_run_event(run.id, action)))
    assert desk.hub.state(tip) == "success"


def test_the_app_s_push_starts_runs_on_the_record(desk: Desk) -> None:
    """For another required check: they begin at once, and take no verdict away."""
    github = desk.hub.github
    files = {PIPELINE["path"]: "name: Pipeline\non: {pull_request: }\n"}
    desk.head = desk.hub.commit("change", files, desk.head)
    desk.event = desk.hub.finish(1)
    hand_over(desk)
    access = desk.hub.access()
    desk.hub.token({"contents": "write"}, "RECORD_TOKEN", login="gatehouse-app[bot]")
    publish(
        replace(access, pusher=connect("RECORD_TOKEN")), desk.event, desk.folder, {}, stored=False
    )
    tip = desk.hub.head(1)
    _, (action, run) = github.sent()
    assert (action, run.head_sha, run.conclusion) == ("in_progress", tip, None)
    assert {call.login for call in github.writes if "/git/refs/" in call.path} == {
        "gatehouse-app[bot]"
    }
    announce_run(desk, Event.model_validate(github.workflow_run_event(run.id, action)))
    assert desk.hub.state(tip) == "success"


@pytest.mark.parametrize("state", ["success", "failure", "error"])
def test_a_verdict_among_many_statuses_is_not_announced_over(desk: Desk, state: str) -> None:
    """Attacks with 60 statuses of others, of which GitHub shows 30 at first."""
    from gatehouse.github.writing import say
    from gatehouse.trusted.judgement import Note

    statuses = desk.hub.connect({"statuses": "write"})
    say(statuses, desk.head, "gatehouse", Note.model_validate({"state": state, "text": "x"}), "")
    for at in range(60):
        say(statuses, desk.head, f"a/{at}", Note(state="success", text="x"), "")
    announce_run(desk, desk.hub.finish(1, action="in_progress", conclusion=None))
    assert desk.hub.state(desk.head) == state


def test_a_verdict_is_not_announced_over(desk: Desk) -> None:
    """A second run of a commit leaves its verdict until there is another."""
    hand_over(desk, record=False)
    desk.publish()
    announce_run(desk, desk.hub.finish(1, action="in_progress", conclusion=None))
    assert desk.hub.state(desk.head) == "success"
