"""Turn a fork into one with only its own files: the library as a locked wheel instead of source."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.git import git
from gatehouse.places import LIBRARY, LIBRARY_LOCK, SOURCE, VENDOR
from gatehouse.template.wheel import wheel_at

REMOVED = (
    "packages",
    "examples",
    ".ci",
    ".github/workflows/docs.yml",
    ".github/workflows/machinery.yml",
    "CONTRIBUTING.md",
)
"""Paths that only the library's own development needs."""
README = Path("README.md")
_BENTO = Path("bentofile.yaml")
_DEPENDABOT = Path(".github/dependabot.yml")
_PAGES = (Path("SECURITY.md"), Path("data/own/README.md"))
_LINK = re.compile(rf"\[([^\]]+)\]\([./]*{SOURCE}/[^)]*\)")
_TITLE = "# Gatehouse"


@dataclass(frozen=True)
class Size:
    """Size of a part of a repository, without locks; lines are counted for text files only."""

    files: int
    lines: int


@dataclass(frozen=True)
class Slimmed:
    """The result of slimming.

    Attributes:
        removed: size of each removed path.
        left: size of the repository.
        wheel: path of the library's wheel.
        readme: whether README.md was rewritten.
    """

    removed: dict[str, Size]
    left: Size
    wheel: Path
    readme: bool


def slim(root: Path) -> Slimmed:
    """Replace the library's source by its wheel, in one commit.

    Raises:
        GatehouseError: the source is not here, there are uncommitted changes, or git refuses.
            Nothing is then changed.
    """
    if not (root / SOURCE).is_dir():
        raise GatehouseError(f"{SOURCE}: is not here, so there is nothing to make smaller")
    if git("status", "--porcelain", "--untracked-files=no", root=root):
        raise GatehouseError("the work tree has changes that are not committed; commit them first")
    git("var", "GIT_COMMITTER_IDENT", root=root)  # raises early if git has no identity
    wheel = wheel_at("HEAD", root)
    gone = [path for path in REMOVED if (root / path).exists()]
    removed = {path: size(root, path) for path in gone}
    path = Path(VENDOR) / wheel.name
    written = {path: wheel.content, LIBRARY_LOCK: wheel.lock.encode(), **_edited(root)}
    try:
        (root / VENDOR).mkdir(exist_ok=True)
        for file, content in written.items():
            (root / file).write_bytes(content)
        git("add", "--", *map(str, written), root=root)  # so that `reset` removes them
        git("rm", "-r", "--quiet", "--", *gone, root=root)
        version = wheel.name.split("-")[1]
        git("commit", "--quiet", "--no-verify", "--message",
            f"Depend on Gatehouse {version} by its wheel", "--message",
            "`gatehouse template slim` took the library's source away.", root=root)  # fmt: skip
    except BaseException:
        git("reset", "--quiet", "--hard", root=root)  # everything was committed
        raise
    for each in gone:  # caches, which are not in Git
        shutil.rmtree(root / each, ignore_errors=True)
    return Slimmed(removed, size(root), path, README in written)


def _edited(root: Path) -> dict[Path, bytes]:
    """Return the files that mention removed paths, without these."""
    edits: dict[Path, Callable[[str], str]] = dict.fromkeys(_PAGES, _unlinked)
    edits |= {README: partial(_readme, root), _DEPENDABOT: _updates, _BENTO: _bento}
    found = {}
    for file, edit in edits.items():
        before = (root / file).read_text("utf-8") if (root / file).is_file() else ""
        if (after := edit(before)) != before:
            found[file] = after.encode()
    return found


def _readme(root: Path, text: str) -> str:
    """Return a short README if the repository still has the template's."""
    if not text.startswith(_TITLE):
        return text
    short = Path(__file__).with_name("README.txt").read_text("utf-8")
    return short.format(name=root.resolve().name)


def _updates(text: str) -> str:
    """Return Dependabot's settings without the removed folders, in which it would fail."""
    mark = "\n  - package-ecosystem: "
    head, *parts = text.split(mark)
    kept = [part for part in parts if f"directory: /{SOURCE}/" not in part]
    return mark.join([head, *kept]) if kept else text


def _bento(text: str) -> str:
    """Return the Bento's file list, with the wheel instead of the source."""
    return text.replace(f"{LIBRARY}/**/*.py", f"{VENDOR}/gatehouse-*.whl")


def _unlinked(text: str) -> str:
    """Return a page in which links to the library's documentation are replaced by their text."""
    return _LINK.sub(r"\1 of Gatehouse", text)


def size(root: Path, *paths: str) -> Size:
    """Return the size of the tracked files of a repository, or of some of its paths."""
    tracked = git("ls-files", "-z", "--", *paths, root=root).split("\0")[:-1]
    files = [path for path in tracked if not fnmatch(path, "requirements/*.txt")]
    lines = 0
    for file in files:
        content = (root / file).read_bytes() if (root / file).is_file() else b""
        lines += 0 if b"\0" in content else content.count(b"\n")
    return Size(len(files), lines)
