"""Stand-in for actions/checkout: a real clone of the test's bare repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.workflows.stand_ins.inputs import fail, inputs, inside, truth, workspace

CML = "iterative/cml"


def git(folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        fail(f"git {' '.join(words)}: {done.stderr.strip()}")


def emptied(folder: Path) -> None:
    """As the real one, it leaves nothing of what lay in the folder before."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def take(folder: Path, ref: str, depth: int) -> None:
    """Fetch and check out a ref: a commit detached, a branch as a branch of that name."""
    shallow = [f"--depth={depth}"] if depth else []
    everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
    if re.fullmatch(r"[0-9a-f]{40}", ref):
        git(folder, "fetch", "--quiet", *shallow, "origin", ref, *([] if depth else everything))
        git(folder, "checkout", "--quiet", "--force", "--detach", ref)
        return
    whole = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    name = whole.removeprefix("refs/heads/")
    into = f"refs/remotes/origin/{name}" if whole.startswith("refs/heads/") else whole
    if whole.startswith("refs/pull/"):
        into = f"refs/remotes/{whole.removeprefix('refs/')}"
    refspecs = [f"+{whole}:{into}", *([] if depth else everything)]
    git(folder, "fetch", "--quiet", *shallow, "origin", *refspecs)
    if whole.startswith("refs/heads/"):
        git(folder, "checkout", "--quiet", "--force", "-B", name, into)
    else:
        git(folder, "checkout", "--quiet", "--force", "--detach", into)


def main() -> None:
    given = inputs()
    folder = inside(given["path"])
    ref = given["ref"] or os.environ["GITHUB_SHA"]
    if not given["fetch-depth"].isdigit():
        fail(f"fetch-depth: expected a number, found {given['fetch-depth']!r}")
    may_push = truth(given, "persist-credentials")
    emptied(folder)
    if given["repository"] == CML:
        if not re.fullmatch(r"[0-9a-f]{40}", ref):
            fail(f"ref: {CML} must be pinned by its commit, found {ref!r}")
        shutil.copytree(os.environ["STAND_IN_CML"], folder, dirs_exist_ok=True)
        return
    # A fork's commits are found in the repository as well, as on GitHub.
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", os.environ["STAND_IN_ORIGIN"])
    if not may_push:
        git(folder, "remote", "set-url", "--push", "origin", "file:///no-credentials-persist")
    take(folder, ref, int(given["fetch-depth"]))
    print(f"{given['repository']} at {ref} in {folder.relative_to(workspace())}")


if __name__ == "__main__":
    main()
