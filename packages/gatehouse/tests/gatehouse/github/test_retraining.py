"""Attacks a retraining's candidate: it counts for the record of that very run, and for no more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from gatehouse.digest import dvc_md5
from gatehouse.github.keep import keep
from gatehouse.github.start import start_run
from gatehouse.trusted.judgement import Judgement
from tests.gatehouse.github.asking import green, lead, plain, red, write
from tests.gatehouse.github.fork import Fork
from tests.gatehouse.github.hub import PIPELINE, READ
from tests.github.state import Run

pytestmark = pytest.mark.slow

LATER = "2099-01-01T00:00:00Z"
PATH = ".github/workflows/retrain.yml"
ROWS = "data/snapshots/2026-11-30-ab.parquet"
OTHER = {
    "source: simulated": "source: file",
    "path: data/own": f"path: {ROWS}",
    "seed: 0\n  torch_mlp": "seed: 5\n  torch_mlp",
}


@dataclass
class Retrained:
    """Run 7 of *Retrain* on main, and the pull request that it opened.

    Attributes:
        fork: where it lies; its policy asks where a model comes from.
        run: of *Retrain*.
        pull: number of its pull request.
        branch: of its pull request.
    """

    fork: Fork
    run: Run
    pull: int = 0
    branch: str = "retrain-7-1"

    def train(self, table: bytes | None = None) -> None:
        """Other settings, a new table where one is given, another model; both artifacts."""
        fork = self.fork
        fork.reset()
        self._change(table)
        folder = fork.candidate()
        if table is not None:
            (folder / ROWS).parent.mkdir()
            (folder / ROWS).write_bytes(table)
        fork.github.artifact(7, "candidate-x", folder)
        fork.github.artifact(7, "retrained", self._record(table))

    def _change(self, table: bytes | None) -> None:
        root = self.fork.root
        text = (root / "params.yaml").read_text()
        for old, new in OTHER.items() if table is not None else list(OTHER.items())[2:]:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (root / "params.yaml").write_text(text)
        if table is not None:
            (root / ROWS).parent.mkdir(parents=True, exist_ok=True)
            (root / ROWS).write_bytes(table)
            record = f"outs:\n- md5: {dvc_md5(root / ROWS)}\n  size: {len(table)}\n  hash: md5\n"
            (root / f"{ROWS}.dvc").write_text(f"{record}  path: {Path(ROWS).name}\n")
            (root / ROWS).unlink()
        self.fork.retrain()

    def _record(self, table: bytes | None) -> Path:
        folder = self.fork.folder / "retrained"
        shutil.rmtree(folder, ignore_errors=True)
        names = ["dvc.lock", "params.yaml", "reports/verdict.json"]
        for name in [*names, *([f"{ROWS}.dvc"] if table is not None else [])]:
            if (self.fork.root / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.fork.root / name, folder / name)
        return folder

    def propose(self, also: Callable[[], object] = lambda: None, **more: Any) -> int:
        """The pull request: what the run left, and what `also` changes."""

        def change() -> None:
            shutil.copytree(self.fork.folder / "retrained", self.fork.root, dirs_exist_ok=True)
            also()
            for folder in ("data/own", "data/snapshots"):  # .gitignore has all of data
                if any((self.fork.root / folder).glob("*")):
                    self.fork.work.git("add", "-f", folder)

        self.pull = self.fork.pull_request(change, branch=self.branch, lock=True, **more)
        return self.pull

    def started(self) -> str:
        """The run whose candidate the pull request's own run takes; nothing: it trains."""
        fork = self.fork
        given = {"head_branch": self.branch, "head_sha": fork.head(self.pull)} | PIPELINE
        fork.run(conclusion=None, event="workflow_dispatch", **given)
        records = fork.folder / "records"
        records.mkdir(exist_ok=True)
        return start_run(fork.connect(READ), fork.runs, records, fork.trusted, "main")

    def finish(self, **more: Any) -> Any:
        """Its own run ends, and has made nothing."""
        return self.fork.finish(self.pull, upload=False, event="workflow_dispatch", **more)


@pytest.fixture
def retrained(asking: Fork) -> Retrained:
    """A retraining by button, with other settings."""
    tip = asking.work.git("rev-parse", "HEAD").strip()
    run = asking.github.run(
        7, head_branch="main", head_sha=tip, event="workflow_dispatch", name="Retrain", path=PATH,
        conclusion=None,
    )  # fmt: skip
    made = Retrained(asking, run)
    made.train()
    return made


def test_its_model_counts_and_is_not_trained_twice(retrained: Retrained) -> None:
    """By button, or by another system; while its run is not over yet; once more with other words.

    Nobody is asked, and the same candidate is judged.
    """
    fork = retrained.fork
    retrained.propose()
    assert retrained.started() == "7"
    judged = green(fork, retrained.finish())
    assert judged.archive == fork.github.state.artifacts()[1].id
    assert set(judged.objects) >= {"models/model.onnx", "models/model.int8.onnx"}
    retrained.run.event, retrained.run.status, retrained.run.conclusion = (
        "repository_dispatch", "completed", "success",
    )  # fmt: skip
    write(fork, "docs/more.md")
    fork.work.commit("words")
    fork.push(retrained.branch)
    assert retrained.started() == "7"
    green(fork, retrained.finish())


def test_a_new_table_is_judged_and_kept(retrained: Retrained) -> None:
    """Its rows come with the candidate, and go to the remote after it was judged, by digest."""
    fork, table = retrained.fork, b"PAR1 the rows PAR1"
    retrained.train(table)
    retrained.propose()
    assert retrained.started() == "7"
    remote = fork.folder / "dvc-remote"
    before = set(remote.rglob("*"))
    event = retrained.finish()
    judged = green(fork, event)
    assert ROWS in judged.objects
    assert set(remote.rglob("*")) == before
    work = fork.folder / "keep"
    assert keep(fork.connect(READ), event, fork.judged_folder, work, fork.trusted, 5) == (
        "pushed 2 of 5 objects; the remote has the others"
    )
    kept = {path.read_bytes() for path in set(remote.rglob("*")) - before if path.is_file()}
    assert table in kept
    # No record of the gates names it: bases are compared by data and models.
    assert ROWS not in (fork.record() / "reports/digests.json").read_text()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({ROWS: b"other rows"}, "is not what the commit's"),
        ({"data/snapshots/more.parquet": b"rows"}, "is not the table that the commit's"),
        ({"data/own/rows.csv": b"a,b\n"}, "is not the table that the commit's"),
    ],
)
def test_another_table_is_refused(
    retrained: Retrained, tables: dict[str, bytes], message: str
) -> None:
    """Attacks the remote, and whoever reads the rows later, by a table that no commit records."""
    fork = retrained.fork
    retrained.train(b"the rows")
    folder = fork.candidate()
    for name, content in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    fork.github.artifact(7, "candidate-x", folder)
    retrained.propose()
    judged = fork.judge(retrained.finish())
    assert judged.overall.state == "failure"
    assert message in plain(fork)
    assert judged.objects == {}


def refused(retrained: Retrained) -> Judgement:
    """The pull request's own run has to train; judged without, it is red."""
    assert retrained.started() == ""
    judged = retrained.fork.judge(retrained.finish())
    assert judged.overall.state == "failure"
    assert "uploaded no candidate" in judged.overall.text
    return judged


OTHER_RUNS: list[dict[str, Any]] = [
    {"path": ".github/workflows/retrain.yml.yml"},
    {"path": ".github/workflows/Retrain.yml"},
    {"path": "other/.github/workflows/retrain.yml"},
    {"path": ".github/workflows/pipeline.yml"},
    {"event": "push"},
    {"event": "pull_request"},
    {"event": "pull_request_target"},
    {"event": "workflow_run"},
    {"event": "issue_comment"},
    {"head_branch": "retrain"},
    {"head_branch": "main2"},
    {"head_repository": "eve/model"},
    {"head_repository": "octo/model2"},
    {"started": LATER, "attempt": 2},
]


def test_another_run(retrained: Retrained) -> None:
    """Attacks with a workflow that is called alike, a stranger's event, branch, or repository."""
    retrained.propose()
    runs = retrained.fork.github.state.runs
    for more in OTHER_RUNS:
        runs[7] = replace(retrained.run, **more)
        assert retrained.started() == "", more
    runs[7] = replace(retrained.run, path=f"{PATH}@refs/heads/main")
    assert retrained.started() == "7"


def test_a_commit_that_main_never_was(retrained: Retrained) -> None:
    """Attacks with a tag named main, or a merged side branch, whose record nobody judged."""
    fork = retrained.fork
    main = fork.work.git("rev-parse", "main").strip()
    retrained.propose()
    fork.work.git("checkout", "-q", "-f", "-B", "side", main)
    (fork.root / "dvc.lock").write_text(fork.work.git("show", f"{retrained.branch}:dvc.lock"))
    fork.work.commit("a record of nobody")
    fork.push("refs/tags/main")
    retrained.run.head_sha = fork.work.git("rev-parse", "side").strip()
    fork.work.git("checkout", "-q", "-f", "main")
    fork.work.git("merge", "-q", "--no-ff", "-m", "merged", "side")
    fork.work.git("checkout", "-q", main, "--", "dvc.lock")
    lead(fork)
    refused(retrained)
    retrained.run.head_sha = main
    assert retrained.started() == "7"


def test_artifacts_of_the_newest_attempt(retrained: Retrained) -> None:
    """Attacks with two candidates in one attempt, with none, and with one that is gone."""
    fork = retrained.fork
    retrained.propose()
    for each in fork.github.state.artifacts():
        each.expired = True
        assert retrained.started() == ""
        each.expired, name, each.name = False, each.name, "other"
        assert retrained.started() == ""
        each.name = name
    assert retrained.started() == "7"
    twin = fork.github.artifact(7, "candidate-twin", fork.candidate())
    refused(retrained)
    twin.expired = True
    assert retrained.started() == ""


def test_a_record_that_is_none(retrained: Retrained) -> None:
    """Attacks with a record of other files, other settings, and with one that is no archive."""
    fork = retrained.fork
    retrained.propose()
    for name, text in {
        "src/pipeline/more.py": "x",
        "../params.yaml": "x",
        ".github/workflows/retrain.yml": "x",
        "data/snapshots/x.parquet": "x",
        "params.yaml": "seed: 1\n",
    }.items():
        data = BytesIO()
        with ZipFile(data, "w") as archive:
            archive.writestr(name, text)
        fork.github.artifact(7, "retrained", data.getvalue())
        assert retrained.started() == "", name
    fork.github.artifact(7, "retrained", b"no archive")
    refused(retrained)


def test_a_commit_that_is_more_than_the_record(retrained: Retrained) -> None:
    """Attacks with the retraining's model below another change: its own run has to train."""
    for path in (
        "params.yaml",
        "src/pipeline/more.py",
        "Makefile",
        "contract.yaml",
        "data/snapshots/more.parquet.dvc",
        "data/own/rows.csv",
        "src/gates/more.py",
    ):
        retrained.propose(partial(write, retrained.fork, path))
        assert retrained.started() == "", path
    refused(retrained)


def test_a_commit_that_is_less_than_the_record(retrained: Retrained) -> None:
    """Attacks with main's settings, a removed table record, or another mode of a file."""
    fork = retrained.fork
    retrained.train(b"the rows")
    retrained.propose(lambda: (fork.root / f"{ROWS}.dvc").unlink())
    refused(retrained)
    retrained.propose(lambda: fork.work.git("checkout", "-q", "main", "--", "params.yaml"))
    assert retrained.started() == ""
    retrained.propose(lambda: (fork.root / "params.yaml").chmod(0o755))
    assert retrained.started() == ""


def test_another_branch_names_no_run(retrained: Retrained) -> None:
    """Attacks with the name: no run, another repository's number, no number. No error either."""
    for branch in (
        "retrain-8-1",
        "retrain-7",
        "retrain-07-1",
        "retrain-7-1-x",
        "xretrain-7-1",
        "Retrain-7-1",
        "retrain-7-\u0661",
        "retrain-99999999999999999999-1",
        "retrain-7-1/x",
    ):
        retrained.branch = branch
        retrained.propose()
        assert retrained.started() == "", branch
        retrained.fork.github.git.git("update-ref", "-d", f"refs/heads/{branch}")


def test_a_fork_s_branch_of_that_name(retrained: Retrained) -> None:
    """Attacks from a fork: the retraining is ours, and so must be the branch."""
    fork = retrained.fork
    retrained.propose(head_repository="eve/model")
    given: dict[str, Any] = {"head_repository": "eve/model", "event": "pull_request"}
    judged = fork.judge(fork.finish(retrained.pull, upload=False, **given))
    assert "uploaded no candidate" in judged.overall.text


def test_main_has_another_workflow_since(retrained: Retrained) -> None:
    """An owner is asked, or the branch is updated; then its own run trains."""
    fork = retrained.fork
    retrained.propose()
    fork.work.git("checkout", "-q", "-f", "main")
    write(fork, "Makefile")
    lead(fork)
    fork.work.git("checkout", "-q", "-f", retrained.branch)
    assert retrained.started() == "7"
    red(fork, retrained.finish(), "update the branch: main has another Makefile")
    fork.work.git("merge", "-q", "--no-edit", "main")
    fork.push(retrained.branch)
    assert retrained.started() == ""


def test_a_machine_that_served_others(retrained: Retrained) -> None:
    """Attacks with a runner of one's own that kept what a pull request's run left there."""
    fork = retrained.fork
    own: dict[str, Any] = {"name": "Train", "labels": ["self-hosted"], "runner_id": 3}
    retrained.run.jobs = [own]
    retrained.propose()
    green(fork, retrained.finish())
    other: dict[str, Any] = {"head_branch": "other", "head_sha": fork.head(retrained.pull)}
    fork.run(jobs=[own], **(PIPELINE | other))
    red(fork, retrained.finish(), "ephemeral")
