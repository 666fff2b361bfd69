"""The Bento of a judged commit, the same bytes each time."""

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
    """Build what the commit's `bentofile.yaml` describes into the new `folder`.

    Raises:
        GatehouseError: BentoML could not build it.
    """
    store = folder.with_name("bentoml")
    try:
        run(
            # -P: the commit's folder is no place to import from, but for its src.
            [sys.executable, "-P", "-m", "bentoml", "build", "--version", judged.commit[:12]],
            f"build the Bento of {BENTOFILE}",
            root=judged.folder,
            BENTOML_HOME=str(store.resolve()),
            # The commit's own code, not the installed one.
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
    """Let a Bento say that it was made when its commit was."""
    made = datetime.fromtimestamp(time, UTC).isoformat()
    text, count = re.subn(
        r"^creation_time: .*$", f"creation_time: '{made}'", read_text(path), flags=re.MULTILINE
    )
    if count != 1:
        raise GatehouseError(f"{path}: has {count} lines with creation_time; did BentoML change?")
    write_text(path, text)
