"""SHA-256 digests of the judged data and models, which `dvc.lock` identifies only by MD5.

Anyone can make two files with the same MD5, so an MD5 only says where a file is. The gates record
the bytes that they judged in `reports/digests.json`, and whoever fetches the files compares them
with it.
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
    """Return the SHA-256 of each file of the outputs `outs`, by path, or None if not recorded.

    A record of other outputs is outdated: since then, a fork's branch was merged, which the gates
    cannot write to. An unreadable record is treated as missing.

    Args:
        text: of `reports/digests.json`, if there is one.
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
    """Refuse outputs in `folder` that include a file other than the judged one.

    Raises:
        GatehouseError: with the file's name.
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
