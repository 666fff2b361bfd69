"""Attacks the way on for a stranger's change: a branch of ours, its record, and the link to it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gatehouse.github.accept import CommentEvent, accept
from gatehouse.github.event import Event
from gatehouse.github.opening import MARK, open_continued
from gatehouse.github.runs import event_of_change
from gatehouse.trusted.candidate import outputs_of
from gatehouse.trusted.judgement import Judgement
from tests.gatehouse.github.asking import RULE, lead, write
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.hub import READ
from tests.gatehouse.github.test_named_commit import dispatched, judge
from tests.github.state import Comment

REASON = "trained as it should be, see ticket 12"
EVE = {"head_repository": "eve/model", "author": "eve"}


@pytest.fixture
def ours(fork: Fork) -> Fork:
    """A repository that asks where a model comes from; otto owns what decides."""
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("  exam-untouched:", f"{RULE}  exam-untouched:"))
    owners = fork.root / ".github/CODEOWNERS"
    for path in (owners, fork.root / ".github/ownership.txt"):
        path.write_text(path.read_text().replace("@octo/ml", "@otto"))
    lead(fork)
    fork.measure_by_hand()
    return fork


def propose(fork: Fork, *paths: str, branch: str = "theirs", **more: Any) -> int:
    """A stranger's pull request with another model, and with more in these files."""

    def change() -> None:
        fork.retrain()
        write(fork, "params.yaml")
        for path in paths:
            write(fork, path)

    return fork.pull_request(change, branch=branch, **(more or EVE))


def settle(fork: Fork, event: Event) -> Judgement:
    """The gates' jobs: judge, publish, and the one that opens pull requests."""
    event = event_of_change(fork.connect(READ), event)
    fork.judge(event)
    upload_answer(fork, event)
    judged = fork.publish(event)
    if fork.settled.pull and (on := fork.settled.going_on) and (on.commit or on.obstacle):
        open_on(fork, fork.settled.pull, on.obstacle)
    return judged


def upload_answer(fork: Fork, event: Event) -> None:
    fork.github.run(
        5000 + fork.runs, name="Gates", path=".github/workflows/gates.yml", event="workflow_run",
        head_branch="main", head_sha=tip(fork, "main"),
    )  # fmt: skip
    name = f"judged-{event.workflow_run.head_sha}"
    fork.github.artifact(5000 + fork.runs, name, fork.judged_folder)


def open_on(fork: Fork, pull: int, obstacle: Any = None) -> str:
    repository = fork.connect({"contents": "read", "pull_requests": "write"})
    return open_continued(repository, pull, obstacle, "github-actions[bot]")


def ran(fork: Fork, pull: int) -> Event:
    """The stranger's runs end, and so does the one that a maintainer started."""
    fork.finish(pull)
    fork.upload()
    return dispatched(fork, fork.head(pull))


def tip(fork: Fork, branch: str) -> str:
    return fork.github.git.commit_of(f"refs/heads/{branch}") or ""


def branch(fork: Fork, pull: int) -> str:
    return f"from-{pull}-{fork.head(pull)[:12]}"


def link(fork: Fork, pull: int) -> str:
    """The one comment that links to where it goes on."""
    (found,) = [each for each in fork.github.comments(pull) if MARK in each.body]
    assert found.login == "github-actions[bot]"
    return found.body


def continuing(fork: Fork, pull: int) -> list[int]:
    return [
        each.number
        for each in fork.github.state.pulls.values()
        if each.head_branch.startswith(f"from-{pull}-")
    ]


def files(fork: Fork, commit: str) -> dict[str, str]:
    listed = fork.github.git.git("ls-tree", "-r", commit).splitlines()
    return {line.split("\t")[1]: line.split("\t")[0] for line in listed}


def test_a_fork_s_change_goes_on_with_its_record(ours: Fork) -> None:
    """Green on a branch of ours, once, however often it is judged; the first one links to it.

    Title and branch of the fork's pull request, which are hostile, are repeated nowhere.
    """
    pull = propose(ours, branch="x$(id)`@octo/ml`", **EVE)
    ours.github.state.pulls[pull].title = "fixes #1 @octo/ml `$(id)`"
    head, event = ours.head(pull), ran(ours, pull)
    assert settle(ours, event).overall.state == "failure", "judged as it stands, it lacks a record"
    record = tip(ours, branch(ours, pull))
    git = ours.github.git
    assert git.git("rev-list", "--parents", "-n1", record).split() == [record, head]
    changed = {k for k, v in files(ours, record).items() if files(ours, head).get(k) != v}
    assert {"dvc.lock", "reports/verdict.json", "reports/digests.json"} <= changed
    assert all(path == "dvc.lock" or path.startswith("reports/") for path in changed)
    lock = git.git("show", f"{record}:dvc.lock")
    assert outputs_of(lock, "dvc.lock") == outputs_of((ours.root / "dvc.lock").read_text(), "ours")
    assert ours.state(record) == "success"
    assert ours.state(head) == "pending"
    assert record[:12] in ours.github.statuses(head)["gatehouse"].description

    (on,) = continuing(ours, pull)
    made = ours.github.state.pulls[on]
    assert (made.title, made.base_branch) == (f"Continue #{pull} with its record", "main")
    assert f"goes on in #{on}:" in link(ours, pull)
    for text in (made.title, made.body, link(ours, pull), made.head_branch):
        assert "id)" not in text
        assert "octo" not in text

    count = len(ours.github.writes)
    settle(ours, ours.finish(pull))
    settle(ours, dispatched(ours, head))
    assert tip(ours, branch(ours, pull)) == record
    assert continuing(ours, pull) == [on]
    assert f"#{on}" in link(ours, pull)
    new = {call.path.rpartition("/")[0] for call in ours.github.writes[count:]}
    assert all("/statuses" in path or path.endswith("/statuses") for path in new), new


def test_a_red_change_goes_nowhere(ours: Fork) -> None:
    """Attacks with a model that no run made: no branch, no pull request, no comment."""
    pull = propose(ours)
    event = ours.finish(pull)
    ours.upload()
    assert settle(ours, event).overall.state == "failure"
    assert tip(ours, branch(ours, pull)) == ""
    assert continuing(ours, pull) == []
    assert ours.github.comments(pull) == []
    drafted = propose(ours, branch="drafted", draft=True, **EVE)
    settle(ours, ran(ours, drafted))
    assert continuing(ours, drafted) == []


def test_a_fork_that_moved_on(ours: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks with a push after the verdict, and in the middle of what is written."""
    pull = propose(ours)
    event = event_of_change(ours.connect(READ), ran(ours, pull))
    ours.judge(event)
    state, name = ours.github.state.pulls[pull], branch(ours, pull)
    before, other = state.head_sha, tip(ours, "main")
    state.head_sha = other
    ours.publish(event)
    assert tip(ours, name) == ""
    state.head_sha = before

    from gatehouse.github import going_on, writing

    say = writing.say_all

    def late(*words: Any) -> None:
        say(*words)
        state.head_sha = other

    monkeypatch.setattr(going_on, "say_all", late)
    ours.publish(event)
    assert tip(ours, name) == ""
    assert ours.state(before) == "failure"
    assert open_on(ours, pull) == f"#{pull} has moved on"
    assert continuing(ours, pull) == []


BOT = {"author": "dependabot[bot]", "author_type": "Bot"}


@pytest.mark.parametrize(
    ("path", "more", "message"),
    [
        ("policy.yaml", EVE | {"author": "otto"}, "files that have a code owner"),
        (".github/workflows/other.yml", BOT, "touches `.github/workflows/`"),
        ("README.md", EVE, "GitHub refused to make the branch"),
    ],
    ids=["owned", "workflows", "refused"],
)
def test_what_goes_on_by_hand(ours: Fork, path: str, more: dict[str, str], message: str) -> None:
    """Attacks the review of owned files, which an owner could give what a workflow opens for them;
    and what GitHub lets no workflow put on a branch: the comment says so, and nothing fails.
    """
    pull = propose(ours, path, **more)
    event = ran(ours, pull)
    if more is BOT:
        word(ours, pull, event, "otto")
    if path == "README.md":
        ours.github.fail("POST", "/git/refs", 403)
    settle(ours, event)
    assert tip(ours, branch(ours, pull)) == ""
    assert ours.state(ours.head(pull)) == "failure"
    assert message in link(ours, pull)
    assert f"gh pr checkout {pull}" in link(ours, pull)
    assert continuing(ours, pull) == []


def word(fork: Fork, pull: int, event: Event, login: str = "olga") -> Comment:
    """The gates' offer, as an owner writes it on a pull request."""
    fork.judge(event_of_change(fork.connect(READ), event))
    (offered,) = re.findall(r"^/gatehouse accept .*$", fork.said(), re.MULTILINE)
    return fork.github.comment(pull, offered.replace("<reason>", REASON), login)


def answer(fork: Fork, comment: Comment, action: str = "created") -> str:
    """The workflow that answers a comment."""
    event = CommentEvent.model_validate(
        {
            "action": action,
            "issue": {"number": comment.number},
            "comment": {"id": comment.id, "user": {"login": comment.login}},
            "sender": {"login": comment.login},
            "repository": {"full_name": "octo/model", "default_branch": "main"},
        }
    )
    fork.runs += 1
    folder, work = (fork.folder / f"{name}-{fork.runs}" for name in ("answer", "answered"))
    done = accept(fork.access(), event, folder, work, {})
    if (on := done.going_on) and (on.commit or on.obstacle):
        open_on(fork, comment.number, on.obstacle)
    return done.text


def test_dependabot_s_update_goes_on_after_one_word(ours: Fork) -> None:
    """An owner accepts it once, where it was opened: the word holds on the branch of ours.

    Taken back on either, both are red; a stranger's word on either is none.
    """
    pull = propose(ours, "requirements/run.txt", branch="dependabot/pip", **BOT)
    event = ours.finish(pull)
    ours.upload()
    assert settle(ours, event).overall.state == "failure"
    head = ours.head(pull)
    given = word(ours, pull, event, "otto")
    answer(ours, given)
    (on,) = continuing(ours, pull)
    record = tip(ours, branch(ours, pull))
    assert ours.state(record) == "success"
    assert ours.state(head) == "pending"
    assert f"acceptances/{given.id}.json" in files(ours, record)
    assert f"#{on}" in link(ours, pull)

    # Whatever is asked on the new pull request is answered by both.
    chat = ours.github.comment(on, given.body.replace("model-from-run", "exam-untouched"), "eve")
    answer(ours, chat)
    assert ours.state(tip(ours, branch(ours, pull))) == "success"

    queue = f"gh-readonly-queue/main/pr-{on}-{tip(ours, 'main')}"
    queued = ours.finish(on, event="merge_group", head_branch=queue)
    ours.upload()
    assert ours.judge(queued).overall.state == "success", "the word holds in the merge queue"

    # Taken back on the new one, it comes back by nothing that is asked on the first one.
    back = ours.github.comment(on, given.body.replace("accept", "revoke", 1).split(":")[0], "otto")
    answer(ours, back)
    answer(ours, ours.github.comment(pull, chat.body, "eve"))
    assert ours.state(tip(ours, branch(ours, pull))) == "failure"
    ours.github.state.comments.remove(back)
    answer(ours, back, "deleted")
    assert ours.state(tip(ours, branch(ours, pull))) == "success"

    given.edits, given.editor = 1, "eve"
    answer(ours, given, "edited")
    assert ours.state(head) == "failure"
    assert ours.state(tip(ours, branch(ours, pull))) == "failure"


def test_words_on_another_pull_request(ours: Fork) -> None:
    """Attacks with a branch that is named as if it continued one on which an owner spoke.

    Its model is the accepted one, and its code is not.
    """
    pull = propose(ours, "requirements/run.txt", branch="dependabot/pip", **BOT)
    event = ours.finish(pull)
    ours.upload()
    word(ours, pull, event, "otto")
    name = branch(ours, pull)
    ours.work.git("checkout", "-q", "-f", "-B", "evil")
    write(ours, "src/pipeline/evil.py")
    ours.work.git("add", "-A")
    ours.work.git("commit", "-q", "-m", "evil")
    ours.push(name)
    other = ours.open(name, author="ada")
    event = ours.finish(other)
    ours.upload()
    settle(ours, event)
    assert ours.state(ours.head(other)) == "failure"
    # Nor do the gates write to it for the first one.
    before = tip(ours, name)
    event = ours.finish(pull)
    ours.upload()
    settle(ours, event)
    assert tip(ours, name) == before
    assert ours.state(before) == "failure"


def test_who_ran_it_accepts_nothing(ours: Fork) -> None:
    """Attacks with one owner who runs a stranger's commit, and accepts what comes of it."""
    path = ours.root / "policy.yaml"
    ours.work.git("checkout", "-q", "-f", "main")
    text = path.read_text().replace("at_least: 0.8\n", "at_least: 0.95\n")
    path.write_text(f"{text}solo: false\n")
    lead(ours)
    pull = propose(ours)
    ours.finish(pull)
    ours.upload()
    event = dispatched(ours, ours.head(pull), actor="otto")
    word(ours, pull, event, "otto")
    assert judge(ours, event).overall.state == "failure"
    assert continuing(ours, pull) == []
