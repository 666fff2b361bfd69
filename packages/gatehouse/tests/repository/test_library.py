"""scripts/library.sh, which finds the library before anything is installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[4]
WHEEL = "gatehouse-1.0-py3-none-any.whl"


def library(root: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """What the script says, with the tests' Python as `python3`."""
    (root / "bin").mkdir(exist_ok=True)
    (root / "bin/python3").unlink(missing_ok=True)
    (root / "bin/python3").symlink_to(sys.executable)
    path = f"{root / 'bin'}{os.pathsep}{os.defpath}"
    return subprocess.run(
        ["sh", "scripts/library.sh"],
        cwd=root,
        env={"PATH": path, "HOME": str(root), "TMPDIR": str(root)} | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the script alone."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts/library.sh", tmp_path / "scripts")
    return tmp_path


def test_the_source_goes_before_the_wheel(root: Path) -> None:
    """Attacks a wheel that stands for the source beside it, and an answer where there is none."""
    done = library(root)
    assert (done.returncode, done.stdout) == (2, "")
    assert "neither packages/gatehouse nor a wheel" in done.stderr
    (root / "vendor").mkdir()
    (root / "vendor" / WHEEL).touch()
    assert library(root).stdout == f"{root}/vendor/{WHEEL}\n"
    (root / "packages/gatehouse/src").mkdir(parents=True)
    assert library(root).stdout == f"{root}/packages/gatehouse/src\n"


def test_a_wheel_of_an_index_is_taken_by_its_hash(root: Path) -> None:
    """Attacks an index that hands out other bytes under the locked version."""
    index = root / "index"
    index.mkdir()
    info = "gatehouse-1.0.dist-info"
    with zipfile.ZipFile(index / WHEEL, "w") as wheel:
        wheel.writestr("gatehouse/__init__.py", "WHERE = 'the index'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: gatehouse\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    lock = root / "requirements/gatehouse.txt"
    lock.parent.mkdir()
    digest = hashlib.sha256((index / WHEEL).read_bytes()).hexdigest()
    lock.write_text(f"gatehouse==1.0 --hash=sha256:{digest}\n")
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    done = library(root, **settings)
    assert done.returncode == 0, done.stderr
    words = [sys.executable, "-I", "-c",
             f"import sys; sys.path.insert(0, {done.stdout.strip()!r}); import gatehouse; "
             "print(gatehouse.WHERE)"]  # fmt: skip
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "the index\n"
    lock.write_text(f"gatehouse==1.0 --hash=sha256:{'0' * 64}\n")
    done = library(root, **settings)
    assert done.returncode != 0
    assert "HASHES" in done.stderr.upper()
    assert done.stdout == ""
