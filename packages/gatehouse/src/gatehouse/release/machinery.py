"""Check that an image's code is the commit's, file by file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gatehouse.digest import file_digest
from gatehouse.git import git
from gatehouse.places import LIBRARY, PACKAGE, VENDOR, code_of, wheel_of
from gatehouse.release.layout import Layout
from gatehouse.release.result import BENTO, SITE
from gatehouse.release.signing import RefusedError
from gatehouse.run import CARD
from gatehouse.workspace import MODEL, VERDICT

PATHS = (LIBRARY, VENDOR, "src/gates", "bentofile.yaml", "requirements", "pyproject.toml")
"""The judging code, and the sources of an image."""

CODE = (LIBRARY, "src/gates")
"""Code that an image contains completely."""
_MADE = {path.as_posix() for path in (MODEL, VERDICT, CARD, Path("bentofile.yaml"))}
"""Files of the image that the build generates: model and verdict are checked elsewhere, and BentoML
writes its own form of bentofile.yaml, which nothing reads at run time."""
_NAMED = 5
"""Maximum number of files that an error names."""


def machinery_digest(root: Path, commit: str = "HEAD") -> str:
    """Return the `sha256:<hex>` of the Git trees of the machinery in a commit.

    Args:
        root: the repository.
        commit: missing paths are ignored.

    Raises:
        GatehouseError: there is no such commit.
    """
    listed = git("ls-tree", commit, "--", *PATHS, root=root)
    return "sha256:" + hashlib.sha256(listed.encode()).hexdigest()


def check_machinery(image: Layout, files: Path) -> None:
    """Refuse an image whose files, except the model, are not those of the commit.

    The installed library must equal the commit's wheel, file by file, or be absent if the commit
    has its source. Bytecode, the other installed packages and the base image are not compared.

    Args:
        image: from the build.
        files: a folder with the files of the commit.

    Raises:
        RefusedError: a file differs, is missing, or is not in the commit.
        GatehouseError: a layer is unreadable.
    """
    inside = {
        name: digest
        for name, digest in image.digests(BENTO).items()
        if name not in _MADE and not _is_bytecode(name, files)
    }
    other = sorted(name for name, digest in inside.items() if _digest(files / name) != digest)
    lost = sorted(
        name
        for folder in CODE
        for path in (files / folder).rglob("*.py")
        if (name := path.relative_to(files).as_posix()) not in inside
    )
    wrong = other + lost + _wrong_library(image, files)
    if wrong:
        raise RefusedError(
            f"machinery: {_listed(wrong)} in the image: not as in the commit; build it again"
        )


def _wrong_library(image: Layout, files: Path) -> list[str]:
    """Return files of the installed library that differ from the commit's."""
    wheel = wheel_of(files)
    if wheel is None and not (files / LIBRARY).is_dir():
        return []  # installed from an index by its hash: there is nothing to compare with
    wanted = {
        name: f"sha256:{hashlib.sha256(content).hexdigest()}"
        for name, content in (code_of(wheel) if wheel else ())
    }
    found = {
        f"{PACKAGE.name}/{name}": digest
        for name, digest in image.digests(f"{SITE}/{PACKAGE.name}").items()
    }
    found = {
        name: digest
        for name, digest in found.items()
        if (source := _source_of(name)) is None or source.as_posix() not in wanted
    }
    return sorted(
        f"{SITE}/{name}"
        for name in found.keys() | wanted.keys()
        if found.get(name) != wanted.get(name)
    )


def _is_bytecode(name: str, files: Path) -> bool:
    """Return whether a file is the bytecode of one of the commit's sources."""
    source = _source_of(name)
    return source is not None and (files / source).exists()


def _source_of(name: str) -> Path | None:
    """Return the source path of a bytecode file by its name, or None for other files."""
    path = Path(name)
    if path.suffix != ".pyc" or path.parent.name != "__pycache__":
        return None
    return path.parent.parent / f"{path.name.partition('.')[0]}.py"


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.is_file() else None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
