"""Attacks what the workflows' tests stand on: the runs by act, and the stand-ins for actions."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.github.api import GitHub
from tests.workflows.act import Act
from tests.workflows.definitions import REPOSITORY

HEAD = """\
name: Try
on: [pull_request, workflow_dispatch]
permissions: {}
jobs:
"""
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
SETUP_PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
CACHE = "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
APP = "actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3"

pytestmark = pytest.mark.slow


class Place:
    """A repository whose main has files of our choice, with the workflow try.yml among them."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.folder = folder
        self.github = github
        self.act = Act(folder, github, labels=("ubuntu-24.04",))

    def commit(self, jobs: str, files: dict[str, str] | None = None) -> str:
        """A new commit on main with these jobs and files, and nothing else."""
        git = self.github.git
        wanted = {"README.md": "hello\n", ".github/workflows/try.yml": HEAD + jobs, **(files or {})}
        tree = git.tree(
            [{"path": path, "mode": "100644", "content": text} for path, text in wanted.items()],
            None,
        )
        sha = git.commit("files", tree, [], {"name": "ada", "email": "ada@example.com"})
        git.put("refs/heads/main", sha)
        return sha

    def run(self, jobs: str, files: dict[str, str] | None = None, **settings: Any) -> Any:
        self.commit(jobs, files)
        return self.act.run("try.yml", "workflow_dispatch", {}, **settings)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with GitHub(tmp_path) as github:
        yield Place(tmp_path, github)


def job(name: str, steps: str, *, permissions: str = "{}", more: str = "") -> str:
    """A job's text; `steps` start at the left margin."""
    indented = "".join(f"      {line}\n" for line in steps.strip("\n").splitlines())
    head = f"  {name}:\n    runs-on: ubuntu-24.04\n    permissions: {permissions}\n{more}"
    return f"{head}    steps:\n{indented}"


def test_results_are_read(place: Place) -> None:
    """A failed step, what follows it, outputs, summaries and annotations each come through."""
    result = place.run(
        job(
            "one",
            """
- id: say
  name: Say
  run: |
    echo "hello $GREETING"
    echo "x=5" >> "$GITHUB_OUTPUT"
    echo "# Title" >> "$GITHUB_STEP_SUMMARY"
    echo "::error::broken"
- name: Break
  run: exit 3
- name: Never
  run: echo never
""",
        )
        + job("two", "- run: echo two", more="    needs: one\n")
        + job("three", "- run: echo three", more="    needs: [one, two]\n    if: always()\n"),
        environment={"GREETING": "world"},
    )
    assert result.code == 1
    assert result.results == {"one": "failure", "three": "success"}
    one = result.job("one")
    assert one.step("Say").output == "hello world\n"
    assert [one.step(name).result for name in ("say", "Break")] == ["success", "failure"]
    with pytest.raises(AssertionError, match="no step 'Never'"):
        one.step("Never")
    assert one.step("Say").outputs == {"x": "5"}
    assert result.summary == "# Title\n"
    assert ("error", "broken") in result.annotations


def test_unknown_runners_and_actions_are_no_pass(place: Place) -> None:
    """act leaves a job out whose label it does not know, and exits with 0: here that fails."""
    with pytest.raises(AssertionError, match="left a job out"):
        place.run(job("one", "- run: true").replace("ubuntu-24.04", "windows-latest"))
    with pytest.raises(AssertionError, match="has no stand-in"):
        place.run(job("one", "- uses: someone/unknown-action@" + "1" * 40))


def test_a_run_that_hangs_is_ended(place: Place) -> None:
    """A step without end fails the test, with the log so far, and leaves no process behind."""
    mark = f"31.{os.getpid()}"  # of this run alone
    with pytest.raises(AssertionError, match="did not end within"):
        place.run(job("one", f"- run: sleep {mark}"), timeout=3)
    for _ in range(100):  # a busy machine takes a moment to end what it was told to
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        if f"sleep {mark}" not in listed.stdout:
            return
        time.sleep(0.1)
    raise AssertionError(listed.stdout)


SET_STATUS = """
- name: Set
  env: {TOKEN: "${{ github.token }}"}
  run: |
    curl --silent --show-error --fail-with-body -H "Authorization: Bearer $TOKEN" \\
      -d '{"state": "success", "context": "gatehouse"}' \\
      "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$GITHUB_SHA"
"""


def test_a_job_has_its_own_permissions(place: Place) -> None:
    """Of two jobs that do the same, the one that was not granted it fails, as on GitHub."""
    jobs = job("may", SET_STATUS, permissions="{statuses: write}")
    jobs += job("may_not", SET_STATUS, permissions="{contents: write, statuses: read}")
    result = place.run(jobs)
    assert result.results == {"may": "success", "may_not": "failure"}
    assert "403" in result.job("may_not").step("Set").output
    sha = place.github.git.commit_of("main")
    assert sha is not None
    assert place.github.statuses(sha)["gatehouse"].state == "success"


def test_a_fork_gets_nothing(place: Place) -> None:
    """In a fork's run, writes are refused, and secrets and variables are empty."""
    show = """
- env: {SECRET: "${{ secrets.KEY }}", VARIABLE: "${{ vars.LABEL }}"}
  name: Show
  run: echo "<$SECRET> <$VARIABLE>" | sed 's/s/S/'
"""
    jobs = job("set", SET_STATUS, permissions="{statuses: write}") + job("show", show)
    given = {"secrets": {"KEY": 'a "long" $ecret\nvalue'}, "variables": {"LABEL": "gpu-label"}}
    own, fork = place.run(jobs, **given), place.run(jobs, fork=True, **given)
    assert own.results == {"set": "success", "show": "success"}
    assert fork.results == {"set": "failure", "show": "success"}
    assert "<gpu-label>" in own.job("show").step("Show").output
    assert fork.job("show").step("Show").output == "<> <>\n"


def test_checkout(place: Place) -> None:
    """Refs, folders and depth are honoured; without credentials nothing can be pushed."""
    first = place.commit("", {"old.txt": "old\n"})
    steps = f"""
- uses: {CHECKOUT}
  with: {{fetch-depth: 0, persist-credentials: false}}
- uses: {CHECKOUT}
  with: {{ref: {first}, path: base, persist-credentials: false}}
- name: Look
  run: |
    cat base/old.txt
    git branch --show-current
    git ls-files
    if git push --quiet origin HEAD:refs/heads/evil; then exit 1; fi
- uses: {CHECKOUT}
  with: {{path: ../out}}
"""
    result = place.run(job("one", steps))
    look = result.job("one").step("Look")
    assert look.result == "success", result.log
    assert look.output.splitlines()[:3] == ["old", ".github/workflows/try.yml", "README.md"]
    assert place.github.git.commit_of("evil") is None
    assert ("error", "stand-in: path: '../out' leads out of the workspace") in result.annotations


def test_artifacts_pass_from_job_to_job(place: Place) -> None:
    """Names in the archive start where GitHub's do; hidden files stay out; the API lists it."""
    up = f"""
- run: mkdir -p out/deep && echo 1 > out/deep/a.txt && echo 2 > out/.hidden && echo 3 > b.txt
- uses: {UPLOAD}
  with: {{name: one, path: out/, if-no-files-found: error}}
- uses: {UPLOAD}
  with:
    name: two
    path: |
      out/deep
      b.txt
- uses: {UPLOAD}
  id: none
  continue-on-error: true
  with: {{name: three, path: absent, if-no-files-found: error}}
- uses: {UPLOAD}
  continue-on-error: true
  with: {{name: all, path: .}}
"""
    down = f"""
- uses: {DOWNLOAD}
  with: {{name: one, path: into}}
- uses: {DOWNLOAD}
  with: {{name: two, path: into}}
- name: Look
  run: find into -type f | sort
"""
    result = place.run(job("up", up) + job("down", down, more="    needs: up\n"), run_id=41)
    assert result.results == {"up": "success", "down": "success"}, result.log
    found = result.job("down").step("Look").output.split()
    assert found == ["into/b.txt", "into/deep/a.txt", "into/out/deep/a.txt"]
    assert {(each.run, each.name) for each in place.github.state.artifacts()} == {
        (41, "one"),
        (41, "two"),
    }
    told = [text for kind, text in result.annotations if kind == "error"]
    assert any("no files were found" in text for text in told)
    assert any("whole checkout" in text for text in told)


def test_the_environment_is_there_without_a_network(place: Place) -> None:
    """install.sh finds nothing to do, and the workspace's own package is what runs."""
    steps = f"""
- uses: {CHECKOUT}
  with: {{persist-credentials: false}}
- uses: {SETUP_PYTHON}
  with: {{python-version: "3.11"}}
- uses: {CACHE}
  id: cache
  with: {{path: .venv, key: "venv-1"}}
- name: Install
  run: for name in run dev github gates; do sh scripts/install.sh $name; done
- name: Use
  env: {{HIT: "${{{{ steps.cache.outputs.cache-hit }}}}"}}
  run: |
    echo "cache-hit:$HIT"
    .venv/bin/gatehouse
    .venv/bin/python -c 'import click, pydantic, sys; print(sys.prefix)'
    .venv/bin/dvc --version
    .venv/bin/ruff --version
"""
    files = {
        "packages/gatehouse/src/gatehouse/__init__.py": "",
        "packages/gatehouse/tests/workflows/tools/a.json": "{}",
    }
    files["packages/gatehouse/src/gatehouse/cli.py"] = (
        "def main():\n    print('the workspace speaks')\n"
    )
    files["scripts/install.sh"] = (REPOSITORY / "scripts/install.sh").read_text(encoding="utf-8")
    files |= {"pyproject.toml": "", "packages/gatehouse/pyproject.toml": ""}
    for name in ("run", "dev", "github", "gates"):
        lock = f"requirements/{name}.txt"
        files[lock] = (REPOSITORY / lock).read_text(encoding="utf-8")
    result = place.run(job("one", steps), files)
    one = result.job("one")
    assert one.result == "success", result.log
    assert one.step("Install").output == ""
    lines = one.step("Use").output.splitlines()
    assert lines[:2] == ["cache-hit:", "the workspace speaks"]
    assert lines[2].endswith("/.venv")


def test_a_cache_has_what_an_earlier_run_left(place: Place) -> None:
    """What a test puts there is restored for every key, so that a poisoned one would be seen."""
    (place.folder / "held").mkdir()
    (place.folder / "held/poison.txt").write_text("poison")
    steps = f"""
- uses: {CACHE}
  id: cache
  with: {{path: .venv, key: "venv-1"}}
- name: Use
  env: {{HIT: "${{{{ steps.cache.outputs.cache-hit }}}}"}}
  run: echo "$HIT $(cat .venv/poison.txt)"
"""
    held = {"STAND_IN_CACHE": str(place.folder / "held")}
    result = place.run(job("one", steps), environment=held)
    assert result.job("one").step("Use").output.strip() == "true poison", result.log


CML_CODE = f"""
- uses: {CHECKOUT}
  with:
    repository: iterative/cml
    ref: a3a66c74b218b08710f42bf599b066e37cb4cba7
    path: .cml
    persist-credentials: false
- run: npm ci --omit=dev --ignore-scripts
  working-directory: .cml
"""
CML_COMMENT = f"""{CML_CODE}
- name: Comment
  env: {{REPO_TOKEN: "${{{{ github.token }}}}", ITERATIVE_DO_NOT_TRACK: "1"}}
  run: |
    echo "# Report" > report.md
    node .cml/bin/cml.js comment update --target=pr/3 ARGUMENTS report.md
"""


def test_cml_keeps_one_comment(place: Place) -> None:
    """The second run edits the comment of the first; a missing safeguard is refused."""
    place.commit("")
    place.github.pull_request(3, head_branch="main")
    place.github.comment(3, "a person's own words")
    right = CML_COMMENT.replace("ARGUMENTS", "--publish=false --watermark-title=gatehouse")
    jobs = job("one", right, permissions="{pull-requests: write}")
    for _ in range(2):
        result = place.run(jobs)
        assert result.code == 0, result.log
    person, ours = place.github.comments(3)
    assert (person.edits, ours.edits) == (0, 1)
    assert ours.body.startswith("# Report\n")
    assert '"CML watermark gatehouse")' in ours.body
    wrong = CML_COMMENT.replace("ARGUMENTS", "--watermark-title=gatehouse")
    result = place.run(job("one", wrong, permissions="{pull-requests: write}"))
    assert result.code == 1
    assert "--publish=false is needed" in result.log


CML_PULL = f"""
- uses: {CHECKOUT}
  with: {{persist-credentials: false}}
{CML_CODE}
- name: Open
  env: {{REPO_TOKEN: "${{{{ github.token }}}}", ITERATIVE_DO_NOT_TRACK: "1"}}
  run: |
    echo "better" >> README.md
    node .cml/bin/cml.js pr create --branch=retrain-1 --title="Trained again" \\
      --target-branch=main --body="On new data" README.md
"""


def test_cml_opens_a_pull_request(place: Place) -> None:
    """The commit, the branch and the pull request are real; each needs its own grant."""
    allowed = "{contents: write, pull-requests: write}"
    result = place.run(job("one", CML_PULL, permissions=allowed))
    assert result.code == 0, result.log
    git = place.github.git
    assert git.git("show", "retrain-1:README.md") == "hello\nbetter"
    (pull,) = place.github.state.pulls.values()
    assert (pull.head_branch, pull.title, pull.body) == (
        "retrain-1",
        "Trained again",
        "On new data",
    )
    result = place.run(job("one", CML_PULL, permissions="{pull-requests: write, contents: read}"))
    assert result.code == 1
    assert "Resource not accessible by integration" in result.log


def test_app_tokens(place: Place) -> None:
    """A token of an App can do what was asked for, under the App's name, and is masked."""
    steps = f"""
- uses: {APP}
  id: app
  with:
    app-id: "7"
    private-key: ${{{{ secrets.KEY }}}}
    permission-statuses: write
""" + SET_STATUS.replace("github.token", "steps.app.outputs.token")
    result = place.run(
        job("one", steps), secrets={"KEY": "-----BEGIN RSA " + "PRIVATE KEY-----\nx"}
    )
    assert result.code == 0, result.log
    sha = place.github.git.commit_of("main")
    assert sha is not None
    assert place.github.statuses(sha)["gatehouse"].login == "gatehouse-app[bot]"
    (token,) = [file.stem for file in place.github.token_folder.iterdir()]
    assert token not in result.log
