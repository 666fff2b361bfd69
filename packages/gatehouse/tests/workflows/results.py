"""What a run of act did, read from its log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

UNMAPPED = "Skipping unsupported platform"


@dataclass
class Step:
    """A step of a job.

    Attributes:
        name: as the workflow names it.
        id: its `id`, or its place; inside of a composite action after that step's, such as "a/b".
        result: success, failure or skipped; None where it never ended.
        output: what it printed.
        outputs: what it set.
    """

    name: str
    id: str
    result: str | None = None
    output: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Job:
    """A job. `result` is success, failure or skipped, or None where it never ended."""

    name: str
    id: str
    result: str | None = None
    steps: list[Step] = field(default_factory=list)
    summary: str = ""

    def step(self, name: str) -> Step:
        """The step of that name or id.

        Raises:
            AssertionError: there is none; those there are are told.
        """
        for step in self.steps:
            if name in (step.name, step.id):
                return step
        known = [step.name for step in self.steps]
        raise AssertionError(f"job {self.id} ran no step {name!r}, but {known}")


@dataclass
class Result:
    """A whole run.

    Attributes:
        code: act's exit code.
        jobs: by id, of a matrix the last one; a job that was skipped is not among them.
        log: everything as text.
        annotations: what `::error::` and its like said, as (kind, text).
    """

    code: int
    jobs: dict[str, Job]
    log: str
    annotations: list[tuple[str, str]]

    @property
    def summary(self) -> str:
        """The step summaries of all jobs."""
        return "\n".join(job.summary for job in self.jobs.values() if job.summary)

    @property
    def results(self) -> dict[str, str | None]:
        """Each job's result by its id."""
        return {job.id: job.result for job in self.jobs.values()}

    def and_then(self, other: Result) -> Result:
        """This run and another one as one; the worse exit code counts."""
        return Result(
            self.code or other.code,
            self.jobs | other.jobs,
            f"{self.log}\n{other.log}",
            self.annotations + other.annotations,
        )

    def job(self, name: str) -> Job:
        """The job of that id.

        Raises:
            AssertionError: it did not run.
        """
        assert name in self.jobs, f"no job {name} ran, but {list(self.jobs)}\n{self.log[-3000:]}"
        return self.jobs[name]


def parse(code: int, output: str) -> Result:
    """The result in what `act --json` printed.

    Raises:
        AssertionError: a runner's label is mapped to nothing, so that act left the job out.
    """
    jobs: dict[str, Job] = {}
    steps: dict[tuple[str, str], Step] = {}
    annotations, log = [], []
    for line in output.splitlines():
        entry = _entry(line)
        message = str(entry.get("msg", "")).rstrip("\n")
        label = "/".join(str(entry[key]) for key in ("jobID", "step") if entry.get(key))
        log.append(f"[{label}] {message}" if label else message)
        if "jobID" not in entry:
            continue
        job = jobs.setdefault(entry["jobID"], Job(entry["job"].partition("/")[2], entry["jobID"]))
        job.result = entry.get("jobResult", job.result)
        command = entry.get("command")
        if command in ("error", "warning", "notice"):
            annotations.append((command, str(entry.get("arg", ""))))
        elif command == "summary":
            job.summary += str(entry.get("content", ""))
        if "stepID" not in entry or entry.get("stage") != "Main":
            continue
        key = "/".join(str(part) for part in entry["stepID"])
        if (job.id, key) not in steps:
            steps[job.id, key] = Step(str(entry["step"]), key)
            job.steps.append(steps[job.id, key])
        step = steps[job.id, key]
        step.result = entry.get("stepResult", step.result)
        if command == "set-output":
            step.outputs[str(entry.get("name"))] = str(entry.get("arg", ""))
        if entry.get("raw_output"):
            step.output += str(entry["msg"])
    text = "\n".join(log)
    assert UNMAPPED not in text, f"act left a job out, for its runner's label is unknown:\n{text}"
    return Result(code, jobs, text, annotations)


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {"msg": line}
    return entry if isinstance(entry, dict) else {"msg": line}
