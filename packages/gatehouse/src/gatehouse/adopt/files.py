"""The repository's files that `gatehouse init` writes, and the sample's files that it deletes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from gatehouse.adopt.questions import Questions
from gatehouse.errors import GatehouseError
from gatehouse.git import git
from gatehouse.ownership import Kind, Ownership

CONTRACT, POLICY, PARAMS = Path("contract.yaml"), Path("policy.yaml"), Path("params.yaml")
CARD = Path("model_card.yaml")
WRITTEN = (CONTRACT, POLICY, PARAMS, CARD)


def check_repository() -> None:
    """Refuse any folder other than a repository's root.

    Raises:
        GatehouseError: with the missing file.
    """
    for path in (PARAMS, Path("dvc.yaml")):
        if not path.is_file():
            raise GatehouseError(
                f"{path}: there is no such file; run the command in the repository's folder"
            )


def check_unchanged(copy: Path | None, questions: Questions, *, force: bool) -> None:
    """Ask or refuse before overwriting files with changes that are not in Git.

    Raises:
        GatehouseError: with their names; nothing has changed.
    """
    changed = _changed([*WRITTEN, *([copy] if copy else [])])
    if not changed or force:
        return
    names = ", ".join(map(str, changed))
    if questions.interactive and questions.yes(
        f"These files have uncommitted changes: {names}. Overwrite them?",
        default=False,
        note="",
    ):
        return
    raise GatehouseError(
        f"{names}: have uncommitted changes that would be overwritten; commit them, or use --force"
    )


def _changed(paths: Iterable[Path]) -> list[Path]:
    present = [path for path in paths if path.exists()]
    try:
        git("rev-parse", "--git-dir")
    except GatehouseError:
        return present
    # An ignored file is in no commit either.
    return [
        path
        for path in present
        if git("status", "--porcelain", "--ignored", "--", f":(literal){path.as_posix()}").strip()
    ]


def is_tracked(path: Path) -> bool:
    """Return whether Git tracks this file, in the index or a commit."""
    try:
        return bool(git("ls-files", "--", f":(literal){path.as_posix()}"))
    except GatehouseError:  # not a repository
        return False


def has_remote() -> bool:
    """Return whether DVC has a default remote."""
    config = Path(".dvc/config")
    return config.is_file() and re.search(r"(?m)^\s*remote\s*=", config.read_text()) is not None


def take_away(border: Ownership) -> list[Path]:
    """Delete the files of earlier runs, which belong to other data.

    Args:
        border: the ownership, which says what runs write. A path of another kind in such a folder
            is kept.

    Returns:
        The deleted paths.
    """
    named = [Path(path) for path in border.paths_of(Kind.GENERATED)]
    gone = [path for path in named if path.exists() or path.is_symlink()]
    for path in gone:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif not border.inside(f"{path.as_posix()}/"):
            shutil.rmtree(path)
        else:
            for file in path.rglob("*"):
                kind = border.kind_of(file.as_posix())
                if kind is Kind.GENERATED and (file.is_symlink() or not file.is_dir()):
                    file.unlink()
    return gone
