"""A fork with pull requests, whose workflows run for real: by act, against a stand-in for GitHub.

The fork is this checkout, cut down to what a run needs: few rows, a small network, one test of its
own, and one hook of pre-commit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.clone import Clone, copy_checkout
from tests.end_to_end.slim import Slim
from tests.github.api import GitHub
from tests.github.state import Comment, PullRequest, Run
from tests.sample import lay_owners
from tests.workflows.act import Act
from tests.workflows.results import Result

Settings = Mapping[str, Mapping[str, str]]

OWN = {"Pull request": "pull-request.yml", "Pipeline": "pipeline.yml"}
"""The workflows that run a change's own code, by name."""
ALONE = ("Pipeline",)
"""Of these the one that makes a model, for tests that the other one has no part in."""

_LIBRARY = "packages/gatehouse"
_TAKEN_OUT = ("tests", *(f"{_LIBRARY}/{name}" for name in ("benchmarks", "docs", "tests")))
SMALL: Settings = {
    "params.yaml": {
        "rows: 48842": "rows: 12000",
        "hidden: [128, 128]": "hidden: [32]",
        "epochs: 16": "epochs: 6",
        "bins: 128 ": "bins: 16 ",
    },
    "policy.yaml": {
        "resamples: 2000": "resamples: 400",
        "sessions: 11, calls: 300": "sessions: 6, calls: 60",
        "minimum_rows: 100, minimum_class_rows: 50": "minimum_rows: 20, minimum_class_rows: 8",
        # A machine that does other things as well makes times noisy, and outcomes with them.
        "at_most: 1.25": "at_most: 3.0",
        "at_most: 1.15": "at_most: 1.4",
        "at_least: 0.88": "at_least: 0.80",
        "at_least: 0.83": "at_least: 0.75",
        "calibration_error, at_most: 0.05": "calibration_error, at_most: 0.15",
        # So few rows can't tell a small loss from none.
        "roc_auc, of: comparison, at_least: -0.01": "roc_auc, of: comparison, at_least: -0.03",
    },
}
_SMOKE = (
    '"""The fork\'s own test."""\n\n\ndef test_smoke() -> None:\n    """Nothing is on fire."""\n'
)
_HOOKS = """\
repos:
  - repo: local
    hooks:
      - {id: yaml, name: YAML, language: system, entry: .venv/bin/check-yaml -m, types: [yaml]}
"""


def make_fork(folder: Path, settings: Settings = SMALL) -> None:
    """A fork in `folder`: the author's clone, the origin, and a DVC remote with a recorded run.

    `settings` are texts to replace, by file.
    """
    work = folder / "work"
    work.mkdir(parents=True)
    clone = copy_checkout(work)
    for name in _TAKEN_OUT:
        shutil.rmtree(work / name)
    tools = work / _LIBRARY / "tests/workflows/tools"
    tools.mkdir(parents=True)
    (tools / "package.json").write_text("{}")
    for tests in (work / "tests", work / _LIBRARY / "tests"):
        tests.mkdir(exist_ok=True)
        (tests / "test_smoke.py").write_text(_SMOKE)
    (work / ".pre-commit-config.yaml").write_text(_HOOKS)
    for file, changes in settings.items():
        for old, new in changes.items():
            clone.replace(file, old, new)
    lay_owners(work, "@octo/ml")
    _record(clone, folder)


def make_slim_fork(folder: Path) -> None:
    """The same of a small fork, with its own tests and hooks; `told.txt` has slim's words."""
    clone = copy_checkout(folder / "work")
    for file, changes in SMALL.items():
        for old, new in changes.items():
            clone.replace(file, old, new)
    lay_owners(clone.root, "@octo/ml")
    clone.commit("Settings for a small run")
    (folder / "told.txt").write_text(clone.gatehouse("template", "slim"))
    slim = Slim(clone.root)
    slim.set_up()
    _record(slim, folder)


def _record(clone: Clone, folder: Path) -> None:
    """Run the pipeline, and let the origin and a DVC remote have what it made."""
    clone.run("dvc", "remote", "add", "--default", "folder", str(folder / "dvc-remote"))
    clone.gatehouse("run", code=None)
    clone.run("dvc", "push", "--quiet", "--run-cache")
    clone.commit("A recorded run")
    clone.run("git", "repack", "-adq")  # a fetch of loose objects packs them each time
    verdict = clone.gatehouse("judge")
    assert "PASS" in verdict, verdict
    clone.run("git", "clone", "--quiet", "--bare", str(clone.root), str(folder / "origin.git"))
    clone.run("git", "remote", "add", "origin", str(folder / "origin.git"))


@dataclass
class World:
    """A copy of the fork, its GitHub, and what happens there.

    Attributes:
        github: the stand-in.
        author: the author's clone.
        act: runs the workflows.
        variables: the repository's.
        secrets: what the trusted workflows find, beside the tokens of their jobs.
    """

    github: GitHub
    author: Clone
    act: Act
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @classmethod
    def copy_of(cls, made: Path, folder: Path, github: GitHub) -> World:
        work = made / "work"
        shutil.copytree(
            work, folder / "work", symlinks=True, ignore=shutil.ignore_patterns(".venv")
        )
        author = Clone(folder / "work")
        author.run("git", "remote", "set-url", "origin", str(github.origin))
        return cls(github, author, Act(folder, github))

    def open(
        self, change: Callable[[Clone], object], branch: str = "change", **more: Any
    ) -> PullRequest:
        """Commit `change` on a branch of that name, push it, and open a pull request."""
        self.number += 1
        self.author.run("git", "checkout", "--quiet", "-b", branch, "main")
        change(self.author)
        self.author.commit("A change")
        return self.open_here(branch, **more)

    def open_here(self, branch: str, **more: Any) -> PullRequest:
        """Open a pull request of what is committed here."""
        head = self.author.run("git", "rev-parse", "HEAD").strip()
        # A fork's commits lie in the repository as well, but no branch of it has them.
        target = f"refs/heads/{branch}" if "head_repository" not in more else "refs/forks/1"
        self.author.run("git", "push", "--quiet", "--force", "origin", f"HEAD:{target}")
        return self.github.pull_request(self.number, head_branch=branch, head_sha=head, **more)

    def check(
        self,
        pull: PullRequest,
        event: dict[str, Any] | None = None,
        workflows: Collection[str] = tuple(OWN),
        **more: Any,
    ) -> tuple[Run, Result]:
        """A change's two workflows on the pull request's head, as GitHub would run them.

        Args:
            pull: the pull request.
            event: that starts them; a push by default.
            workflows: those that run; GitHub says of any other one that it ended well.
            more: as `Act.run` has it.

        Returns:
            The run of pipeline.yml, which ends last, and what both did.
        """
        fork = pull.head_repository != self.github.full_name
        result = None
        for name, file in OWN.items():
            run = self._begun(pull, name)
            if name not in workflows:
                run.status, run.conclusion = "completed", "success"
                continue
            done = self.act.run(
                file,
                "pull_request",
                event or self.github.pull_request_event(pull.number),
                sha=pull.head_sha,
                ref=f"refs/pull/{pull.number}/merge",
                run_id=run.id,
                variables=self.variables,
                fork=fork,
                **more,
            )
            run.status, run.conclusion = "completed", "failure" if done.code else "success"
            run.jobs = _jobs(done)
            result = done if result is None else result.and_then(done)
        assert result is not None
        return run, result

    def through(self, pull: PullRequest, **more: Any) -> Result:
        """A change's workflows, then the gates; what the former did."""
        run, checked = self.check(pull, **more)
        judged = self.judge(run)
        assert judged.code == 0, judged.log[-6000:]
        return checked

    def ended(self, pull: PullRequest, conclusion: str) -> Run:
        """Tell GitHub that runs of the two workflows ended so; the one of pipeline.yml."""
        for name in OWN:
            run = self._begun(pull, name)
            run.status, run.conclusion = "completed", conclusion
        return run

    def _begun(self, pull: PullRequest, name: str) -> Run:
        return self.github.run(
            self.github.state.next_run(),
            name=name,
            path=f".github/workflows/{OWN[name]}",
            head_branch=pull.head_branch,
            head_sha=pull.head_sha,
            head_repository=pull.head_repository,
            conclusion=None,
        )

    def announce(self, run: Run) -> Result:
        """gates.yml when the run begins; of one that skips everything, or waits, as it is."""
        ended = run.conclusion
        if ended not in ("skipped", "action_required"):
            run.conclusion, run.status = None, "in_progress"
        try:
            return self._gates(run, "requested" if ended == "action_required" else "in_progress")
        finally:
            run.conclusion, run.status = ended, "completed"

    def judge(self, run: Run, **more: Any) -> Result:
        """gates.yml when the run of pipeline.yml has ended; `more` as `Act.run` has it."""
        judged = self._gates(run, "completed", **more)
        self.github.run(
            1000 + run.id,
            name="Gates",
            path=".github/workflows/gates.yml",
            event="workflow_run",
            head_branch="main",
            head_sha=self.tip("main"),
        )
        return judged

    def settle(self, pull: PullRequest, conclusion: str, *jobs: dict[str, Any]) -> Result:
        """gates.yml when the head's run of pull-request.yml has ended, as is said here."""
        run = self.checks(pull)
        run.status, run.conclusion, run.jobs = "completed", conclusion, list(jobs) or run.jobs
        return self._gates(run, "completed")

    def checks(self, pull: PullRequest) -> Run:
        """The newest run of pull-request.yml on the head."""
        runs = self.github.state.runs.values()
        file = f".github/workflows/{OWN['Pull request']}"
        return max(
            (run for run in runs if (run.path, run.head_sha) == (file, pull.head_sha)),
            key=lambda run: run.id,
        )

    def own(self, *owners: str) -> None:
        """Let these own what decides, on main."""
        self.author.run("git", "checkout", "--quiet", "main")
        lay_owners(self.author.root, " ".join(owners))
        self.author.commit("Owners")
        self.author.run("git", "push", "--quiet", "origin", "main")

    def answer(self, comment: Comment, action: str = "created", **more: Any) -> Result:
        """accept.yml, as GitHub would run it after a comment was made, edited or deleted."""
        return self.act.run(
            "accept.yml",
            "issue_comment",
            self.github.issue_comment_event(comment, action, **more),
            run_id=5000 + comment.id,
            variables=self.variables,
            secrets=self.secrets,
        )

    def _gates(self, run: Run, action: str, **more: Any) -> Result:
        return self.act.run(
            "gates.yml",
            "workflow_run",
            self.github.workflow_run_event(run.id, action),
            run_id=1000 + run.id,
            variables=self.variables,
            secrets=self.secrets,
            **more,
        )

    def status(self, sha: str, context: str = "gatehouse") -> str:
        """State and text of a commit's status."""
        found = self.github.statuses(sha).get(context)
        return f"{found.state}: {found.description}" if found else "none"

    def red(self, pull: PullRequest, *gates: str) -> str:
        """The text of the required status, which is red, as are at least these gates' ones."""
        found = self.github.statuses(pull.head_sha)
        text = self.status(pull.head_sha)
        assert text.startswith(("failure: ", "error: ")), text
        names = {name for name, each in found.items() if each.state in ("failure", "error")}
        assert names >= {f"gatehouse/{gate}" for gate in gates}, found
        return text

    def tip(self, branch: str) -> str:
        """The commit that a branch of the origin has."""
        return self.github.git.git("rev-parse", f"refs/heads/{branch}")

    def said(self, pull: PullRequest) -> str:
        """The one comment of ours."""
        (comment,) = [
            each
            for each in self.github.comments(pull.number)
            if each.login == "github-actions[bot]"
        ]
        return comment.body


def _jobs(result: Result) -> list[dict[str, Any]]:
    """The jobs of a run of act, as GitHub's API lists them."""
    return [
        {
            "name": job.name,
            "conclusion": job.result,
            "steps": [
                {"name": step.name, "number": at, "status": "completed",
                 "conclusion": step.result or "skipped"}
                for at, step in enumerate(job.steps, start=1)
            ],
        }
        for job in result.jobs.values()
    ]  # fmt: skip
