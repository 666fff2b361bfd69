"""What is dear to make, made once for all processes of a test run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from gatehouse.evidence import Subject
from gatehouse.gates import GATES

WARM = "TESTS_WARM"
"""The variable of the environment that has the folder of tests/warm, where there is one."""

LEAN = os.pathsep.join(filter(None, [os.environ.get(WARM), str(Path(__file__).parent / "lean")]))
"""Goes before the packages on the path of processes that tests start, which begin sooner by it."""


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The new folder that `make` filled, which all processes share: nobody may change it."""
    folder = factory.getbasetemp() / name
    if "PYTEST_XDIST_WORKER" in os.environ:  # each process has a folder of its own in the run's
        folder = folder.parent.parent / name
    done = folder.with_name(f"{name}.done")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


SPECS = {gate.name: gate for gate in GATES}
"""The built-in gates by name."""
NAMES = tuple(SPECS)


def looked_at(gate: str, subject: Subject) -> Subject:
    """The part of a subject that a gate looks at."""
    return Subject(**{field: getattr(subject, field) for field in SPECS[gate].looks_at})
