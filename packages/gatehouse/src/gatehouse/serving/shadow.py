"""A second model that scores the first one's requests, for the inference log only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Any

from gatehouse.contract import Column, Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.serving import metrics
from gatehouse.serving.served import Row, Served

AT_ONCE = 256
"""Rows scored in one batch, before checking whether there is time for more."""

_LOOK = 0.01
"""Seconds between two checks whether to stop waiting."""

logger = logging.getLogger(__name__)


@dataclass
class _Batch:
    """Rows to be scored, until nobody waits for them any more."""

    rows: Sequence[Row]
    scores: list[dict[str, Any] | None] = field(default_factory=list)
    given_up: bool = False
    done: Event = field(default_factory=Event)


class Shadow:
    """Score rows in a separate thread: a graph that hangs cannot be stopped, only abandoned."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._batches: SimpleQueue[_Batch] = SimpleQueue()
        self._last: _Batch | None = None
        self._logged = False
        Thread(target=self._work, name="shadow", daemon=True).start()

    def score(
        self, rows: Sequence[Row], seconds: float, pressed: Callable[[], bool]
    ) -> list[dict[str, Any] | None]:
        """Return the log's entry for each row, or None if it failed or was not done in time.

        Args:
            rows: rows that the served model's contract accepts.
            seconds: the maximum time to wait.
            pressed: returns whether to stop waiting before `seconds` have passed.
        """
        batch = _Batch(rows)
        # A thread that is still busy with earlier rows gets no more: they would pile up.
        if not pressed() and (self._last is None or self._last.done.is_set()):
            self._last = batch
            self._batches.put(batch)
            until = monotonic() + seconds
            while not batch.done.wait(_LOOK) and monotonic() < until and not pressed():
                pass
        batch.given_up = True
        scores = batch.scores[:]
        failed = scores.count(None)
        metrics.SHADOW.inc(len(scores) - failed)
        metrics.SHADOW_MISSED.labels("error").inc(failed)
        metrics.SHADOW_MISSED.labels("slow").inc(len(rows) - len(scores))
        own = {"model": self._served.digest}
        entries = [None if each is None else own | each for each in scores]
        return [*entries, *[None] * (len(rows) - len(scores))]

    def _work(self) -> None:
        while True:
            batch = self._batches.get()
            for start in range(0, len(batch.rows), AT_ONCE):
                if batch.given_up:
                    break
                batch.scores += self._scores(batch.rows[start : start + AT_ONCE])
            batch.done.set()

    def _scores(self, rows: Sequence[Row]) -> Sequence[dict[str, Any] | None]:
        try:
            return self._served.log_entries(self._served.outputs(rows))
        except Exception:
            if not self._logged:
                logger.exception("the shadow fails; logged once, counted each time")
            self._logged = True
            return [None] * len(rows)


def check_shadow(served: Contract, shadow: Contract, place: object) -> None:
    """Refuse a shadow that could not answer the served model's requests.

    Both must take the same columns, of the same types, and predict the same classes or the same
    number. The shadow's contract must accept everything that the served model's contract accepts:
    its ranges are at least as wide, it accepts missing values and unlisted categories where the
    other does, and it lists all of the other's categories.

    Raises:
        GatehouseError: with the columns.
    """
    problems = [*_columns(served, shadow)]
    if served.task is Task.REGRESSION is shadow.task and served.target != shadow.target:
        problems.append(f"it predicts '{shadow.target}', not '{served.target}'")
    if served.classes != shadow.classes:
        ours, theirs = (list(each.classes) or "a number" for each in (served, shadow))
        problems.append(f"classes are {theirs}, not {ours}")
    if problems:
        raise GatehouseError(
            f"{place}: cannot shadow the served model, because it cannot answer the same requests: "
            + "; ".join(problems)
        )


def _columns(served: Contract, shadow: Contract) -> Iterator[str]:
    ours, theirs = served.inputs, shadow.inputs
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if name not in theirs:
            yield f"it does not read '{name}'"
        elif name not in ours:
            yield f"it reads '{name}', which requests do not contain"
        elif (narrower := _narrower(ours[name], theirs[name])) is not None:
            yield f"'{name}' {narrower}"


def _narrower(ours: Column, theirs: Column) -> str | None:
    """Return which values of our column the other column does not accept, or None."""
    if ours.type != theirs.type:
        return f"is {theirs.type} there and {ours.type} here"
    if ours.missing and not theirs.missing:
        return "may not be missing there"
    return ours.kind.narrower(ours, theirs)
