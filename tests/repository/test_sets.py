"""Attacks the sets of packages: a job must not need what its set does not have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What each job of the workflows imports, beside the command line.
NEEDS = {
    "github": ("publish", "comment", "target", "client", "owners", "settings", "alarm", "look"),
    "gates": ("fetching", "measuring", "reader", "judging", "kept", "publish"),
    "docs": (),  # the command line tells of itself
}
GATES = tuple(f"gatehouse.gates.{name}" for name in ("data", "drift", "accuracy", "fairness"))

IMPORT_ONLY = """
import importlib, importlib.metadata, re, sys
allowed, wanted = set(sys.argv[1].split()), sys.argv[2].split()
owners = importlib.metadata.packages_distributions()

class Refuse:
    def find_spec(self, name, path=None, target=None):
        names = {re.sub("[-_.]+", "-", owner.lower()) for owner in owners.get(name, ())}
        if "." not in name and names and not names & allowed:
            raise ModuleNotFoundError(f"{name} is not in the set", name=name)

sys.meta_path.insert(0, Refuse())
for module in wanted:
    importlib.import_module(module)
"""


@pytest.mark.parametrize("name", NEEDS)
def test_a_set_has_what_its_jobs_import(name: str) -> None:
    """Each module that a job of the set runs is imported with nothing but the set's packages."""
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    locked = re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)
    allowed = {re.sub("[-_.]+", "-", found.lower()) for found in locked}
    modules = [f"gatehouse.github.{module}" for module in NEEDS[name]]
    modules += ["gatehouse.cli", *(GATES if name == "gates" else ())]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ONLY, " ".join(allowed | {"gatehouse"}), " ".join(modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_only_training_has_torch() -> None:
    """The sets of the trusted workflow train nothing: torch is in none of them."""
    for name in NEEDS:
        lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert not re.search(r"^torch==", lock, re.MULTILINE)
