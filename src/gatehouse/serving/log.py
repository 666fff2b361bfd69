"""The inference log: what was predicted, as rotated JSON lines, through BentoML's monitoring.

A thread of its own writes, behind a queue that has an end: a disk that is full, slow or gone
costs rows of the log, which a metric counts, and never a prediction.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bentoml.monitoring import MonitorBase

from gatehouse.contract import Column, Contract, Role
from gatehouse.serving import metrics
from gatehouse.serving.lines import RotatingLines

FILE = "predictions.jsonl"
UNLISTED = "(unlisted)"
"""Stands for a category that the contract does not list: such text is the client's own."""

_OWN = "gatehouse."
_PREDICTION = ("prediction", "categorical")

logger = logging.getLogger(__name__)


def logged_columns(contract: Contract) -> dict[str, Column]:
    """Columns that may be logged: what the model is fed, but no protected attribute."""
    return {
        name: column
        for name, column in contract.inputs.items()
        if column.role is not Role.PROTECTED
    }


class InferenceLog:
    """Writes each prediction with the columns that may be logged."""

    def __init__(
        self, folder: Path, contract: Contract, model: str, max_bytes: int, files: int
    ) -> None:
        self._columns = logged_columns(contract)
        self._model = model
        self._file = RotatingLines(folder / FILE, max_bytes, files)
        # By hand, and not by `with bentoml.monitor(…)`, which looks its arguments up for 40 µs.
        self._monitor = _Monitor(FILE, self._file)

    def write(
        self,
        request_id: str,
        rows: Sequence[dict[str, Any]],
        probabilities: Sequence[float],
        decisions: Sequence[str],
    ) -> None:
        """Hand the rows of one request to the writing thread; never raises."""
        monitor = self._monitor
        try:
            monitor.start_record()  # type: ignore[no-untyped-call]
            for name, column in self._columns.items():
                kind = "numerical" if column.is_numeric else "categorical"
                logged = [_logged(row[name], column) for row in rows]
                monitor.log_batch(logged, name, "feature", kind)
            own = {"request_id": request_id, "model": self._model}
            for name, value in own.items():
                monitor.log_batch([value] * len(rows), _OWN + name, *_PREDICTION)
            monitor.log_batch(probabilities, _OWN + "probability", "prediction", "numerical")
            monitor.log_batch(decisions, _OWN + "decision", *_PREDICTION)
            monitor.stop_record()
        except Exception:
            metrics.LOG_LOST.labels("error").inc(len(rows))
            logger.exception("the inference log lost %d rows", len(rows))

    def close(self) -> None:
        """Write what waits, and stop."""
        self._file.close()


def _logged(value: Any, column: Column) -> Any:
    listed = column.categories is None or value is None or value in column.categories
    return value if listed else UNLISTED


class _Monitor(MonitorBase[Any]):
    """What BentoML's monitoring writes with: a JSON object for each row."""

    def __init__(self, name: str, file: RotatingLines) -> None:
        super().__init__(name)
        self._file = file

    def export_schema(self, columns_schema: dict[str, dict[str, str]]) -> None:
        """The contract is the schema."""

    def export_data(self, datas: dict[str, deque[Any]]) -> None:
        """Write the rows of one request."""
        time = datetime.now(UTC).isoformat()
        own = {name: name.removeprefix(_OWN) for name in datas if name.startswith(_OWN)}
        lines = []
        for values in zip(*datas.values(), strict=True):
            row = dict(zip(datas, values, strict=True))
            line = {"time": time} | {told: row.pop(name) for name, told in own.items()}
            lines.append(json.dumps(line | {"row": row}, ensure_ascii=False) + "\n")
        self._file.write(lines)
