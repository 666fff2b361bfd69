"""CPU seconds of judging one candidate: what stands between a finished run and its status.

    make run                                             # once: data, models, dvc.lock
    .venv/bin/python packages/gatehouse/benchmarks/judge/measure.py         # writes RESULTS.md

It does what the job Judge of gates.yml does after its checkout, without GitHub: installs the
judge's set of packages into a new clone of HEAD with no download in any cache, lays candidate and
base out, deals their rows, measures each gate in a process as apart as this machine allows, and
judges. All that follows the installation runs in the new environment. Candidate and base are the
run that lies in the checkout, or in the folder that is named as the first argument. Each part is
measured by itself, so that none waits for another; a job with two cores takes about half of the
sum in time.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[4]
RESULTS = Path(__file__).with_name("RESULTS.md")
TARGET = 110
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml", "dvc.lock")
MADE = ("dvc.lock", "data/raw", "models")
SECONDS = 600.0


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of `work` and of the processes that it waits for."""

    def used() -> float:
        spent = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(each.ru_utime + each.ru_stime for each in spent)

    before = used()
    work()
    return used() - before


def install(clone: Path, packages: Path) -> None:
    """As the action `trusted` does; nothing was downloaded before.

    Args:
        clone: the checkout.
        packages: an empty folder for uv's cache, on the same file system.
    """
    environment = {**os.environ, "UV_CACHE_DIR": str(packages)}
    subprocess.run(["sh", "scripts/install.sh", "gates"], cwd=clone, check=True, env=environment)
    shutil.rmtree(clone / "src/pipeline")


def record(run: Path, clone: Path) -> None:
    """Commit the run of the checkout `run` in the clone, so that HEAD is a base."""
    for name in MADE:
        copy = shutil.copytree if (run / name).is_dir() else shutil.copyfile
        copy(run / name, clone / name)
    words = [
        "git",
        "-C",
        str(clone),
        "-c",
        "user.name=nobody",
        "-c",
        "user.email=nobody@example.com",
    ]
    subprocess.run([*words, "add", "dvc.lock"], check=True)
    subprocess.run([*words, "commit", "-q", "--no-verify", "-m", "a run", "dvc.lock"], check=True)


def measure(work: Path) -> dict[str, float]:
    """CPU seconds of each part but the installation, in the environment that has this process.

    Args:
        work: the scratch folder; this process runs in the trusted checkout.
    """
    from gatehouse.base import find_base, write_record
    from gatehouse.draws import draws_of
    from gatehouse.gates import GATES
    from gatehouse.trusted.basis import hand_over
    from gatehouse.trusted.candidate import OUTPUTS, digests
    from gatehouse.trusted.isolation import find_isolation
    from gatehouse.trusted.measuring import _compile, _deal, _measure, _run, measure_all
    from gatehouse.trusted.reporting import report_on
    from gatehouse.workspace import Workspace

    here, candidate = Path.cwd(), work / "candidate"
    base = find_base("HEAD", here)

    def lay_out() -> None:
        for target in (candidate, here / base.record.folder):
            for path in (*OUTPUTS, *map(Path, FILES)):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (here / path).is_dir() else shutil.copyfile
                copy(here / path, target / path)
        hand_over(base, here, candidate)
        write_record(base.record, candidate)
        digests(candidate)

    parts = {"lay out candidate and base": cpu(lay_out)}
    parts["find the isolation"] = cpu(lambda: find_isolation(candidate, "contract.yaml"))
    isolation = find_isolation(candidate, "contract.yaml")
    print(f"isolation: {isolation.level}", file=sys.stderr)
    draws = draws_of(Workspace(candidate))
    gates = [gate.name for gate in GATES]
    ask = partial(_run, isolation, draws, gates)
    parts["compile what is imported"] = cpu(_compile)
    parts["deal the rows"] = cpu(lambda: _deal(candidate, ask, SECONDS))

    def measured_well(gate: str) -> None:
        error = _measure(gate, candidate, ask, SECONDS)
        assert error is None, error

    for gate in gates:
        parts[f"measure: {gate}"] = cpu(partial(measured_well, gate))
    measured = measure_all(candidate, draws)
    parts["judge, report, card"] = cpu(
        lambda: report_on(Workspace(candidate), base, measured, "https://example.org")
    )
    return parts


def main(run: Path) -> None:
    """Measure each part, and write the table."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        clone, found = work / "clone", work / "parts.json"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        parts = {"install the judge's set": cpu(lambda: install(clone, work / "packages"))}
        record(run, clone)
        words = [str(clone / ".venv/bin/python"), __file__, "--parts", str(work), str(found)]
        subprocess.run(words, cwd=clone, check=True)
        write(parts | json.loads(found.read_text("utf-8")))


def write(parts: dict[str, float]) -> None:
    total = sum(parts.values())
    rows = [f"| {name} | {seconds:.1f} |" for name, seconds in parts.items()]
    text = "\n".join(
        [
            "# CPU seconds of judging",
            "",
            "`.venv/bin/python packages/gatehouse/benchmarks/judge/measure.py` (Python "
            f"{platform.python_version()}, {os.cpu_count()} cores). The default project, compared "
            f"with itself; target: {TARGET} CPU seconds in all. Nothing comes from a cache: the "
            "installation downloads each package.",
            "",
            "| part | CPU seconds |",
            "| :--- | ---: |",
            *rows,
            f"| **all** | **{total:.1f}** |",
            "",
            "CPU seconds grow when other work shares the cores: run it again on a quiet machine "
            "before you quote them.",
            "",
        ]
    )
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--parts"]:
        scratch, answer = map(Path, sys.argv[2:])
        answer.write_text(json.dumps(measure(scratch)), encoding="utf-8")
    else:
        main(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT)
