"""A .venv that works at once, made of the tests' own packages, in place of an installation.

The workspace's `src` is what is imported of the repository. The stamp that makes scripts/install.sh
find nothing to do is written by that script itself, run with stand-ins for Python and npm. Packages
that are in no set which the job then asks for are hidden (`only_the_sets`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

SETS = ("run", "dev", "github", "objects", "gates", "site", "release", "docs")
SILENT = "#!/bin/sh\nexit 0\n"


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def stamp(root: Path) -> None:
    """Have install.sh write its stamps: every tool it calls says that all is well."""
    script(root / ".venv/bin/python", SILENT)
    with tempfile.TemporaryDirectory() as tools:
        script(Path(tools, "npm"), SILENT)
        environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        for name in SETS:
            subprocess.run(
                ["sh", "scripts/install.sh", name],
                cwd=root,
                env=environment,
                check=True,
                capture_output=True,
            )
            os.utime(root / f".venv/.installed-{name}", (0, 0))  # install.sh touches it


def make_environment(root: Path, settings: Mapping[str, str] = os.environ) -> None:
    """Make `root`/.venv, with the wheel of a small fork installed; `settings` say of what."""
    venv = root / ".venv"
    shutil.rmtree(venv, ignore_errors=True)
    stamp(root)
    (venv / "bin/python").unlink()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    lean = settings["STAND_IN_LEAN"].split(os.pathsep)
    code = [str(root / "packages/gatehouse/src"), str(root / "src")]
    paths = [*code, *lean, settings["STAND_IN_PACKAGES"], "import only_the_sets"]
    shutil.copy(Path(__file__).with_name("only_the_sets.py"), packages)
    (packages / "stand_in.pth").write_text("\n".join(paths) + "\n", encoding="utf-8")
    if (root / "vendor").is_dir():  # as scripts/install.sh does
        words = ["uv", "pip", "install", "--quiet", "--python", str(venv / "bin/python"),
                 "--require-hashes", "--no-deps", "--no-index", "--find-links", "vendor",
                 "-r", "requirements/gatehouse.txt"]  # fmt: skip
        subprocess.run([sys.executable, "-m", *words], cwd=root, check=True)
    for tool in Path(settings["STAND_IN_SCRIPTS"]).iterdir():
        place = venv / "bin" / tool.name
        if place.exists() or not tool.is_file() or not os.access(tool, os.X_OK):
            continue
        with tool.open("rb") as file:
            head = file.read(200)
        if head.startswith(b"#!") and b"python" in head:
            script(place, f'#!/bin/sh\nexec "{venv}/bin/python" "{tool}" "$@"\n')
        else:
            place.symlink_to(tool)
