"""CPU seconds of judging one candidate: what stands between a finished run and its status.

    make run                                             # once: data, models, dvc.lock
    PYTHONPATH=src:. .venv/bin/python benchmarks/judge/measure.py    # writes RESULTS.md

It does what the job Judge of gates.yml does after its checkout, without GitHub: installs the
judge's set of packages into a new clone, lays candidate and base out, measures each gate in a
process as apart as this machine allows, and judges. Candidate and base are the run that lies in the
checkout, or in the folder that is named as the first argument. Each part is measured by itself, so
that none waits for another; a job with two cores takes about half of the sum in time.
"""

from __future__ import annotations

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

from gatehouse.base import Base, find_base, write_record
from gatehouse.evidence import Gate
from gatehouse.github.basis import hand_over
from gatehouse.github.candidate import OUTPUTS
from gatehouse.github.isolation import Isolation, find_isolation
from gatehouse.github.measuring import _measure, measure_all
from gatehouse.github.steps import digests

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("RESULTS.md")
TARGET = 110
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml", "dvc.lock")
JUDGE = """
import sys
from pathlib import Path
from gatehouse.base import find_base
from gatehouse.github.reporting import report_on
from gatehouse.github.steps import Measured
from gatehouse.workspace import Workspace
folder, root = map(Path, sys.argv[1:])
measured = Measured.read(folder.parent / "measured.json")
report_on(Workspace(folder), find_base("HEAD", root), measured, "https://example.org")
"""


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


def install(folder: Path) -> None:
    """As the action `setup` does, without a cache of the environment."""
    clone = folder / "install"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    subprocess.run(["sh", "scripts/install.sh", "gates"], cwd=clone, check=True)


def lay_out(run: Path, folder: Path) -> Base:
    """The candidate in `folder`, beside its base, which is the same run."""
    base = find_base("HEAD", run)
    store = run / base.record.folder
    for target in (folder, store):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for path in (*OUTPUTS, *map(Path, FILES)):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (run / path).is_dir() else shutil.copyfile
            copy(run / path, target / path)
    hand_over(base, run, folder)
    write_record(base.record, folder)
    digests(folder)
    return base


def measured_well(gate: Gate, isolation: Isolation) -> None:
    """Measure one gate, which must succeed."""
    told = _measure(gate, isolation, 600)
    assert told is None, told


def main(run: Path) -> None:
    """Measure each part, and write the table."""
    with tempfile.TemporaryDirectory() as scratch:
        work, candidate = Path(scratch), Path(scratch) / "candidate"
        parts = {"install the judge's set": cpu(lambda: install(work))}
        parts["lay out candidate and base"] = cpu(lambda: lay_out(run, candidate))
        parts["find the isolation"] = cpu(lambda: find_isolation(candidate, "contract.yaml"))
        isolation = find_isolation(candidate, "contract.yaml")
        for gate in Gate:
            parts[f"measure: {gate}"] = cpu(partial(measured_well, gate, isolation))
        measured = measure_all(candidate)
        measured.write(work / "measured.json")
        words = [sys.executable, "-c", JUDGE, str(candidate), str(run)]
        parts["judge, report, card"] = cpu(lambda: subprocess.run(words, check=True))
        write(parts, str(isolation.level))


def write(parts: dict[str, float], isolation: str) -> None:
    total = sum(parts.values())
    rows = [f"| {name} | {seconds:.1f} |" for name, seconds in parts.items()]
    text = "\n".join(
        [
            "# CPU seconds of judging",
            "",
            f"`PYTHONPATH=src:. .venv/bin/python benchmarks/judge/measure.py` (Python "
            f"{platform.python_version()}, {os.cpu_count()} cores; processes: {isolation}). The "
            f"default project, compared with itself; target: {TARGET} CPU seconds in all.",
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
    main(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT)
