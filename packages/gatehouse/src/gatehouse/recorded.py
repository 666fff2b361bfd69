"""The SHA-256 of the data and models that were judged: what `dvc.lock` names by MD5, bound.

Two files of one MD5 can be made on purpose, so an MD5 only says where a file is. The gates record
which bytes they judged in `reports/digests.json`, and whoever fetches these again compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.typed import Document

RECORDED = Path("reports/digests.json")


class Recorded(Document):
    """Which bytes were judged."""

    version: Literal[1] = 1
    outs: dict[str, str] = Field(description="DVC's MD5 of each output, by path")
    files: dict[str, str] = Field(description="SHA-256 of each file of these, by path")


def recorded_for(text: str | None, outs: Mapping[str, str]) -> dict[str, str] | None:
    """The SHA-256 of each file of the outputs `outs`, by path; None where none is recorded.

    A record of other outputs is an old one: a fork's branch, which the gates cannot write to, was
    merged since. An unreadable one stops nobody.

    Args:
        text: of `reports/digests.json`, where there is one.
        outs: DVC's MD5 of each output, by path.
    """
    if text is None:
        return None
    try:
        found = Recorded.parse(text, RECORDED)
    except GatehouseError:
        return None
    known = {path: found.outs.get(path) for path in outs}
    return found.files if known == dict(outs) else None


def check_recorded(folder: Path, outs: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Refuse outputs in `folder` of which a file is not the one that was judged.

    Raises:
        GatehouseError: naming the file.
    """
    for out in outs:
        top = folder / out
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = path.relative_to(folder).as_posix()
            if path.is_file() and file_digest(path) != files.get(name):
                raise GatehouseError(
                    f"{path}: has the MD5 that dvc.lock records, and is not what the gates judged: "
                    f"its SHA-256 is not the one in {RECORDED.as_posix()}; remove it, and have it "
                    "pushed again from where it was made"
                )
