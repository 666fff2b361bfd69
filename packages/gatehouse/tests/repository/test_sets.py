"""Attacks the sets of packages: a job must not need what its set lacks, nor install much more."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatehouse.trusted.measuring import IMPORTED

ROOT = Path(__file__).parents[4]

# What the jobs of a set import, at once or later. Test runs of workflows hide all other packages.
NEEDS = {
    "github": (
        *(f"gatehouse.github.{name}" for name in
          ("accept", "alarm", "client", "comment", "find_target", "monitor_result", "opening",
           "publish", "settings")),
        "gatehouse.codeowners", "gatehouse.release.bound", "gatehouse.release.promote",
        "gatehouse.release.signing",
    ),
    "objects": (
        *(f"gatehouse.github.{name}" for name in ("keep", "kept", "named_commit", "start")),
        "gatehouse.objects.bring", "gatehouse.objects.push", "dvc.config", "dvc.fs", "dvc_s3",
        "gto.cli", "tqdm",
    ),
    "gates": (
        *(f"gatehouse.github.{name}" for name in ("fetch_step", "judge_step", "publish")),
        *IMPORTED, "gatehouse.monitor.run", "dvc.fs", "fairlearn",
    ),
    "site": (
        "gatehouse.site.build", "gatehouse.site.drawn", "evidently.presets",
        "evidently.legacy.calculations.stattests",
        "great_expectations.render.renderer.page_renderer",
    ),
    "release": (*IMPORTED, "gatehouse.release.build", "bentoml", "cyclonedx_py", "pip_audit"),
    "docs": ("mkdocs",),
}  # fmt: skip

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
    """Each module that a job of the set runs is imported with nothing but the set's packages.

    The command line tells of itself in each.
    """
    lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    locked = re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)
    allowed = {re.sub("[-_.]+", "-", found.lower()) for found in locked}
    modules = ("gatehouse.cli", *NEEDS[name])
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


def test_who_only_calls_an_api_opens_no_table() -> None:
    """Attacks minutes of installation: who calls GitHub or a remote needs no heavy library."""
    heavy = r"^(numpy|pandas|pyarrow|scipy|scikit-learn|onnxruntime|great-expectations|evidently)=="
    for name in ("github", "objects"):
        lock = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert not re.search(heavy, lock, re.MULTILINE), name
