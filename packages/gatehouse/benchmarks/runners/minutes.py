"""CPU seconds and billed minutes of the jobs that a push to a pull request starts.

    make run    # once: data, models, dvc.lock
    .venv/bin/python packages/gatehouse/benchmarks/runners/minutes.py
    .venv/bin/python packages/gatehouse/benchmarks/runners/minutes.py Checks    # this job alone

Each set of packages is installed into a new clone of HEAD, with nothing in any cache, and each
job's commands run there. The push changes a setting and a module of `src/pipeline`. CPU seconds
are those of all processes. Calls to GitHub's API can't be made here: of a job that makes them, the
command's start and its imports are counted, and `WAITING` seconds are added. Minutes are an
estimate, in favour of none: `START` seconds for the runner, the checkout and Python, then the CPU
seconds one after another, as if the second core idled. GitHub rounds each job up to a minute.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "speed"))
from children import children_seconds, keep_orphans

from gatehouse.places import code_path

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "packages/gatehouse/docs/runners.md"
MADE = ("dvc.lock", "data/raw", "models")
START = 15
"""Seconds until a job's first command of ours: GitHub's runner, checkout, Python."""
WAITING = 10
"""Seconds that a job waits for GitHub's API, for artifacts and for npm."""


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        name: workflow and job.
        packages: the set that it installs; "" needs none.
        commands: what it runs then, by the shell.
        times: how often a push starts it.
        waits: does it call GitHub?
        trains: is it left out where nothing that trains has changed?
        follows: the set that the row before has installed, of whose job this is a part.
    """

    name: str
    packages: str
    commands: tuple[str, ...] = ()
    times: int = 1
    waits: bool = False
    trains: bool = False
    follows: str = ""


def imports(*names: str) -> str:
    return f".venv/bin/python -c 'import {', '.join(names)}'"


JUDGE = "packages/gatehouse/benchmarks/judge/measure.py --parts {work} {work}/parts.json"
CHANGED = "params.yaml src/pipeline/network.py"
"""Checks looks at these files, and at the types of all of `src` and `tests`."""
JOBS = (
    Job("Pull request: Checks", "dev",
        ("python3 -m gatehouse.ownership changed HEAD HEAD",
         f".venv/bin/pre-commit run --show-diff-on-failure --files {CHANGED}", "make test")),
    Job("Pipeline: Pipeline, what fetches", "objects",
        (imports("gatehouse.github.start", "gatehouse.objects.bring", "dvc.fs"),), waits=True),
    Job("Pipeline: Pipeline, what trains", "run", (".venv/bin/gatehouse run",), trains=True,
        follows="objects"),
    Job("Gates: Announce", "github", (imports("gatehouse.github.publish"),), waits=True),
    Job("Gates: What has ended?", "", ("python3 -c 'import gatehouse.github.ended'",),
        times=2, waits=True),
    Job("Gates: Judge", "gates",
        (f".venv/bin/python {JUDGE}", imports("gatehouse.github.fetch_step")), waits=True),
    Job("Gates: Comment", "github", (imports("gatehouse.github.comment"),), waits=True),
    Job("Gates: Publish", "github", (imports("gatehouse.github.publish"),), times=2, waits=True),
    Job("Gates: Show the picture", "github", (imports("gatehouse.github.comment"),), waits=True,
        trains=True),
)  # fmt: skip


def run(command: str, clone: Path, packages: Path) -> float:
    """CPU seconds of a shell's command, which must succeed, and of all that it starts."""
    environment = os.environ | {
        "UV_CACHE_DIR": str(packages), "PYTHONPATH": code_path(clone), "GATEHOUSE_TORCH": "cpu",
        "PATH": f"{clone / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    before = children_seconds()
    done = subprocess.run(
        ["sh", "-ec", command], cwd=clone, env=environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stdout[-3000:]}")
    return children_seconds() - before


def measure(job: Job) -> tuple[float, float]:
    """CPU seconds of a job's installation and of its work."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        clone, packages = work / "clone", work / "packages"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        install = 0.0
        if job.follows:
            run(f"sh scripts/install.sh {job.follows}", clone, packages)
        if job.packages:
            install = run(f"sh scripts/install.sh {job.packages}", clone, packages)
        if "measure.py" in str(job.commands):
            for name in MADE:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
                copy(ROOT / name, clone / name)
            commit = "git -c user.name=n -c user.email=n@example.com commit -qm run --no-verify"
            run(f"git add dvc.lock && {commit} dvc.lock", clone, packages)
        works = sum(run(each.format(work=work), clone, packages) for each in job.commands)
        parts = work / "parts.json"  # of Judge, whose benchmark measures more than once
        if parts.exists():
            works = sum(json.loads(parts.read_text("utf-8")).values())
        return install, works


def minutes(job: Job, seconds: float) -> int:
    """Minutes that GitHub bills for one run of the job."""
    return math.ceil((START + seconds + (WAITING if job.waits else 0)) / 60)


def table(found: dict[str, tuple[float, float]]) -> str:
    """The table of docs/runners.md; of two rows of one job the second starts no job of its own."""
    lines = [
        "| job | times | installs (CPU s) | works (CPU s) | billed, trains | billed, trains not |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    sums = [0.0, 0, 0]
    before = JOBS[0]
    for job in JOBS:
        if job.name not in found:
            return "Not measured yet."
        install, work = found[job.name]
        seconds = install + work
        full = minutes(job, seconds)
        if job.follows:  # GitHub rounds the job up, not its parts
            full = minutes(before, sum(found[before.name]) + seconds) - minutes(
                before, sum(found[before.name])
            )
        before = job
        billed = (full * job.times, 0 if job.trains else full * job.times)
        sums = [sums[0] + seconds * job.times, sums[1] + billed[0], sums[2] + billed[1]]
        lines.append(
            f"| {job.name} | {job.times} | {install:.0f} | {work:.0f} | {billed[0]} | {billed[1]} |"
        )
    lines.append(f"| **together** | | | **{sums[0]:.0f}** | **{sums[1]}** | **{sums[2]}** |")
    return "\n".join(lines)


def written_in(text: str) -> dict[str, tuple[float, float]]:
    """What the page's table says of each job, as `measure` found it before."""
    rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines())
    known = {job.name for job in JOBS}
    return {row[0]: (float(row[2]), float(row[3])) for row in rows if row and row[0] in known}


def main() -> None:
    """Measure the jobs, or those whose names hold an argument, and write the table."""
    keep_orphans()
    begin, end = "<!-- minutes: begin -->", "<!-- minutes: end -->"
    found = written_in(PAGE.read_text("utf-8"))
    for job in JOBS:
        if not sys.argv[1:] or any(each in job.name for each in sys.argv[1:]):
            found[job.name] = measure(job)
            print(job.name, *(f"{each:.1f}" for each in found[job.name]), flush=True)
            text, new = PAGE.read_text("utf-8"), f"{begin}\n{table(found)}\n{end}"
            new = re.sub(f"{begin}.*{end}", lambda _, now=new: now, text, flags=re.DOTALL)
            PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
