"""Nothing that decides needs `pipeline`: owned code runs no free code.

`src/pipeline` is free: a change may edit it without an owner. Jobs that judge or sign take it away.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2]
FOLDERS = {"gatehouse": LIBRARY / "src/gatehouse", "gates": LIBRARY.parents[1] / "src/gates"}

AT_A_DESK = ("gatehouse.pipeline", "gatehouse.tune", "gatehouse.verify", "gatehouse.samples")
"""What loads what params.yaml names, or runs it: no trusted job imports these."""

DESK = tuple(f"{name}." for name in AT_A_DESK)

TRUSTED = (
    "gatehouse.cli", "gatehouse.base", "gatehouse.contract", "gatehouse.digest", "gatehouse.judge",
    "gatehouse.judge_files", "gatehouse.measure", "gatehouse.prepare", "gatehouse.run",
    "gatehouse.split", "gatehouse.verdict", "gatehouse.workspace", "gatehouse.gates",
    "gatehouse.github", "gatehouse.objects", "gatehouse.release", "gatehouse.report",
    "gatehouse.serving", "gatehouse.trusted", "gates",
)  # fmt: skip
"""What jobs that judge, record, sign or serve load; of packages, every module."""

_IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
sys.path[:0] = [{source!r}]
sys.path += {packages!r}  # not as a site folder: its .pth files name the repository's own src
assert importlib.util.find_spec("pipeline") is None
for name in {names!r}:
    module = importlib.import_module(name)
    assert module.__file__.startswith({source!r}), module.__file__
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), name + "."):
        if not found.name.endswith(("__main__", ".serving.service")):
            importlib.import_module(found.name)
    print(name)
"""


def imports_of_pipeline(file: Path) -> bool:
    """Does the file import `pipeline`, at its top or inside of a function, by any spelling?"""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # The name of a module, as importlib takes it.
            names = [node.value] if node.value.startswith("pipeline.") else []
        if any(name.partition(".")[0] == "pipeline" for name in names):
            return True
    return False


@pytest.mark.parametrize("package", ["gatehouse", "gates"])
def test_nothing_owned_imports_the_pipeline(package: str) -> None:
    """Attacks an import that lets free code decide, and a library that needs its fork's code."""
    files = sorted(FOLDERS[package].rglob("*.py"))
    assert files
    assert not [file for file in files if imports_of_pipeline(file)]


def test_what_decides_loads_without_the_pipeline(tmp_path: Path) -> None:
    """Attacks a module of a trusted job that fails where `src/pipeline` is gone."""
    for package, folder in FOLDERS.items():
        shutil.copytree(folder, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    packages = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    code = _IMPORT_ALL.format(source=str(tmp_path), packages=packages, names=TRUSTED)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == list(TRUSTED)


def test_a_trusted_module_reaches_no_desk_command_by_itself() -> None:
    """Attacks an import inside of a function, which only fails when it runs."""
    for root in ("github", "trusted", "release", "objects", "serving", "gates", "report"):
        for file in (FOLDERS["gatehouse"] / root).rglob("*.py"):
            named = {name for name in imported(file) if f"{name}.".startswith(DESK)}
            assert not named, file


def test_what_measures_and_judges_knows_no_github() -> None:
    """Attacks code of trust that only works in GitHub's jobs, and a token in its reach."""
    files = sorted((FOLDERS["gatehouse"] / "trusted").rglob("*.py"))
    assert files
    hosts = ("gatehouse.github.", "github.", "requests.")
    for file in files:
        named = {name for name in imported(file) if f"{name}.".startswith(hosts)}
        assert not named, file


def imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
