"""Small tables for tests of `gatehouse init`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gatehouse.adopt.questions import Questions
from gatehouse.adopt.scan import Scan, scan
from gatehouse.adopt.table import open_table
from gatehouse.adopt.target import Target, find_target
from tests.gatehouse.adopt.shapes import plain

CSV = plain(120).to_csv(index=False)


def written(folder: Path, content: str | bytes, name: str = "rows.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def seen(folder: Path, frame: pd.DataFrame, target: str = "bought") -> Scan:
    path = written(folder, frame.to_csv(index=False))
    return scan(open_table(Path(path), path), target)


def bought(found: Scan) -> Target:
    return find_target(found, "bought", None, None, Questions(interactive=False))
