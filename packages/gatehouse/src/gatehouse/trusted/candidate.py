"""The candidate as a folder with the layout of the repository: files of a commit and an archive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gatehouse.base import LOCK, locked_outputs
from gatehouse.contract import CONTRACT_FILE
from gatehouse.digest import dvc_md5, file_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at, git
from gatehouse.objects.allowed_places import TABLES
from gatehouse.objects.bring import is_recorded, table_of
from gatehouse.objects.record import read_tracked
from gatehouse.places import PARAMS
from gatehouse.policy import POLICY_FILE
from gatehouse.report.card_text import CARD_TEXT
from gatehouse.table import RAW
from gatehouse.trusted.archive import TEXT_LIMIT
from gatehouse.typed import parse_yaml, read_text, write_text
from gatehouse.workspace import MODEL, MODEL_FP32

OUTPUTS = (RAW, MODEL_FP32, MODEL)
"""Outputs that the candidate provides; its rows are split here."""
_OF_THE_COMMIT = (CONTRACT_FILE, POLICY_FILE, PARAMS, CARD_TEXT)


def complete(folder: Path, commit: str, root: Path) -> None:
    """Add the commit's own files to the unpacked candidate in `folder`, and check it.

    Raises:
        GatehouseError: a file is missing or too large, `params.yaml` has no settings, data and
            models are not those of the candidate's lock, or a table is not the commit's.
    """
    add_commit_files(folder, commit, root)
    check_outputs(folder)
    _check_tables(folder, commit, root)


def add_commit_files(folder: Path, commit: str, root: Path) -> None:
    """Add the commit's contract, policy, settings and model card texts to `folder`.

    Raises:
        GatehouseError: a file is missing or too large, or `params.yaml` has no settings.
    """
    for path in _OF_THE_COMMIT:
        text = text_at(commit, path, root)
        if text is not None:
            write_text(folder / path, text)
    # The report lists the settings. Only the pipeline, which runs elsewhere, knows their meaning.
    if not isinstance(parse_yaml(read_text(folder / PARAMS), PARAMS), Mapping):
        raise GatehouseError(f"{PARAMS}: holds no settings; take the file from the base again")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in `folder`, by its path there.

    Raises:
        GatehouseError: it contains something that is neither a plain file nor a folder.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise GatehouseError(f"the candidate's {name}: is not a plain file")
        if path.is_file():
            found[name] = file_digest(path)
    return found


def tables_in(folder: Path) -> list[Path]:
    """Return the tables of rows in the folder; a retraining includes the one that it read."""
    found = [path for place in TABLES for path in sorted((folder / place).glob("*"))]
    return [path.relative_to(folder) for path in found]


def _check_tables(folder: Path, commit: str, root: Path) -> None:
    """Check that each table is the one that the commit's `.dvc` file records."""
    for path in tables_in(folder):
        name = f"{path.as_posix()}.dvc"
        text = text_at(commit, Path(name), root)
        if path.as_posix() != table_of(folder) or text is None:
            raise GatehouseError(
                f"the candidate holds {path}, which is not the table that the commit's "
                f"{PARAMS} and {name} name; run the workflow again"
            )
        if not is_recorded(folder / path, read_tracked(text, name)):
            raise GatehouseError(
                f"the candidate's {path} is not what the commit's {name} records; run the "
                "workflow again"
            )


def text_at(commit: str, path: Path, root: Path) -> str | None:
    """Return the text of a commit's file, or None. A link is not followed: its text is its target.

    Raises:
        GatehouseError: it is too large, or not a file.
    """
    listed = git("ls-tree", "--long", commit, "--", f"./{path.as_posix()}", root=root)
    size = listed.split("\t")[0].split()[-1] if listed else "0"
    if not size.isdecimal() or int(size) > TEXT_LIMIT:
        raise GatehouseError(f"{path} of the commit is no file of at most 1 MB")
    return file_at(commit, path, root)


def check_outputs(folder: Path) -> None:
    """Check that each existing output is what the candidate's `dvc.lock` records.

    A missing output is reported by the gate that needs it.

    Raises:
        GatehouseError: an output differs from its record, or has none.
    """
    outs = outputs_of(read_text(folder / LOCK), "the candidate's dvc.lock")
    for path in OUTPUTS:
        here = folder / path
        if here.exists() and dvc_md5(here) != outs.get(path.as_posix()):
            raise GatehouseError(
                f"the candidate's {path} is not what its dvc.lock records; "
                "let `make run` finish, and commit what it wrote"
            )


def outputs_of(text: str | None, name: str) -> dict[str, str]:
    """Return the MD5 of data and models in the text of a `dvc.lock`; empty for no text."""
    outs = locked_outputs(text, name) if text else {}
    kept = {path.as_posix() for path in OUTPUTS}
    return {path: md5 for path, md5 in outs.items() if path in kept}
