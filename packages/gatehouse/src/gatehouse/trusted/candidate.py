"""The candidate as a folder laid out as the repository is: a commit's files and an archive's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gatehouse.base import LOCK, locked_outputs
from gatehouse.contract import CONTRACT_FILE
from gatehouse.digest import dvc_md5, file_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import file_at, git
from gatehouse.objects.bring import is_recorded, table_of
from gatehouse.objects.place import TABLES
from gatehouse.objects.record import read_tracked
from gatehouse.places import PARAMS
from gatehouse.policy import POLICY_FILE
from gatehouse.report.card_text import CARD_TEXT
from gatehouse.table import RAW
from gatehouse.trusted.archive import TEXT_LIMIT
from gatehouse.typed import parse_yaml, read_text, write_text
from gatehouse.workspace import MODEL, MODEL_FP32

OUTPUTS = (RAW, MODEL_FP32, MODEL)
"""What a candidate brings; its rows are dealt here."""
_OF_THE_COMMIT = (CONTRACT_FILE, POLICY_FILE, PARAMS, CARD_TEXT)


def complete(folder: Path, commit: str, root: Path) -> None:
    """Add the commit's own files to the unpacked candidate in `folder`, and check it.

    Raises:
        GatehouseError: a file is missing or too large, `params.yaml` holds no settings, data and
            models are not those of the candidate's lock, or a table is not the commit's.
    """
    add_commit_files(folder, commit, root)
    check_outputs(folder)
    _check_tables(folder, commit, root)


def add_commit_files(folder: Path, commit: str, root: Path) -> None:
    """Add the commit's contract, policy, settings and words for the model card to `folder`.

    Raises:
        GatehouseError: a file is missing or too large, or `params.yaml` holds no settings.
    """
    for path in _OF_THE_COMMIT:
        text = text_at(commit, path, root)
        if text is not None:
            write_text(folder / path, text)
    # The report lists them; what each one means is the pipeline's affair, which runs elsewhere.
    if not isinstance(parse_yaml(read_text(folder / PARAMS), PARAMS), Mapping):
        raise GatehouseError(f"{PARAMS}: holds no settings; take the file from the base again")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file in `folder`, by its path there.

    Raises:
        GatehouseError: it holds what is neither a plain file nor a folder.
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
    """The tables of rows that came along, from the folder: a retraining brings the one it read."""
    found = [path for place in TABLES for path in sorted((folder / place).glob("*"))]
    return [path.relative_to(folder) for path in found]


def _check_tables(folder: Path, commit: str, root: Path) -> None:
    """A table must be the one that the commit's settings read, as its `.dvc` file records it."""
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
    """The text of a commit's file, or None; a link's text is its target, so none is followed.

    Raises:
        GatehouseError: the file is too large to be what it should be.
    """
    listed = git("ls-tree", "--long", commit, "--", f"./{path.as_posix()}", root=root)
    size = listed.split("\t")[0].split()[-1] if listed else "0"
    if not size.isdecimal() or int(size) > TEXT_LIMIT:
        raise GatehouseError(f"{path} of the commit is no file of at most 1 MB")
    return file_at(commit, path, root)


def check_outputs(folder: Path) -> None:
    """Each output that is here must be what the candidate's `dvc.lock` records.

    An output that is not here is missed by the gate that needs it.

    Raises:
        GatehouseError: an output is something else, or not recorded.
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
    """The MD5 of data and models in the text of a `dvc.lock`; of no text, nothing."""
    outs = locked_outputs(text, name) if text else {}
    kept = {path.as_posix() for path in OUTPUTS}
    return {path: md5 for path, md5 in outs.items() if path in kept}
