"""Attacks the stand-in for GitHub: what it lets pass and GitHub does not is a hole in tests."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import github as pygithub
import pytest
import requests
from github import Auth, GithubException

from tests.github.api import GitHub
from tests.github.faults import RESET


class Place:
    """A repository with a commit on main and one more on the branch `better`, pull request 3."""

    def __init__(self, github: GitHub) -> None:
        self.github = github
        git = github.git
        tree = git.tree([{"path": "a.txt", "mode": "100644", "content": "one\n"}], None)
        who = {"name": "ada", "email": "ada@example.com"}
        self.base = git.commit("first", tree, [], who)
        tree = git.tree([{"path": "b/c.txt", "mode": "100644", "content": "two\n"}], tree)
        self.head = git.commit("second", tree, [self.base], who)
        git.put("refs/heads/main", self.base)
        git.put("refs/heads/better", self.head)
        github.pull_request(3, head_branch="better")

    def client(self, **grants: str) -> pygithub.Github:
        token = self.github.token(grants)
        return pygithub.Github(
            base_url=self.github.url,
            auth=Auth.Token(token),
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with GitHub(tmp_path) as github:
        yield Place(github)


def test_pygithub_reads_and_writes(place: Place) -> None:
    """Every kind of object that the workflows use comes through GitHub's usual client."""
    client = place.client(
        contents="write", statuses="write", actions="read", **{"pull-requests": "write"}
    )
    repository = client.get_repo("octo/model")
    pull = next(iter(repository.get_pulls(state="open", head="octo:better")))
    assert (pull.number, pull.head.sha, pull.base.ref) == (3, place.head, "main")
    assert [file.filename for file in pull.get_files()] == ["b/c.txt"]
    repository.get_commit(place.head).create_status("pending", context="gatehouse")
    repository.get_commit(place.head).create_status("success", context="gatehouse")
    assert place.github.statuses(place.head)["gatehouse"].state == "success"
    pull.create_issue_comment("one").edit("two")
    (comment,) = pull.get_issue_comments()
    assert (comment.body, comment.user.login, comment.user.type) == (
        "two",
        "github-actions[bot]",
        "Bot",
    )
    comment.delete()
    assert not place.github.comments(3)


def test_a_commit_through_the_api_is_one_in_git(place: Place) -> None:
    """Blob, tree, commit and ref are acted out: the branch has the new file and the old ones."""
    repository = place.client(contents="write").get_repo("octo/model")
    blob = repository.create_git_blob("dGhyZWU=", "base64")
    element = pygithub.InputGitTreeElement("d.txt", "100644", "blob", sha=blob.sha)
    parent = repository.get_git_commit(place.head)
    tree = repository.create_git_tree([element], parent.tree)
    made = repository.create_git_commit("third", tree, [parent])
    repository.get_git_ref("heads/better").edit(made.sha)
    git = place.github.git
    names = git.git("ls-tree", "-r", "--name-only", "better").splitlines()
    assert names == ["a.txt", "b/c.txt", "d.txt"]
    assert git.git("show", "better:d.txt") == "three"
    place.github.state.pulls[3].head_sha = "0" * 40  # the branch counts, not what was registered
    assert place.github.pull_request_event(3)["pull_request"]["head"]["sha"] == made.sha


def test_what_git_refuses(place: Place) -> None:
    """A ref moves only forward, and only to commits that are there."""
    repository = place.client(contents="write").get_repo("octo/model")
    ref = repository.get_git_ref("heads/better")
    for sha, message in ((place.base, "fast forward"), ("1" * 40, "does not exist")):
        with pytest.raises(GithubException, match=message) as caught:
            ref.edit(sha)
        assert caught.value.status == 422
    assert place.github.git.commit_of("better") == place.head


@pytest.mark.parametrize(
    ("grants", "method", "path", "body"),
    [
        ({"contents": "write"}, "POST", "/statuses/{head}", {"state": "success"}),
        ({"statuses": "read"}, "POST", "/statuses/{head}", {"state": "success"}),
        ({"statuses": "write"}, "POST", "/issues/3/comments", {"body": "x"}),
        ({"contents": "read"}, "PATCH", "/git/refs/heads/better", {"sha": "{head}"}),
        ({}, "GET", "/actions/artifacts", None),
        (
            {"contents": "write"},
            "POST",
            "/git/trees",
            {"tree": [{"path": ".github/workflows/a.yml", "mode": "100644", "content": "x"}]},
        ),
    ],
)
def test_a_token_does_what_it_was_granted(
    place: Place, grants: dict[str, str], method: str, path: str, body: dict[str, str] | None
) -> None:
    """A call without its grant is refused as GitHub refuses it, and changes nothing."""
    url = f"{place.github.url}/repos/octo/model{path.format(head=place.head)}"
    token = place.github.token(grants)
    answer = requests.request(
        method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"
    assert not place.github.writes
    assert place.github.calls[-1].grants == grants


def test_unknown_tokens_are_refused(place: Place) -> None:
    """No token and a wrong one are told apart, and get nothing."""
    url = f"{place.github.url}/repos/octo/model"
    assert requests.get(url, timeout=30).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    answer = requests.get(url, headers=wrong, timeout=30)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_texts_that_are_too_long(place: Place) -> None:
    """140 characters of a status and 65,536 of a comment pass; one more does not."""
    client = place.client(contents="read", statuses="write", pull_requests="write")
    repository = client.get_repo("octo/model")
    commit, pull = repository.get_commit(place.head), repository.get_pull(3)
    commit.create_status("success", description="é" * 140)
    with pytest.raises(GithubException, match="140"):
        commit.create_status("success", description="x" * 141)
    pull.create_issue_comment("x" * 65_536)
    with pytest.raises(GithubException, match="too long"):
        pull.create_issue_comment("x" * 65_537)


def test_lists_come_in_pages(place: Place) -> None:
    """Thirty to a page: who reads only the first page misses the rest."""
    for number in range(65):
        place.github.comment(3, f"{number}")
    token = place.github.token({"issues": "read"})
    url = f"{place.github.url}/repos/octo/model/issues/3/comments"
    first = requests.get(url, headers={"Authorization": f"token {token}"}, timeout=30)
    assert len(first.json()) == 30
    assert 'rel="next"' in first.headers["Link"]
    pull = place.client(pull_requests="read").get_repo("octo/model").get_pull(3)
    assert [comment.body for comment in pull.get_issue_comments()] == [str(n) for n in range(65)]


def test_a_head_without_owner_filters_nothing(place: Place) -> None:
    """GitHub's trap: `head=branch` lists every pull request."""
    repository = place.client(pull_requests="read").get_repo("octo/model")
    assert [pull.number for pull in repository.get_pulls(head="nonsense")] == [3]
    assert not list(repository.get_pulls(head="octo:nonsense"))


def test_artifacts(place: Place, tmp_path: Path) -> None:
    """Archives come by a redirect to a store that takes no token; sizes may lie; some expire."""
    folder = tmp_path / "candidate"
    (folder / "models").mkdir(parents=True)
    (folder / "models/model.onnx").write_bytes(b"graph")
    github = place.github
    github.run(5, head_branch="better", head_sha=place.head, jobs=[{"name": "Tests"}])
    github.artifact(5, "candidate", folder, size=3)
    github.artifact(5, "broken", b"no archive", expired=True)
    repository = place.client(actions="read").get_repo("octo/model")
    run = repository.get_workflow_run(5)
    assert (run.head_sha, run.conclusion) == (place.head, "success")
    assert [job.name for job in run.jobs()] == ["Tests"]
    assert {each.name for each in run.get_artifacts()} == {"candidate", "broken"}
    (found,) = repository.get_artifacts(name="candidate")
    assert (found.size_in_bytes, found.expired) == (3, False)
    token = {"Authorization": f"Bearer {github.token({'actions': 'read'})}"}
    url = f"{github.url}/repos/octo/model/actions/artifacts"
    answer = requests.get(f"{url}/{found.id}/zip", headers=token, timeout=30)
    assert zipfile.ZipFile(BytesIO(answer.content)).namelist() == ["models/model.onnx"]
    redirect = requests.get(
        f"{url}/{found.id}/zip", headers=token, timeout=30, allow_redirects=False
    )
    leaked = requests.get(redirect.headers["Location"], headers=token, timeout=30)
    assert leaked.status_code == 400
    (gone,) = repository.get_artifacts(name="broken")
    assert requests.get(f"{url}/{gone.id}/zip", headers=token, timeout=30).status_code == 410


def test_planted_errors(place: Place) -> None:
    """An error is answered as often as was asked; a cut connection is one; the log has them all."""
    github = place.github
    header = {"Authorization": f"Bearer {github.token({})}"}
    url = f"{github.url}/repos/octo/model"
    github.fail("GET", "/octo/model$", 502, times=2)
    github.fail("GET", "/octo/model$", 403, headers={"Retry-After": "1"})
    github.fail("*", "model", RESET)
    answers = [requests.get(url, headers=header, timeout=30) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 502, 403]
    assert answers[2].headers["Retry-After"] == "1"
    with pytest.raises(requests.ConnectionError):
        requests.get(url, headers=header, timeout=30)
    assert requests.get(url, headers=header, timeout=30).status_code == 200
    assert [call.status for call in github.calls] == [502, 502, 403, RESET, 200]


def test_a_lost_answer_leaves_the_work_done(place: Place) -> None:
    """With `after`, the call counts although its caller is told of an error."""
    place.github.fail("POST", "/comments$", 502, after=True)
    pull = place.client(pull_requests="write").get_repo("octo/model").get_pull(3)
    with pytest.raises(GithubException):
        pull.create_issue_comment("told twice?")
    assert len(place.github.comments(3)) == 1


def test_pull_requests_of_forks(place: Place) -> None:
    """A run of a fork names no pull request, as on GitHub; the payload says whose the head is."""
    github = place.github
    github.pull_request(4, head_branch="better", head_sha=place.head, head_repository="eve/model")
    github.run(6, head_branch="better", head_sha=place.head, head_repository="eve/model")
    event = github.workflow_run_event(6)["workflow_run"]
    assert event["pull_requests"] == []
    assert event["head_repository"]["full_name"] == "eve/model"
    repository = place.client(pull_requests="read").get_repo("octo/model")
    assert [pull.number for pull in repository.get_pulls(head="eve:better")] == [4]
    head = github.pull_request_event(4)["pull_request"]["head"]
    assert (head["label"], head["repo"]["fork"]) == ("eve:better", True)


def test_issues(place: Place) -> None:
    """Opened, listed with pull requests among them, edited, closed; each by its own grant."""
    client = place.client(issues="write")
    repository = client.get_repo("octo/model")
    issue = repository.create_issue("Broken", "one", labels=["bug"])
    assert (issue.number, issue.user.login) == (4, "github-actions[bot]")
    issue.edit(body="two")
    issue.create_comment("hello")
    assert [each.number for each in repository.get_issues(direction="asc")] == [3, 4]
    assert [each.number for each in repository.get_issues(labels=["bug"])] == [4]
    issue.edit(state="closed", state_reason="completed")
    assert [each.number for each in repository.get_issues(state="closed")] == [4]
    (kept,) = place.github.issues()
    assert (kept.body, kept.state_reason, kept.edits) == ("two", "completed", 1)
    assert [comment.body for comment in place.github.comments(4)] == ["hello"]
    for title, body in (("", "x"), ("x" * 257, "x"), ("x", "x" * 65_537)):
        with pytest.raises(GithubException, match="Validation Failed"):
            repository.create_issue(title, body)
    # The grant for pull requests reaches their comments, and no issue's.
    other = place.client(pull_requests="write").get_repo("octo/model")
    other.get_issue(3).create_comment("hello")
    with pytest.raises(GithubException, match="not accessible"):
        other.get_issue(4)


def test_a_dispatch_brings_only_inputs_that_the_workflow_has(place: Place) -> None:
    """A wrong input, and a workflow that can't be started by hand, are refused."""
    inputs = "on:\n  workflow_dispatch:\n    inputs:\n      data:\n"
    texts = {"by-hand": inputs, "push": "on: push\n"}
    git = place.github.git
    tree = git.tree(
        [
            {"path": f".github/workflows/{name}.yml", "mode": "100644", "content": text}
            for name, text in texts.items()
        ],
        None,
    )
    who = {"name": "ada", "email": "ada@example.com"}
    git.put("refs/heads/main", git.commit("workflows", tree, [], who))
    url = f"{place.github.url}/repos/octo/model/actions/workflows"
    header = {"Authorization": f"Bearer {place.github.token({'actions': 'write'})}"}
    for name, given, status in (
        ("by-hand", {"data": "x"}, 204),
        ("by-hand", {"dta": "x"}, 422),
        ("push", {}, 422),
        ("none", {}, 404),
    ):
        answer = requests.post(
            f"{url}/{name}.yml/dispatches",
            json={"ref": "main", "inputs": given},
            headers=header,
            timeout=30,
        )
        assert answer.status_code == status, answer.text
