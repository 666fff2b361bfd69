"""Attacks what can't be judged: it is never green, and the reason is said in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gatehouse.trusted.judgement import DESCRIPTION_LIMIT, JUDGED, Judgement
from tests.gatehouse.github.fork import Fork, sha256
from tests.gatehouse.github.hub import READ
from tests.gatehouse.github.test_judge_step import assert_harmless

STEP = "@octo/all <img src=x>\n::error::[x](https://evil.example) `a`"


def failed_jobs(name: str) -> list[dict[str, Any]]:
    step = {"name": STEP, "number": 1, "status": "completed", "conclusion": "failure"}
    return [
        {"name": "Checks", "conclusion": "success"},
        {"name": name, "conclusion": "failure", "steps": [step]},
    ]


def assert_red(fork: Fork, judged: Judgement, *messages: str, state: str = "failure") -> None:
    assert judged.overall.state == state, judged.overall.text
    for text in messages:
        assert text in judged.overall.text
    assert "\n" not in judged.overall.description
    assert len(judged.overall.description) <= DESCRIPTION_LIMIT
    assert not judged.record
    assert not fork.record().exists()
    assert str(fork.folder) not in judged.overall.text + fork.said()
    assert_harmless(fork.said())


def test_what_is_not_to_be_judged(fork: Fork) -> None:
    """A draft waits; a head that is old, or of a closed pull request, is an error: no comment."""
    pull = fork.pull_request(draft=True)
    judged = fork.judge(fork.finish(pull))
    assert (judged.overall.state, judged.record) == ("pending", False)
    fork.github.state.pulls[pull].draft = False

    event = fork.finish(pull)
    fork.work.git("commit", "-q", "--allow-empty", "-m", "more")
    fork.push("change")
    judged = fork.judge(event)
    assert (judged.overall.state, judged.head) == ("error", event.workflow_run.head_sha)
    assert "no open pull request" in judged.overall.text
    assert not (fork.judged_folder / "comment.md").exists()

    fork.github.state.pulls[pull].state = "closed"
    assert fork.judge(fork.finish(pull)).overall.state == "error"
    assert not (fork.judged_folder / "comment.md").exists()


def test_one_head_and_two_bases(fork: Fork) -> None:
    """A status belongs to a commit: judged against two bases it would be worth neither."""
    fork.work.git("push", "-q", str(fork.github.origin), "main:refs/heads/other")
    pull = fork.pull_request()
    fork.open("change", base_branch="other")
    assert_red(fork, fork.judge(fork.finish(pull)), "#1", "#2", "close all but one")


@pytest.mark.parametrize("hostile", ["weak-`id`-<img", "Main", "refs/heads/main", "main/x"])
def test_another_base_is_not_judged(fork: Fork, hostile: str) -> None:
    """Anybody who can push can make a base: nothing of it is fetched, and the comment says so."""
    fork.measure_by_hand()
    fork.work.git("checkout", "-q", "-B", "weak")
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("at_least: 0.8\n", "at_least: 0.1\n"))
    fork.work.commit("weak")
    fork.push("weak")
    event = fork.finish(fork.pull_request(fork.retrain, base_branch=hostile))
    before = fetched(fork)
    judged = fork.judge(event)
    assert judged.overall.state == "pending"
    assert judged.gates == {}
    assert fetched(fork) == before
    assert "Change its base to `main`" in fork.said()
    assert_harmless(fork.said())
    fork.publish(event)
    assert fork.github.statuses(event.workflow_run.head_sha) == {}


def fetched(fork: Fork) -> str:
    """The objects and refs of the trusted checkout."""
    done = fork.work.run(
        "git", "-C", str(fork.trusted), "cat-file", "--batch-all-objects", "--batch-check"
    )
    refs = fork.work.run("git", "-C", str(fork.trusted), "for-each-ref")
    return f"{done}{refs}"


def test_a_listed_base_is_judged_by_its_own_policy(fork: Fork) -> None:
    """The default branch's owners list it; the list of the base itself, or of a change, is none."""
    fork.measure_by_hand()
    policy = fork.root / "policy.yaml"
    stricter = policy.read_text().replace("at_least: 0.8\n", "at_least: 0.99\n")
    fork.work.git("checkout", "-q", "-B", "release/1.x")
    policy.write_text(f"{stricter}bases: {{release/1.x: gatehouse-1.x}}\n")
    fork.work.commit("stricter")
    fork.push("release/1.x")
    event = fork.finish(fork.pull_request(fork.retrain, base_branch="release/1.x"))
    assert fork.judge(event).overall.state == "pending"

    listed = fork.trusted / "policy.yaml"
    listed.write_text(listed.read_text() + "bases: {release/1.x: gatehouse-1.x}\n")
    judged = fork.judge(event)
    assert (judged.overall.state, judged.base) == ("failure", "release/1.x")
    assert "at least 0.99" in judged.overall.text
    fork.publish(event)
    statuses = fork.github.statuses(event.workflow_run.head_sha)
    assert statuses["gatehouse-1.x"].state == "failure"
    assert "gatehouse" not in statuses


@pytest.mark.parametrize("app", [None, "", "123456"])
def test_the_foot_says_where_no_app_sets_the_status(
    fork: Fork, app: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing could be judged; a variable that is not set comes as an empty text."""
    monkeypatch.delenv("GATEHOUSE_APP_ID", raising=False)
    if app is not None:
        monkeypatch.setenv("GATEHOUSE_APP_ID", app)
    fork.judge(fork.finish(fork.pull_request(), upload=False))
    assert ("whoever can write here can set it too" in fork.said()) is not bool(app)


@pytest.mark.parametrize("conclusion", ["failure", "timed_out"])
def test_a_failed_workflow(fork: Fork, conclusion: str) -> None:
    """Red with job and step, whether or not there is a candidate, and however good that is."""
    fork.measure_by_hand()
    pull = fork.pull_request(fork.retrain)
    more: dict[str, Any] = {"conclusion": conclusion, "jobs": failed_jobs("Tests")}
    judged = fork.judge(fork.finish(pull, upload=False, **more))
    assert_red(fork, judged, "failed in the workflow: Tests (@octo/all")
    assert (judged.pipeline, judged.attempt) == (fork.runs, 1)
    judged = fork.judge(fork.finish(pull, b"no archive", **more))
    assert_red(fork, judged, "failed in the workflow: Tests", "archive is damaged")
    judged = fork.judge(fork.finish(pull, **more))
    assert judged.overall.state == "failure"
    assert "failed in the workflow: Tests (@octo/all" in judged.overall.text
    assert {note.state for note in judged.gates.values()} == {"success"}
    assert "can't merge" in fork.said()
    assert "Pull request" not in judged.overall.text
    assert_harmless(fork.said())


@pytest.mark.parametrize(
    ("conclusion", "message"),
    [
        ("cancelled", "was cancelled"),
        ("startup_failure", "could not start"),
        ("stale", "never ran"),
    ],
)
def test_a_workflow_that_did_not_finish(fork: Fork, conclusion: str | None, message: str) -> None:
    """Red, not pending for ever, and in words."""
    pull = fork.pull_request()
    judged = fork.judge(fork.finish(pull, upload=False, conclusion=conclusion))
    assert_red(fork, judged, message)


def test_archives_that_are_not_there(fork: Fork) -> None:
    """None, a second one that is damaged (as the newest it counts), one that expired."""
    pull = fork.pull_request()
    assert_red(fork, fork.judge(fork.finish(pull, upload=False)), "no candidate")
    event = fork.finish(pull)
    fork.github.artifact(fork.runs, "candidate-another", b"no archive")
    assert_red(fork, fork.judge(event), "damaged")
    event = fork.finish(pull)
    fork.github.state.artifacts()[0].expired = True
    assert_red(fork, fork.judge(event), "expired")


def link(fork: Fork) -> None:
    (fork.root / "policy.yaml").unlink()
    (fork.root / "policy.yaml").symlink_to("/etc/passwd")


def write(path: str, text: str) -> Callable[[Fork], object]:
    return lambda fork: (fork.root / path).write_text(text)


def folder(fork: Fork) -> None:
    (fork.root / "policy.yaml").unlink()
    (fork.root / "policy.yaml").mkdir()
    (fork.root / "policy.yaml/x").write_text("")


def remove(fork: Fork) -> None:
    (fork.root / "policy.yaml").unlink()


BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 60)
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (write("policy.yaml", "version: 1\nrules: [\n"), "policy.yaml:"),
        (write("policy.yaml", f"version: 1\n'{STEP}': 1\n"), "policy.yaml:"),
        (write("policy.yaml", "#" * 1_100_000), "1 MB"),
        (write("policy.yaml", BOMB), "policy.yaml"),
        (write("contract.yaml", BOMB), "contract.yaml"),
        (write("params.yaml", "- a\n"), "params.yaml"),
        (write("params.yaml", BOMB), "params.yaml"),
        (write("model_card.yaml", "- a\n"), "model_card.yaml"),
        (link, "policy.yaml"),
        (folder, "policy.yaml"),
        (remove, "policy.yaml"),
    ],
    ids=["broken", "hostile key", "huge", "bomb", "contract bomb", "params list", "params bomb",
         "card list", "link", "folder", "gone"],
)  # fmt: skip
def test_settings_that_are_none(fork: Fork, change: Callable[[Fork], object], message: str) -> None:
    """A pull request's own settings that can't be read are red, named, and none is followed."""
    fork.measure_by_hand()
    pull = fork.pull_request(lambda: change(fork))
    judged = fork.judge(fork.finish(pull))
    assert_red(fork, judged, message)
    assert "root:" not in judged.overall.text + fork.said()


def test_a_base_that_is_broken(fork: Fork) -> None:
    """The base's own policy can't be read: nobody can be judged by it."""
    pull = fork.pull_request()
    event = fork.finish(pull)
    fork.reset()
    (fork.root / "policy.yaml").write_text("version: 2\n")
    fork.work.commit("broken")
    fork.push("main")
    assert_red(fork, fork.judge(event), "policy.yaml")


def test_the_first_run(fork: Fork) -> None:
    """The base has no dvc.lock: the candidate is judged, compared with nothing, and recorded."""
    fork.measure_by_hand()
    lock = (fork.root / "dvc.lock").read_text()
    fork.work.git("rm", "-q", "dvc.lock")
    fork.work.commit("no run yet")
    fork.push("main")
    pull = fork.pull_request(lambda: write("dvc.lock", lock)(fork))
    judged = fork.judge(fork.finish(pull))
    assert (judged.overall.state, judged.record) == ("success", True)
    assert "There is no base to compare with." in fork.said()


def test_a_branch_with_a_hostile_name(fork: Fork) -> None:
    """The nearest that Git allows to a script, an address and markup: recorded where it belongs."""
    fork.measure_by_hand()
    name = "main#$(touch${IFS}x);`id`-\"'<img-src=x>&%2F.@all|é"
    before = fork.github.git.commit_of("refs/heads/main")
    pull = fork.pull_request(fork.retrain, branch=name)
    event = fork.finish(pull)
    judged = fork.judge(event)
    assert (judged.overall.state, judged.record) == ("success", True)
    assert_harmless(fork.said())
    head = fork.head(pull)
    fork.publish(event)
    assert fork.github.git.commit_of(f"refs/heads/{name}^") == head
    assert fork.github.git.commit_of("refs/heads/main") == before
    assert fork.state(fork.head(pull)) == "success"
    assert not list(fork.folder.rglob("x"))


def test_an_api_that_fails(fork: Fork) -> None:
    """A moment without GitHub changes nothing; for long, it is red with the reason."""
    fork.measure_by_hand()
    fork.no_pauses()
    pull = fork.pull_request(fork.retrain)
    event = fork.finish(pull)
    for path in ("/pulls", "/artifacts", "/zip$", "/files"):
        fork.github.fail("GET", path, 500)
        fork.github.fail("GET", path, 502)
        fork.github.fail("GET", path, 0)
    fork.github.fail("GET", "/pulls", 403, headers={"Retry-After": "1"})
    assert fork.judge(event).overall.state == "success"
    assert not [fault for fault in fork.github.state.faults if fault.times]
    for path, message in (("/pulls", "pull requests"), ("/zip$", "candidate"), ("/files", "files")):
        fork.github.fail("GET", path, 500, times=1000)
        assert_red(fork, fork.judge(event), message)
        fork.github.state.faults.clear()


def test_the_commands(fork: Fork) -> None:
    """They end well whatever the answer; what a stranger wrote is no command to the runner."""
    from click.testing import CliRunner

    from gatehouse.github.cli import group

    pull = fork.pull_request()
    event = fork.finish(pull, upload=False, conclusion="failure", jobs=failed_jobs(f"A\n{STEP}"))
    fork.token(READ)
    fork.monkeypatch.chdir(fork.trusted)
    out, work = fork.judged_folder, fork.folder / "work"
    fetched = CliRunner().invoke(group, ["fetch", str(work)])
    assert fetched.exit_code == 0
    assert fetched.output.startswith("nothing to measure: failed in the workflow")
    beside_a_token = CliRunner().invoke(group, ["measure", str(work)])
    assert beside_a_token.exit_code == 2
    assert "GITHUB_TOKEN: is set" in beside_a_token.output
    fork.monkeypatch.delenv("GITHUB_TOKEN")
    assert CliRunner().invoke(group, ["measure", str(work)]).exit_code == 0
    fork.token(READ)
    digests = [sha256(work / name) for name in ("fetched.json", "measured.json")]
    words = ["judge", str(work), str(out), "--fetched", digests[0], "--measured", digests[1]]
    done = CliRunner().invoke(group, words)
    assert done.exit_code == 0
    assert done.output.startswith("failure: failed in the workflow")
    for each in (fetched, done):
        assert not any(line.startswith("::") for line in each.output.splitlines())
    assert Judgement.read(out / JUDGED).head == event.workflow_run.head_sha
    assert_harmless(fork.said())


def test_nobody_to_ask(fork: Fork) -> None:
    """Outside of a workflow the commands say what they are for."""
    from click.testing import CliRunner

    from gatehouse.github.cli import group

    work, digest = str(fork.folder / "work"), "0" * 64
    judge = ["judge", work, str(fork.folder / "out"), "--fetched", digest, "--measured", digest]
    for name, words in (
        ("GITHUB_EVENT_PATH", ["fetch", work]),
        ("GITHUB_TOKEN", ["fetch", work]),
        ("GITHUB_RUN_ID", judge),
    ):
        fork.finish(fork.pull_request())
        fork.token(READ)
        fork.monkeypatch.chdir(fork.trusted)
        fork.monkeypatch.delenv(name)
        done = CliRunner().invoke(group, words)
        assert done.exit_code == 2
        assert f"{name} is not set" in done.output
        fork.monkeypatch.setenv("GITHUB_RUN_ID", "7")


def test_a_change_that_takes_its_pipeline_away(fork: Fork) -> None:
    """Attacks with a change whose model nobody makes: red, and the comment has the fix."""
    pull = fork.pull_request()
    event = fork.run(head_branch="change", head_sha=fork.head(pull))
    judged = fork.judge(event)
    assert judged.overall.state == "failure"
    assert "pipeline.yml has no run on this commit" in judged.overall.text
    assert "git checkout origin/main -- .github/workflows/pipeline.yml" in fork.said()
    fork.publish(event)
    assert fork.state(fork.head(pull)) == "failure"
