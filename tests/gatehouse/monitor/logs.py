"""Inference logs made of rows, as the service writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from gatehouse.digest import file_digest
from gatehouse.workspace import Workspace

END = datetime(2026, 3, 30, tzinfo=UTC)


def predictions(
    workspace: Workspace, rows: pd.DataFrame, end: datetime = END, days: float = 7.0
) -> pd.DataFrame:
    """Records of rows that are asked for one by one, evenly over the days before `end`."""
    contract, model = workspace.contract, workspace.model
    scores = model.scores(rows)
    start = end - timedelta(days=days)
    steps = pd.to_timedelta(np.arange(len(rows)) * (days * 86_400 / len(rows)), unit="s")
    held = rows[list(contract.logged)].astype(object)
    return pd.DataFrame(
        {
            "time": [each.isoformat() for each in (pd.Timestamp(start) + steps).round("us")],
            "request_id": [f"{start:%m%d%H%M}-{number}" for number in range(len(rows))],
            "index": 0,
            "model": file_digest(model.path),
            "probability": scores,
            "decision": np.where(model.decisions(scores), *reversed(contract.classes)),
            "row": held.where(held.notna(), None).to_dict("records"),
        }
    )


def lines(records: pd.DataFrame) -> Iterator[str]:
    """JSON lines."""
    for record in records.to_dict("records"):
        yield json.dumps(record, default=_plain) + "\n"


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)


def write(path: Path, *parts: pd.DataFrame) -> Path:
    """A log file of records."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line for part in parts for line in lines(part)), "utf-8")
    return path


def labels(workspace: Workspace, records: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """What was true of the rows that `records` are of."""
    held = [workspace.contract.target, *workspace.contract.protected]
    told = rows[held].reset_index(drop=True)
    return pd.concat([records[["request_id", "index"]].reset_index(drop=True), told], axis=1)
