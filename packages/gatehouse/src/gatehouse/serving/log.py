"""The inference log: predictions as rotated JSON lines, through BentoML's monitoring.

A separate thread makes and writes the lines, behind a bounded queue. A full, slow or missing disk
costs rows of the log, which a metric counts, but never a prediction.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from itertools import repeat
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, NamedTuple

from bentoml.monitoring import MonitorBase

from gatehouse.contract import UNLISTED, Column, Contract
from gatehouse.privacy.pseudonym import pseudonym
from gatehouse.serving import metrics
from gatehouse.serving.rotating_lines import RotatingLines
from gatehouse.serving.shadow import Shadow

FILE = "predictions.jsonl"
_WAITING = 10_000
"""Maximum number of rows that wait for the disk; rows of further requests are lost, and counted."""

_EVERY = 0.2
"""Seconds between two writes: waking a thread for each request would cost more than writing."""

_HANGS = 1.0
"""Seconds without a completed write after which nobody waits for the disk."""

_SHADOW = 0.2
"""Seconds that the rows of one write wait for the shadow."""

_OWN = ("time", "request_id", "index", "model")
_PREFIX = "gatehouse."
_JSON = json.JSONEncoder(ensure_ascii=False).encode

logger = logging.getLogger(__name__)


class Predicted(NamedTuple):
    """One request's rows and their predictions."""

    time: datetime
    request_id: str
    rows: Sequence[dict[str, Any]]
    entries: Sequence[dict[str, Any]]


class InferenceLog:
    """Writes each prediction with the columns that may be logged."""

    def __init__(
        self,
        file: RotatingLines,
        contract: Contract,
        model: str,
        secret: bytes | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        """Log to `file`.

        Args:
            file: opened at the first row, as the disk may be mounted later.
            contract: decides which columns may be logged.
            model: digest of the model that answers.
            secret: makes the pseudonym of the row's key, the contract's first key column; None logs
                no key.
            shadow: a model that also scores each row.
        """
        self._columns = contract.logged
        self._model = model
        self._key = contract.keys[0] if contract.keys else None
        self._secret = secret
        self._shadow = shadow
        self._file = file
        # Set up by hand: `with bentoml.monitor(…)` takes 40 µs to look up its arguments.
        self._monitor = _Monitor(FILE, self._file)
        self._waiting: deque[Predicted] = deque()
        self._rows = 0
        self._counting = Lock()
        self._wake, self._stop = Event(), Event()
        self._wrote = monotonic()
        self._thread = Thread(target=self._work, name="inference log", daemon=True)
        self._thread.start()

    def write(
        self, request_id: str, rows: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]]
    ) -> None:
        """Pass the rows of one request to the writing thread; drop them if too many are waiting.

        `entries` is the result of `Served.log_entries` for each row.
        """
        if self._rows >= _WAITING:
            metrics.LOG_LOST.labels("queue").inc(len(rows))
            return
        now = datetime.now(UTC)
        self._waiting.append(Predicted(now, request_id, rows, entries))
        with self._counting:
            self._rows += len(rows)
        if self._pressed():
            self._wake.set()

    async def room(self) -> None:
        """Wait until a late thread has caught up, unless the disk hangs."""
        while self._pressed() and monotonic() - self._wrote < _HANGS:
            await asyncio.sleep(0.005)

    def close(self) -> None:
        """Write the waiting rows, for at most a few seconds, and stop."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def _pressed(self) -> bool:
        """Return whether so many rows wait that large requests must wait, too."""
        return self._rows >= _WAITING // 2

    def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(_EVERY)
            self._wake.clear()
            self._write_waiting()
            self._wrote = monotonic()
        self._write_waiting()
        self._file.close()

    def _write_waiting(self) -> None:
        waiting: list[Predicted] = []
        while self._waiting:
            waiting.append(self._waiting.popleft())
        if not waiting:
            return
        count = sum(len(predicted.rows) for predicted in waiting)
        try:
            # BentoML's context variables must not survive a failure.
            copy_context().run(self._record, waiting)
        except Exception:
            metrics.LOG_LOST.labels("error").inc(count)
            logger.exception("the inference log lost %d rows", count)
        with self._counting:
            self._rows -= count

    def _record(self, waiting: Sequence[Predicted]) -> None:
        """Write all requests as one record, to pay BentoML's overhead only once."""
        monitor = self._monitor
        monitor.start_record()  # type: ignore[no-untyped-call]
        rows = [row for predicted in waiting for row in predicted.rows]
        for name, column in self._columns.items():
            kind = "numerical" if column.is_numeric else "categorical"
            monitor.log_batch([_logged(row[name], column) for row in rows], name, "feature", kind)
        own = [
            (time, predicted.request_id, index, self._model)
            for predicted in waiting
            for time in (predicted.time.isoformat(),)
            for index in range(len(predicted.rows))
        ]
        for name, values in zip(_OWN, zip(*own, strict=True), strict=True):
            monitor.log_batch(values, _PREFIX + name, "prediction", "categorical")
        entries = [entry for predicted in waiting for entry in predicted.entries]
        monitor.log_batch(entries, _PREFIX + "entry", "prediction", "categorical")
        if self._key is not None and self._secret is not None:
            keys = [_pseudonym(self._secret, row.get(self._key)) for row in rows]
            monitor.log_batch(keys, _PREFIX + "key", "prediction", "categorical")
        if self._shadow is not None:
            scored = self._shadow.score(rows, _SHADOW, self._pressed)
            monitor.log_batch(scored, _PREFIX + "shadow", "prediction", "categorical")
        monitor.stop_record()


def _logged(value: Any, column: Column) -> Any:
    listed = column.categories is None or value is None or value in column.categories
    return value if listed else UNLISTED


def _pseudonym(secret: bytes, key: Any) -> str | None:
    return None if key is None else pseudonym(secret, key)


class _Monitor(MonitorBase[Any]):
    """The writer for BentoML's monitoring: a JSON object for each row."""

    def __init__(self, name: str, file: RotatingLines) -> None:
        super().__init__(name)
        # The contract is the schema. Without a schema, BentoML collects one from the first record,
        # and warns about each of its rows after the first.
        self.columns_schema = {}
        self._file = file

    def export_data(self, datas: dict[str, deque[Any]]) -> None:
        """Write the rows of one record."""
        count = len(datas[_PREFIX + _OWN[0]])
        own = zip(*(datas.pop(_PREFIX + name) for name in _OWN), strict=True)
        entries = datas.pop(_PREFIX + "entry")
        none = deque([None] * count)
        keys, shadows = (datas.pop(_PREFIX + name, none) for name in ("key", "shadow"))
        # Without columns, zip would make no rows.
        logged = zip(*datas.values(), strict=True) if datas else repeat(())
        lines = []
        for about, entry, key, shadow, values in zip(
            own, entries, keys, shadows, logged, strict=bool(datas)
        ):
            line = dict(zip(_OWN, about, strict=True)) | entry
            if key is not None:
                line["key"] = key
            line["row"] = dict(zip(datas, values, strict=True))
            if shadow is not None:
                line["shadow"] = shadow
            lines.append(_JSON(line) + "\n")
        self._file.write(lines)
