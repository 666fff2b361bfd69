"""The Git repository: committed files, and the configuration of this clone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gatehouse.doctor.finding import Area, Finding
from gatehouse.errors import GatehouseError
from gatehouse.git import git
from gatehouse.places import VENDOR

AREA = Area("git")
LARGE = 1 << 20
"""Bytes of a file in Git from which on a commit is refused (.pre-commit-config.yaml)."""
_ALLOWED = ("requirements/", "reports/", f"{VENDOR}/gatehouse-")
_SHOWN = 3


def check_git(root: Path) -> Iterator[Finding]:
    """Check commits, work tree, merge drivers, and files that belong in DVC."""
    try:
        git("rev-parse", "--verify", "HEAD", root=root)
    except GatehouseError as error:
        yield AREA.problem(
            f"there is no commit to work from ({error})",
            "git init, git add -A, git commit; or clone the repository",
        )
        return
    changed = git("status", "--porcelain", root=root).splitlines()
    if changed:
        count = "1 file is" if len(changed) == 1 else f"{len(changed)} files are"
        yield AREA.warning(
            f"{count} not committed, such as {changed[0][3:]}",
            "commit them before a pull request, an update or a release",
        )
    else:
        yield AREA.fine("everything is committed")
    yield from _branch(root)
    yield _drivers(root)
    yield _large(root)
    yield _recorded(root)


def _branch(root: Path) -> Iterator[Finding]:
    if not git("remote", root=root).split():
        yield AREA.warning(
            "there is no remote", "make a repository on GitHub, then git remote add origin URL"
        )
        return
    try:
        default = git("symbolic-ref", "--short", "refs/remotes/origin/HEAD", root=root).strip()
        default = default.removeprefix("origin/")
    except GatehouseError:
        yield AREA.unseen("the default branch is not known", "git remote set-head origin --auto")
        return
    if default != "main":
        yield AREA.warning(
            f"the default branch is {default}; workflows and docs say main",
            "rename it on GitHub, or change `main` in .github/workflows/release.yml",
        )
    else:
        yield AREA.fine("the default branch is main")


def _drivers(root: Path) -> Finding:
    try:
        git("config", "--get", "merge.gatehouse-lock.driver", root=root)
    except GatehouseError:
        return AREA.warning(
            "this clone merges dvc.lock line by line: it has no merge drivers", "make setup"
        )
    return AREA.fine("dvc.lock is merged stage by stage")


def _large(root: Path) -> Finding:
    entries = git("ls-tree", "-r", "-l", "-z", "HEAD", root=root).split("\0")[:-1]
    sizes = [(line.split("\t", 1)[0].split()[3], line.split("\t", 1)[1]) for line in entries]
    large = [path for size, path in sizes if size.isdigit() and int(size) > LARGE]
    large = [path for path in large if not path.startswith(_ALLOWED)]
    if large:
        return AREA.warning(
            f"{len(large)} files over 1 MB are in Git: {', '.join(large[:_SHOWN])}",
            "dvc add them (gatehouse data add, for data), and git rm --cached",
        )
    return AREA.fine("no large files in Git")


def _recorded(root: Path) -> Finding:
    if git("ls-tree", "--name-only", "HEAD", "--", "dvc.lock", root=root):
        return AREA.fine("HEAD records a run")
    return AREA.warning(
        "HEAD records no run: there is no dvc.lock in it",
        "make run, then commit dvc.lock and reports; or open a pull request, which does it",
    )
