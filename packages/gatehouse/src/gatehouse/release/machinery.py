"""The code that an image is made of: the same as the commit's, file by file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gatehouse.digest import file_digest
from gatehouse.git import git
from gatehouse.places import LIBRARY, VENDOR
from gatehouse.release.layout import Layout
from gatehouse.release.result import BENTO
from gatehouse.release.signing import RefusedError
from gatehouse.run import CARD
from gatehouse.workspace import MODEL, VERDICT

PATHS = (LIBRARY, VENDOR, "src/gates", "bentofile.yaml", "requirements", "pyproject.toml")
"""What decides, and what an image is built from."""

CODE = (LIBRARY, "src/gates")
"""The code that an image holds whole."""
_MADE = {path.as_posix() for path in (MODEL, VERDICT, CARD, Path("bentofile.yaml"))}
"""Files of the image that the build makes: model and verdict are checked elsewhere, and BentoML
writes its own form of bentofile.yaml, which nothing reads where the image runs."""
_NAMED = 5
"""How many files an error names."""


def machinery_digest(root: Path, commit: str = "HEAD") -> str:
    """`sha256:<hex>` of the Git trees of the machinery in a commit.

    Args:
        root: the repository.
        commit: paths that it lacks do not count.

    Raises:
        GatehouseError: there is no such commit.
    """
    listed = git("ls-tree", commit, "--", *PATHS, root=root)
    return "sha256:" + hashlib.sha256(listed.encode()).hexdigest()


def check_machinery(image: Layout, files: Path) -> None:
    """Refuse an image whose files next to the model are not those of the commit.

    Bytecode is not compared, nor are the installed packages and the base image.

    Args:
        image: as the build left it.
        files: a folder with the files of the commit.

    Raises:
        RefusedError: a file is another, is missing, or is none of the commit's.
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
    if other or lost:
        raise RefusedError(
            f"machinery: {_listed(other + lost)} in the image: not as in the commit; build it again"
        )


def _is_bytecode(name: str, files: Path) -> bool:
    """Is a file the bytecode of one of the commit's sources?"""
    path = Path(name)
    source = path.parent.parent / f"{path.name.partition('.')[0]}.py"
    return path.suffix == ".pyc" and path.parent.name == "__pycache__" and (files / source).exists()


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.is_file() else None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
