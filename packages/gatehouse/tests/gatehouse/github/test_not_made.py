"""Attacks `model-from-run` by what lies below a clean diff, and by archives of other runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gatehouse.github.asking import green, lead, red, trained, write
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.test_made import EARLIER, LATER

pytestmark = pytest.mark.slow

Change = Callable[[Fork], object]


@pytest.fixture
def made(asking: Fork) -> Fork:
    """The fork, with a Makefile."""
    write(asking, "Makefile")
    lead(asking)
    return asking


def add(path: str, text: str = "# more\n") -> Change:
    return lambda fork: write(fork, path, text)


def mode(fork: Fork) -> None:
    (fork.root / "Makefile").chmod(0o755)


def link(fork: Fork) -> None:
    (fork.root / "Makefile").unlink()
    (fork.root / "Makefile").symlink_to("params.yaml")


def gone(fork: Fork) -> None:
    (fork.root / ".github/ownership.txt").unlink()


def command(fork: Fork) -> None:
    path = fork.root / "dvc.yaml"
    path.write_text(path.read_text().replace("python make.py", "true; python make.py", 1))


EVIL: dict[str, tuple[Change, str]] = {
    "the workflow": (add(".github/workflows/pipeline.yml"), ".github/workflows/pipeline.yml"),
    "a workflow more": (add(".github/workflows/new.yml"), ".github/workflows/new.yml"),
    "an action": (add(".github/actions/setup/action.yml"), ".github/actions/setup/action.yml"),
    "a script": (add("scripts/install.sh"), "scripts/install.sh"),
    "a lock": (add("requirements/run.txt"), "requirements/run.txt"),
    "the machinery": (
        add("packages/gatehouse/src/run.py"),
        "packages/gatehouse/src/run.py",
    ),
    "the library's wheel": (
        add("vendor/gatehouse-1.0-py3-none-any.whl"),
        "vendor/gatehouse-1.0-py3-none-any.whl",
    ),
    "a module next to the machinery": (
        add("packages/gatehouse/src/numpy.py"),
        "packages/gatehouse/src/numpy.py",
    ),
    "a command of a stage": (command, "dvc.yaml"),
    "DVC's settings": (add(".dvc/config", "[cache]\n    dir = /tmp/evil\n"), ".dvc/config"),
    "a file that steers git": (add("docs/.gitattributes", "* text\n"), "docs/.gitattributes"),
    "a mode": (mode, "Makefile"),
    "a link": (link, "Makefile"),
    "the border": (gone, ".github/ownership.txt"),
}
"""What an evil commit changes, and the path that is named."""


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_commit_that_was_reverted(made: Fork, name: str) -> None:
    """Its run's candidate is no clean commit's: the diff is clean, and the archive is there."""
    change, _ = EVIL[name]

    def evil() -> None:
        made.retrain()
        change(made)

    pull = made.pull_request(evil)
    made.finish(pull)
    made.work.git("revert", "--no-edit", "HEAD")
    made.push("change")
    judged = made.judge(made.finish(pull, upload=False))
    assert judged.overall.state == "failure"
    assert "uploaded no candidate" in judged.overall.text


@pytest.mark.parametrize("name", EVIL)
def test_a_branch_of_an_evil_commit_of_the_base(made: Fork, name: str) -> None:
    """Main has an evil commit and its revert; the branch grew from the evil one: a clean diff.

    Half of the variants are merged, so that main itself never was the evil commit.
    """
    change, path = EVIL[name]
    made.work.git("checkout", "-q", "-B", "evil", "main")
    change(made)
    evil = made.work.commit("evil")
    made.work.git("revert", "--no-edit", "HEAD")
    made.work.git("checkout", "-q", "main")
    how = ["--no-ff", "--no-edit"] if list(EVIL).index(name) % 2 else ["--ff-only"]
    made.work.git("merge", "-q", *how, "evil")
    write(made, "CHANGELOG.md")
    lead(made)
    made.reset()
    made.work.git("checkout", "-q", "-B", "change", evil)
    made.retrain()
    write(made, "README.md")
    made.work.git("add", "-A")
    made.work.git("reset", "-q", "dvc.lock")
    made.work.git("commit", "-q", "-m", "words")
    made.push("change")
    red(made, made.finish(made.open("change")), f"update the branch: main has another {path}")


def other_branch(fork: Fork) -> None:
    """The run was of another branch, at the very same commit."""
    fork.github.git.git("update-ref", "refs/heads/other", "refs/heads/change")
    fork.github.state.runs[fork.runs].head_branch = "other"


def run_of(**more: object) -> Change:
    """The run is another one than of *Pipeline* on a branch of ours."""

    def change(fork: Fork) -> None:
        for name, value in more.items():
            setattr(fork.github.state.runs[fork.runs], name, value)

    return change


def two(fork: Fork) -> None:
    fork.github.artifact(fork.runs, "candidate-twin", fork.candidate())


def expired(fork: Fork) -> None:
    for artifact in fork.github.state.artifacts():
        artifact.expired = True


def retargeted(fork: Fork) -> None:
    fork.github.state.pulls[fork.pulls].events.append(("base_ref_changed", LATER))


def by_github(fork: Fork) -> None:
    event = ("automatic_base_change_succeeded", LATER)
    fork.github.state.pulls[fork.pulls].events.append(event)


def second(fork: Fork) -> None:
    """A second pull request of the branch went elsewhere, and is closed."""
    fork.github.git.git("update-ref", "refs/heads/evil", "refs/heads/main")
    other = fork.github.state.pulls[fork.open("change", base_branch="evil")]
    other.state, other.created, other.closed = "closed", EARLIER, LATER


def served(fork: Fork) -> None:
    """A machine of one's own, which another run had too."""
    job = {"name": "Pipeline", "labels": ["self-hosted"], "runner_id": 3}
    fork.github.state.runs[fork.runs].jobs = [job]
    run = fork.github.state.runs[fork.runs]
    fork.github.run(
        50,
        path=run.path,
        head_branch="old",
        head_sha=run.head_sha,
        conclusion="success",
        jobs=[job],
    )


CLAIMS: dict[str, Change] = {
    "another branch's run": other_branch,
    "a fork's run": run_of(head_repository="eve/model"),
    "another workflow's run": run_of(path=".github/workflows/pull-request.yml"),
    "a workflow of a like name": run_of(path=".github/workflows/pipeline.yml.yml"),
    "a push's run": run_of(event="push"),
    "a scheduled run": run_of(event="schedule"),
    "the queue's run": run_of(event="merge_group"),
    "a run that failed": run_of(conclusion="failure"),
    "a run that was cancelled": run_of(conclusion="cancelled"),
    "an older attempt": run_of(attempt=2, started=LATER),
    "two candidates": two,
    "an archive that expired": expired,
    "a base changed since": retargeted,
    "a base changed by GitHub": by_github,
    "a second pull request": second,
    "a machine that served twice": served,
}
"""How an earlier run, whose commit has equal inputs, is none that counts."""


@pytest.mark.parametrize("name", CLAIMS)
def test_an_archive_of_a_run_that_does_not_count(made: Fork, name: str) -> None:
    """Equal inputs are not enough: an earlier run of the branch must count by itself."""
    pull = trained(made)
    made.finish(pull)
    CLAIMS[name](made)
    write(made, "README.md")
    made.work.git("add", "README.md")
    made.work.git("commit", "-q", "-m", "words")
    made.push("change")
    judged = made.judge(made.finish(pull, upload=False))
    assert judged.overall.state == "failure"
    assert "uploaded no candidate" in judged.overall.text


UNLIKE: dict[str, Change] = {
    "a setting": add("params.yaml"),
    "the contract": add("contract.yaml"),
    "a module": add("src/pipeline/x.py"),
    "a module at the root": add("sitecustomize.py"),
    "rows": add("data/own/rows.csv"),
    "a snapshot": add("data/snapshots/x.parquet.dvc"),
    "a gate": add("src/gates/mine.py"),
    "a graph to start from": add("models/start.onnx"),
    "a folder that is called as the docs": add("src/docs/x.py"),
    "a name that differs by case": add("Docs/x.md"),
    "a mode": mode,
    "a link": link,
    "a stage": command,
}
"""What a second push changes, so that the first one's candidate is not of its inputs."""


@pytest.mark.parametrize("name", UNLIKE)
def test_an_archive_that_claims_the_inputs_of_another_commit(made: Fork, name: str) -> None:
    """The name of the archive, its dvc.lock and its digests say equal; the Git trees do not."""
    pull = trained(made)
    made.finish(pull)
    UNLIKE[name](made)
    made.work.git(
        "add", "-A", "-f", ":!dvc.lock", ":!data/raw", ":!data/prepared", ":!models/*.onnx"
    )
    if name == "a graph to start from":
        made.work.git("add", "-f", "models/start.onnx")
    made.work.git("commit", "-q", "-m", "more")
    made.push("change")
    judged = made.judge(made.finish(pull, upload=False))
    assert judged.overall.state == "failure"
    assert "uploaded no candidate" in judged.overall.text


def test_the_clean_head_s_own_run_counts(made: Fork) -> None:
    """After the revert, and with the evil run's archive still there: nothing is asked."""
    pull = trained(made, "Makefile")
    made.finish(pull)
    made.work.git("revert", "--no-edit", "HEAD")
    made.push("change")
    green(made, made.finish(pull))
