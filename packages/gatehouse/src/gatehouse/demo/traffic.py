"""Callers of the service: rows sent over HTTP, and their true values as later labels."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gatehouse.contract import Contract
from gatehouse.digest import SPLITS
from gatehouse.errors import GatehouseError
from gatehouse.workspace import Workspace

BATCH = 500
_CALLERS = 4


def callers_rows(workspace: Workspace, rows: int, seed: int) -> pd.DataFrame:
    """Return rows as callers would send them: from all splits, repeatedly if there are few."""
    whole = all_rows(workspace)
    return whole.sample(rows, replace=rows > len(whole), random_state=seed).reset_index(drop=True)


def all_rows(workspace: Workspace) -> pd.DataFrame:
    """Return the rows of all splits."""
    return pd.concat([workspace.split(name) for name in SPLITS], ignore_index=True)


def moved(frame: pd.DataFrame, contract: Contract, size: float) -> pd.DataFrame:
    """Shift every numeric input by `size` standard deviations, within its range."""
    result = frame.copy()
    for name, column in contract.inputs.items():
        if column.is_numeric:
            values = frame[name].astype(float)
            values = values + size * values.std()
            if column.range is not None:
                values = values.clip(*column.range)
            if column.kind.whole:
                values = values.round()
            result[name] = values.astype(frame[name].dtype) if values.notna().all() else values
    return result


def ask(port: int, frame: pd.DataFrame, contract: Contract, name: str) -> pd.DataFrame:
    """Request predictions of rows in batches, from several callers at once.

    Returns:
        The true values of the rows, as labels for `gatehouse monitor`.

    Raises:
        GatehouseError: a request was not answered with predictions.
    """
    batches = [frame.iloc[start : start + BATCH] for start in range(0, len(frame), BATCH)]
    named = [(f"{name}-{number}", batch) for number, batch in enumerate(batches)]
    with ThreadPoolExecutor(_CALLERS) as pool:
        for _ in pool.map(lambda each: _ask(port, each[0], _bodies(each[1], contract)), named):
            pass
    held = [contract.target, *contract.protected]
    labels = [
        batch[held].reset_index(drop=True).assign(request_id=request, index=np.arange(len(batch)))
        for request, batch in named
    ]
    return pd.concat(labels, ignore_index=True)


def _bodies(batch: pd.DataFrame, contract: Contract) -> list[dict[str, Any]]:
    columns: dict[str, list[Any]] = {}
    for name, column in contract.inputs.items():
        values = batch[name].astype(object).where(batch[name].notna(), None).tolist()
        whole = column.kind.whole
        columns[name] = [int(v) if whole and v is not None else v for v in values]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _ask(port: int, request: str, rows: list[dict[str, Any]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Content-Type": "application/json", "X-Request-ID": request}
        connection.request("POST", "/predict", json.dumps(rows, default=str), headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise GatehouseError(f"the service answered {answer.status}: {body[:300].decode()}")


def logged(folder: Path, rows: int) -> bool:
    """Return whether the service has written that many rows to its log."""
    return sum(1 for _ in _lines(folder)) >= rows


def _lines(folder: Path) -> Iterator[bytes]:
    for path in folder.glob("predictions.jsonl*"):
        with path.open("rb") as stream:
            yield from stream
