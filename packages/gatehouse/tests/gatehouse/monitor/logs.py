"""Inference logs made of rows, as the service writes them."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gatehouse.contract import Contract, parse_contract
from gatehouse.digest import file_digest
from gatehouse.model import score
from gatehouse.monitor.scan import Span
from gatehouse.workspace import Workspace
from tests.gatehouse.tiny import CONTRACT

END = datetime(2026, 3, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
MODEL = "sha256:" + "a" * 64
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def contract() -> Contract:
    return parse_contract(CONTRACT, "contract.yaml")


def span(window: timedelta = WEEK, windows: int = 8) -> Span:
    return Span(END, window, windows)


def record(
    number: int = 0, before: timedelta = timedelta(hours=1), **changes: Any
) -> dict[str, Any]:
    """A record that was made `before` the end; `changes` replace its keys."""
    told = {
        "time": (END - before).isoformat(),
        "request_id": f"request-{number}",
        "index": 0,
        "model": MODEL,
        "probability": 0.25,
        "decision": "no",
        "row": {"age": 30.0 + number % 50, "job": ("nurse", "cook", None)[number % 3]},
    }
    return told | changes


def line(number: int = 0, **changes: Any) -> bytes:
    return json.dumps(record(number, **changes), ensure_ascii=False).encode()


def few(count: int = 5, **changes: Any) -> bytes:
    """Lines of a small log."""
    return b"".join(line(number, **changes) + b"\n" for number in range(count))


def write_bytes(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def parquet(path: Path, records: list[dict[str, Any]], time: pa.DataType | None = None) -> Path:
    """Records as Parquet; `time` is text or, as told, a timestamp."""
    table = pa.Table.from_pylist(records)
    if time is not None:
        moments = pa.array([datetime.fromisoformat(each["time"]) for each in records], time)
        table = table.set_column(table.column_names.index("time"), "time", moments)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def predictions(
    workspace: Workspace, rows: pd.DataFrame, end: datetime = END, days: float = 7.0
) -> pd.DataFrame:
    """Records of rows that are asked for one by one, evenly over the days before `end`."""
    contract, model = workspace.contract, workspace.model
    outputs = model.outputs(rows)
    said: dict[str, Any] = {"prediction": outputs[:, 0]}
    if contract.classes:
        decided = np.asarray(contract.classes, object)[model.decisions(outputs)]
        said = {"probability": score(outputs, contract.task), "decision": decided}
    start = end - timedelta(days=days)
    steps = pd.to_timedelta(np.arange(len(rows)) * (days * 86_400 / len(rows)), unit="s")
    held = rows[list(contract.logged)].astype(object)
    return pd.DataFrame(
        {
            "time": [each.isoformat() for each in (pd.Timestamp(start) + steps).round("us")],
            "request_id": [f"{start:%m%d%H%M}-{number}" for number in range(len(rows))],
            "index": 0,
            "model": file_digest(model.path),
            **said,
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
