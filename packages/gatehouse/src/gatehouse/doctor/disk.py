"""Disk space for data, models and packages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from gatehouse.doctor.finding import Area, Finding

AREA = Area("disk")
LEAST, ENOUGH = 1, 5
"""GB: `make setup` takes about 2 with torch's CPU build, and about 8 with CUDA's."""


def check_disk(root: Path) -> Iterator[Finding]:
    """Check the free disk space at the repository's location."""
    free = shutil.disk_usage(root).free / 1e9
    message = f"{free:.1f} GB are free"
    clean = "make room: `dvc gc --workspace` drops old versions of data, `make clean` caches"
    if free < LEAST:
        yield AREA.problem(message, clean)
    elif free < ENOUGH:
        yield AREA.warning(message, clean)
    else:
        yield AREA.fine(message)
