"""`gatehouse data add`: make a file of rows the data that the pipeline reads.

The order of the steps preserves the existing data until the last moment: rows are checked, written,
tracked by DVC, and only then named in `params.yaml`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.contract import Contract, load_contract
from gatehouse.digest import dvc_md5, file_digest
from gatehouse.errors import GatehouseError
from gatehouse.git import environment
from gatehouse.objects.record import read_tracked
from gatehouse.params import set_values
from gatehouse.places import PARAMS
from gatehouse.run import NO_TELEMETRY
from gatehouse.snapshot.check import check
from gatehouse.table import write_table
from gatehouse.typed import read_text, validate

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.gates.data.measure import Result
    from gatehouse.pipeline.sources.file import FileSettings
    from gatehouse.snapshot.join import Joined

FOLDER = Path("data/snapshots")

_WORK = Path(".gatehouse")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Added:
    """The snapshot that `params.yaml` now names.

    Attributes:
        path: of its rows.
        rows: number of rows.
        before: number of rows of the data that `params.yaml` named before; None if unknown.
        known: whether the snapshot already existed.
        joined: the result of joining the rows; None without `append`.
        warnings: non-critical expectations that the rows break.
        settings: changes to `params.yaml`, as text.
    """

    path: Path
    rows: int
    before: int | None
    known: bool
    joined: Joined | None
    warnings: list[Result]
    settings: list[str]

    @property
    def tracked_by(self) -> Path:
        """The file by which DVC tracks it, for Git."""
        return _tracked_by(self.path)


def add(place: str, *, name: str | None = None, append: bool = False) -> Added:
    """Make the rows at `place` a snapshot, and the data that the pipeline reads.

    Args:
        place: path or URL of a CSV or Parquet file with the contract's columns.
        name: of the snapshot; by default today's date (UTC) and a digest of its content.
        append: add the rows to those that `params.yaml` currently names.

    Raises:
        RejectedError: the rows break the contract critically.
        GatehouseError: the file is missing or unreadable, the name is taken or invalid, or DVC
            refused. With either error, data and settings are unchanged.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise GatehouseError(
            f"'{name}' is not a name for a snapshot; write letters, digits, dots, - and _, such as "
            "2026-11-customers"
        )
    contract = load_contract()
    source = _source(place)
    present = _present(contract) if append else None
    frame = _rows(source, contract)
    warnings = check(frame, contract)
    joined, before = None, _rows_before()
    if present is not None:
        from gatehouse.pipeline.ingest import typed
        from gatehouse.snapshot.join import join

        joined, before = join(present, frame, contract), len(present)
        frame = typed(joined.rows, contract)
        warnings = check(frame, contract)
    path, known, sha256 = _store(frame, name)
    settings = set_values(
        {
            "data.source": "file",
            "data.file.path": path.as_posix(),
            "data.file.url": None,
            "data.file.sha256": sha256,
        }
    )
    return Added(path, len(frame), before, known, joined, warnings, settings)


def _source(place: str) -> FileSettings:
    from gatehouse.pipeline.settings import load_settings
    from gatehouse.pipeline.sources.file import FORMATS, FileSettings
    from gatehouse.remote import check_url

    is_url, name = "://" in place, place
    if is_url:
        name = check_url(place)
    elif not Path(place).is_file():
        raise GatehouseError(f"{place}: there is no such file; name a file here, or a URL")
    named = load_settings().data.file.model_dump(
        include={"separator", "encoding", "decimal", "missing", "unlabelled"}
    )
    settings = validate(FileSettings, {"url" if is_url else "path": place, **named}, name)
    if settings.format is None:
        raise GatehouseError(f"{name}: its name must end with {', '.join(FORMATS)}")
    return settings


def _present(contract: Contract) -> pd.DataFrame:
    """Return the rows that `params.yaml` currently names."""
    from gatehouse.pipeline.settings import load_settings
    from gatehouse.source import check_source

    data = load_settings().data
    if data.source != "file":
        raise GatehouseError(
            f"{PARAMS}: data.source is {data.source}, so there is no file to append to; "
            "leave --append out"
        )
    check_source()
    return _rows(data.file, contract)


def _rows(source: FileSettings, contract: Contract) -> pd.DataFrame:
    """Return the rows as the stage `ingest` reads them."""
    from gatehouse.pipeline.file_source import load
    from gatehouse.pipeline.ingest import typed

    return typed(load(source, contract), contract)


def _rows_before() -> int | None:
    """Return the number of rows in an existing snapshot, from the file's metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    from gatehouse.pipeline.settings import load_settings

    data = load_settings().data
    if data.source != "file" or data.file.format != ".parquet" or data.file.url is not None:
        return None
    try:
        return int(parquet.read_metadata(data.file.path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def _store(frame: pd.DataFrame, name: str | None) -> tuple[Path, bool, str]:
    """Write the rows and track them with DVC.

    Returns:
        The path, whether the snapshot already existed, and its SHA-256.
    """
    _WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_WORK, prefix="snapshot-") as folder:
        part = Path(folder) / "rows.parquet"
        write_table(frame, part)
        sha256 = file_digest(part).removeprefix("sha256:")
        known = _known(dvc_md5(part))
        today = datetime.now(UTC).date().isoformat()
        path = known or FOLDER / f"{name or f'{today}-{sha256[:12]}'}.parquet"
        if known is None and _tracked_by(path).exists():
            raise GatehouseError(
                f"{path}: is a snapshot with other rows already; choose another --name"
            )
        FOLDER.mkdir(parents=True, exist_ok=True)
        part.replace(path)
    _track(path, new=known is None)
    return path, known is not None, sha256


def _known(md5: str) -> Path | None:
    """Return the snapshot with this MD5 by DVC's files, even if its rows are not here."""
    for file in sorted(FOLDER.glob("*.parquet.dvc")):
        try:
            tracked = read_tracked(read_text(file), file.as_posix())
        except GatehouseError:
            continue  # not ours; its own reader reports it
        if tracked.md5 == md5:
            return Path(tracked.path)
    return None


def _tracked_by(path: Path) -> Path:
    return path.with_name(path.name + ".dvc")


def _track(path: Path, *, new: bool) -> None:
    """Run `dvc add`; delete new files if they can't be tracked."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "--quiet", path.as_posix()],
        env=environment() | NO_TELEMETRY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        if new:
            path.unlink()
            _tracked_by(path).unlink(missing_ok=True)
        reason = " ".join(done.stderr.split()) or f"dvc ended with {done.returncode}"
        raise GatehouseError(f"{path}: DVC cannot track it ({reason[:500]})")
