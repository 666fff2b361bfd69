"""The Bento of a judged commit, reproducible byte for byte."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.places import code_path
from gatehouse.release.judge_commit import JudgedCommit
from gatehouse.release.tools import run
from gatehouse.run import NO_TELEMETRY
from gatehouse.typed import read_text, write_text

BENTOFILE = Path("bentofile.yaml")


def build_bento(judged: JudgedCommit, folder: Path) -> None:
    """Build the Bento of the commit's `bentofile.yaml` into the new `folder`.

    Raises:
        GatehouseError: BentoML could not build it.
    """
    store = folder.with_name("bentoml")
    try:
        run(
            # -P: import nothing from the commit's folder, except from its src.
            [sys.executable, "-P", "-m", "bentoml", "build", "--version", judged.commit[:12]],
            f"build the Bento of {BENTOFILE}",
            root=judged.folder,
            BENTOML_HOME=str(store.resolve()),
            # The commit's own code, not the installed code.
            PYTHONPATH=code_path(judged.folder),
            **NO_TELEMETRY,
        )
        (built,) = store.glob(f"bentos/*/{judged.commit[:12]}")
        shutil.copytree(built, folder)
    finally:
        shutil.rmtree(store, ignore_errors=True)
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    _fix_time(folder / "bento.yaml", judged.time)


def _fix_time(path: Path, time: int) -> None:
    """Set the creation time of a Bento to the commit's."""
    made = datetime.fromtimestamp(time, UTC).isoformat()
    text, count = re.subn(
        r"^creation_time: .*$", f"creation_time: '{made}'", read_text(path), flags=re.MULTILINE
    )
    if count != 1:
        raise GatehouseError(f"{path}: has {count} lines with creation_time; did BentoML change?")
    write_text(path, text)
