"""Stand-in for actions/setup-python: the Python that the tests run with, without their packages.

Where this repository is checked out, it leaves a .venv as well, in place of what scripts/install.sh
would fetch from the network.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from tests.workflows.stand_ins.environment import make_environment
from tests.workflows.stand_ins.inputs import fail, inputs, inside, output


def main() -> None:
    given = inputs()
    version = given["python-version"]
    if given["python-version-file"]:
        if not inside(given["python-version-file"]).is_file():
            fail(f"python-version-file: there is no {given['python-version-file']}")
    elif not re.fullmatch(r"3\.\d+(\.\d+)?", version):
        fail(f"python-version: expected such as 3.11, found {version!r}")
    folder = Path(os.environ["RUNNER_TEMP"], "python")
    folder.mkdir(parents=True, exist_ok=True)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(base)
    with Path(os.environ["GITHUB_PATH"]).open("a", encoding="utf-8") as file:
        file.write(f"{folder}\n")
    root = Path(os.environ["GITHUB_WORKSPACE"])
    if (root / "scripts/install.sh").is_file():
        make_environment(root)
    output("python-version", platform.python_version())
    output("python-path", str(folder / "python3"))


if __name__ == "__main__":
    main()
