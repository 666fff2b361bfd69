"""A fork on a GitHub of its own: its main branch has a recorded run, pull requests bring others."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatehouse.base import measuring_policy, recorded_base
from gatehouse.deal import deal_both
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.github.event import Event
from gatehouse.github.fetch_step import fetch_run
from gatehouse.github.judge_step import judge_run
from gatehouse.lock import relock
from gatehouse.measure import measure_and_write
from gatehouse.model import Metadata
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.trusted.candidate import digests
from gatehouse.trusted.candidate_key import candidate_key
from gatehouse.trusted.handover import Measured, Place, evidence_digests
from gatehouse.trusted.judgement import JUDGED, Judgement
from gatehouse.trusted.measuring import measure_run
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace
from tests.gatehouse.github.hub import READ, Hub
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import Finished, make_graph, origin
from tests.github.api import GitHub
from tests.sample import lay_owners, lay_sample
from tests.shared import NAMES, SPECS

OUTPUTS = ("data/raw", "models")
"""Of a candidate. `data/prepared` lies in the author's clone too, and is never uploaded."""
# Numbers that are of no use, but soon measured; the rules of these tests need no better ones.
_QUICK = {"resamples": (2000, 400), "sessions": (11, 6), "calls": (300, 20), "batch": (256, 16)}


@dataclass(kw_only=True)
class Fork(Hub):
    """The repository, the machine of the trusted workflow, and GitHub between them.

    Attributes:
        work: the author's clone.
        trusted: the trusted workflow's checkout of main.
        made: the outputs of main.
    """

    work: Repository
    trusted: Path
    made: Path

    @property
    def root(self) -> Path:
        return self.work.root

    def retrain(self, scale: float = 0.0211, **graph: Any) -> None:
        """Another model, as a pipeline would leave it: both graphs, and a lock that has them."""
        import onnx

        for path in (MODEL, MODEL_FP32):
            onnx.save_model(make_graph(scale=scale, **origin(self.root), **graph), self.root / path)
        self.relock()

    def relock(self) -> None:
        """Make dvc.lock say what lies here."""
        lock = self.root / "dvc.lock"
        names = ["data/raw", "data/prepared", str(MODEL), str(MODEL_FP32), "contract.yaml"]
        here = [name for name in names if (self.root / name).exists()]
        lock.write_text(relock(lock.read_text(), self.root, here))

    def reset(self) -> None:
        """The author's clone is as main is."""
        self.work.git("checkout", "-q", "-f", "main")
        self.work.git("clean", "-q", "-f", "-d")
        for name in OUTPUTS:
            shutil.rmtree(self.root / name, ignore_errors=True)
            shutil.copytree(self.made / name, self.root / name)

    def pull_request(
        self,
        change: Callable[[], object] = lambda: None,
        *,
        branch: str = "change",
        lock: bool = False,
        **more: Any,
    ) -> int:
        """Make `change` on a branch of main, push it, open a pull request.

        Its `dvc.lock` is committed where `lock` says so.
        """
        self.reset()
        self.work.git("checkout", "-q", "-B", branch)
        change()
        self.work.git("add", "-A")
        if not lock:
            self.work.git("reset", "-q", "dvc.lock")
        self.work.git("commit", "-q", "--allow-empty", "-m", "a change")
        self.push(branch)
        repository = more.get("head_repository")
        if repository:  # the commit lies here, but the branch is the fork's
            more["head_sha"] = self.work.git("rev-parse", "HEAD").strip()
        number = self.open(branch, **more)
        if repository:
            self.github.git.git("update-ref", "-d", f"refs/heads/{branch}")
        return number

    def push(self, branch: str) -> None:
        self.work.git("push", "-q", "-f", str(self.github.origin), f"HEAD:refs/heads/{branch}")

    def finish(
        self,
        pull: int,
        archive: Path | bytes | None = None,
        *,
        upload: bool = True,
        action: str = "completed",
        **more: Any,
    ) -> Event:
        """The pull request's workflow ends; what lies in the author's clone is its candidate."""
        event = super().finish(pull, action=action, **more)
        if upload:
            self.upload(archive)
        return event

    def upload(self, archive: Path | bytes | None = None, name: str | None = None) -> None:
        """The last run uploads its candidate."""
        content = archive if archive is not None else self.candidate()
        try:
            key = candidate_key(self.root)
        except GatehouseError:
            key = "unnamed"
        self.github.artifact(self.runs, name or f"candidate-{key}", content)

    def candidate(self) -> Path:
        """A folder as pipeline.yml uploads it."""
        folder = self.folder / f"candidate-{self.runs}"
        shutil.rmtree(folder, ignore_errors=True)
        for name in OUTPUTS:
            if (self.root / name).exists():
                shutil.copytree(self.root / name, folder / name)
        if (self.root / "reports/train/metrics.json").exists():
            (folder / "reports/train").mkdir(parents=True)
            shutil.copy(self.root / "reports/train/metrics.json", folder / "reports/train")
        shutil.copy(self.root / "dvc.lock", folder / "dvc.lock")
        return folder

    def zipped(self, extra: dict[str, bytes]) -> bytes:
        """The candidate's archive with entries replaced or added."""
        path = self.folder / "archive.zip"
        folder = self.candidate()
        files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.is_file()
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (files | extra).items():
                archive.writestr(name, content)
        return path.read_bytes()

    def measure_here(self) -> None:
        """The gates measure in this process, which has their libraries loaded; not in their own."""
        self._measure_by(_measure_here)

    def measure_by_hand(self) -> None:
        """The gates find what they find in a good run, whatever the candidate is."""
        self._measure_by(measure_by_hand)

    def measure_rows(self) -> None:
        """The rows gate counts in this process; all others find what they do in a good run."""
        self._measure_by(_measure_rows)

    def _measure_by(self, measure: Callable[[Path, str], Measured]) -> None:
        self.monkeypatch.setattr("gatehouse.trusted.measuring.measure_all", measure)

    def merge(self, pull: int, *, squash: bool = False) -> str:
        """Merge a pull request as it is on GitHub now, and let the next job have a new checkout.

        The data and models of main are then what lies in the author's clone.
        """
        branch = self.github.state.pulls[pull].head_branch
        self.work.git("fetch", "-q", str(self.github.origin), f"refs/heads/{branch}")
        self.work.git("checkout", "-q", "-f", "main")
        self.work.git("merge", "-q", *(["--squash"] if squash else ["--no-ff"]), "FETCH_HEAD")
        if squash:
            self.work.git("commit", "-q", "-m", f"a change (#{pull})")
        self.push("main")
        self.github.state.pulls[pull].state = "closed"
        for name in OUTPUTS:
            shutil.rmtree(self.made / name)
            shutil.copytree(self.root / name, self.made / name)
        shutil.rmtree(self.trusted)
        clone = ("git", "clone", "-q", "--depth=1", f"file://{self.github.origin}")
        self.work.run(*clone, str(self.trusted))
        return self.work.git("rev-parse", "main").strip()

    def judge(self, event: Event, limit: int = 5) -> Judgement:
        """The job Judge."""
        place = Place(self.trusted, self.folder / f"work-{self.runs}")
        for folder in (place.work, self.judged_folder):
            shutil.rmtree(folder, ignore_errors=True)
        repository = self.connect(READ)
        fetch_run(repository, event, place, limit)
        with self.monkeypatch.context() as environment:
            for name in ("GITHUB_TOKEN", "STATUS_TOKEN", "GATEHOUSE_SEALED"):
                environment.delenv(name, raising=False)
            measure_run(place)
        fetched, measured = map(sha256, (place.fetched_file, place.measured_file))
        judged = judge_run(repository, event, place, self.judged_folder, fetched, measured)
        assert Judgement.read(self.judged_folder / JUDGED) == judged
        return judged

    @property
    def judged_folder(self) -> Path:
        """What the job Judge hands over."""
        return self.folder / f"judged-{self.runs}"

    def said(self) -> str:
        """The comment that the job Judge wrote for now."""
        return (self.judged_folder / "comment.md").read_text("utf-8")

    def publish(self, event: Event, *, stored: bool = False) -> Judgement:
        """The job Publish; `stored`: after the checks have ended, with an answer that is stored."""
        from gatehouse.github.publish import publish

        bases = load_policy(self.trusted / POLICY_FILE).bases
        settled = publish(self.access(), event, self.judged_folder, bases, stored=stored)
        assert settled is not None
        self.settled = settled
        return settled.judged

    def record(self) -> Path:
        """What the job Judge asks to be recorded."""
        return self.judged_folder / "record"


def sha256(path: Path) -> str:
    """As the workflow takes it of a step's file."""
    return file_digest(path).removeprefix("sha256:")


def _measure_here(folder: Path, _: str) -> Measured:
    with contextlib.suppress(GatehouseError):  # then each gate says what it lacks
        deal_both(folder)
    candidate, policy, base = Workspace(folder), measuring_policy(folder), recorded_base(folder)
    problems = {}
    for gate in NAMES:
        try:
            measure_and_write(SPECS[gate], candidate, base, policy)
        except (GatehouseError, OSError) as error:
            problems[gate] = str(error)
    return _measured(folder, problems)


def measure_by_hand(folder: Path, _: str) -> Measured:
    deal_both(folder)
    base, policy = recorded_base(folder), measuring_policy(folder)
    for gate in NAMES:
        settings = policy.settings(SPECS[gate])
        Finished(folder).write_evidence(gate, base.present() if base else None, settings=settings)
    return _measured(folder, {})


def _measure_rows(folder: Path, draws: str) -> Measured:
    measure_by_hand(folder, draws)
    base, policy = recorded_base(folder), measuring_policy(folder)
    measure_and_write(SPECS["rows"], Workspace(folder), base, policy)
    return _measured(folder, {})


def _measured(folder: Path, problems: dict[str, str]) -> Measured:
    graph: Metadata | None = None
    why = None
    try:
        graph = Workspace(folder).model.metadata
    except GatehouseError as error:
        why = str(error)
    dealt = {name: found for name, found in digests(folder).items() if "/prepared/" in name}
    return Measured(
        unmeasured=problems,
        graph=graph,
        graph_problem=why,
        made=evidence_digests(folder, NAMES) | dealt,
    )


def make_fork(
    github: GitHub, work: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Fork:
    """A fork whose main branch is pushed, and whose data and models are in a DVC remote."""
    remote, made = folder / "dvc-remote", folder / "made"
    lay_sample(work.root, "model_card.yaml")
    lay_owners(work.root, "@octo/ml")
    for path in (work.root / "policy.yaml", work.root / "dvc.lock"):
        text = path.read_text()
        for key, (slow, quick) in _QUICK.items():
            assert f"{key}: {slow}" in text
            text = text.replace(f"{key}: {slow}", f"{key}: {quick}")
        path.write_text(text)
    (work.root / ".dvc/config").write_text(
        "[core]\n    autostage = false\n    remote = folder\n"
        f"['remote \"folder\"']\n    url = {remote}\n"
    )
    shutil.copytree(work.root / ".dvc/cache", remote)  # as `dvc push` does, sooner
    for name in OUTPUTS:
        shutil.copytree(work.root / name, made / name)
    work.commit("a fork")
    work.git("push", "-q", str(github.origin), "main")
    trusted = folder / "trusted"
    work.run("git", "clone", "-q", "--depth=1", f"file://{github.origin}", str(trusted))
    return Fork(github, folder, monkeypatch, work=work, trusted=trusted, made=made)
