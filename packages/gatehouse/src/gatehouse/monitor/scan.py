"""One pass over the inference log that sorts records into time windows and models.

Windows are counted back from the end: 0 is the newest. Memory holds only a sample of each window.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.monitor import log_files, log_records, logged
from gatehouse.monitor.labels import Labels, identity
from gatehouse.monitor.sample import Sample
from gatehouse.policy import show_span
from gatehouse.remote import shown
from gatehouse.rows import row_hashes

_PARTS = 10
"""Number of parts of a window that are used to identify the newest model."""
_KEPT_ASIDE = 1000
_BYTES_ASIDE = 16 * 2**20
_GIVEN_UP = 10_000
_BLOCKS_GIVEN_UP = 4
"""Broken lines, or blocks of only such lines, after which a file without a record is not a log."""
_MODELS = 1000
"""Maximum number of models; a service that changes its model every hour has fewer in five weeks."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
PLACE = "label"
"""Name of the column with the row number of a record's label."""


@dataclass(frozen=True)
class Span:
    """Windows of equal length that end at `until`."""

    until: datetime
    window: timedelta
    windows: int

    def __post_init__(self) -> None:
        """Refuse windows beyond the range of dates."""
        try:
            _ = self.start(self.windows - 1)
        except OverflowError:
            raise GatehouseError(
                f"{self.windows} windows of {show_span(self.window)} that end at "
                f"{self.until:%Y-%m-%d} begin before any date; choose a later --until, or a "
                "shorter window"
            ) from None

    def start(self, number: int) -> datetime:
        return self.until - (number + 1) * self.window

    def end(self, number: int) -> datetime:
        return self.until - number * self.window


@dataclass
class Scan:
    """The log's content, by window and model."""

    span: Span
    size: int
    """Rows kept of each window."""
    windows: dict[tuple[int, str], Sample] = field(default_factory=dict)
    labelled: dict[tuple[int, str], Sample] = field(default_factory=dict)
    """The records of `windows` that have a label; the column `PLACE` refers to it."""
    broken: int = 0
    torn: int = 0
    """Broken lines between records of the newest window."""
    unfit: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Records whose row is of another contract, or broken, by window and model."""
    aside: list[bytes] = field(default_factory=list)
    read: int = 0
    outside: int = 0
    late: int = 0
    newest: datetime | None = None
    _models: set[str] = field(default_factory=set)
    _aside: int = 0
    """Number of bytes kept aside."""
    _latest: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def model(self) -> str:
        """Return the currently served model: the most frequent one among the newest records.

        Raises:
            GatehouseError: no window has a record.
        """
        if not self._latest:
            start, end = self.span.start(self.span.windows - 1), self.span.until
            newest = f"; the newest is of {self.newest:%Y-%m-%d %H:%M}" if self.newest else ""
            raise GatehouseError(
                f"the log has no record from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
                f"{newest}. Is the service logging, and is this its log? --until looks at another "
                "time"
            )
        counts = self._latest[min(self._latest)]
        return max(counts, key=lambda model: (counts[model], model))

    def check_broken(self, name: str) -> None:
        """Refuse a log that is mostly broken.

        Raises:
            GatehouseError: it has more broken lines than records.
        """
        read = self.read + self.unfit.total()
        newest = sum(sample.seen for (number, _), sample in self.windows.items() if not number)
        newest += sum(count for (number, _), count in self.unfit.items() if not number)
        if self.broken > read or self.torn > newest:
            raise GatehouseError(
                f"{name}: {self.broken:,} lines are not records ({self.torn:,} of the newest) and "
                f"only {read:,} ({newest:,}) are; the rest of such a log proves nothing"
            )

    def check_fits(self, model: str, name: str) -> None:
        """Refuse a model's records if most of them do not fit its own contract.

        Raises:
            GatehouseError: most of them do not fit in the newest window.
        """
        unfit, fit = self.unfit[0, model], self.of(0, model).seen
        if unfit > fit:
            raise GatehouseError(
                f"{name}: of {model}'s records in the newest window {unfit:,} hold a row that is "
                f"not one of its contract, and {fit:,} one that is; is it another service's log?"
            )

    def of(self, number: int, model: str) -> Sample:
        """Return the sample of a window, which is empty if it has no record."""
        return self.windows.get((number, model)) or Sample(self.size)

    def others(self, model: str) -> int:
        fit = sum(sample.seen for (_, name), sample in self.windows.items() if name != model)
        return fit + sum(count for (_, name), count in self.unfit.items() if name != model)

    @property
    def silent(self) -> timedelta:
        """Return the time from the newest record to the end of the newest window."""
        return min(self._latest, default=0) * (self.span.window / _PARTS)

    def add(self, batch: log_records.Batch, labels: Labels | None, latest: int) -> int:
        """Sort records in; `latest` and the result are the newest window of the file so far."""
        table = batch.table
        broken = len(batch.broken) - batch.unfit.num_rows
        self.broken += broken
        self._keep_aside(batch.broken)
        self.read += table.num_rows
        newest = self._add_unfit(batch.unfit)
        if not table.num_rows:
            self.torn += broken if min(newest, latest) == 0 else 0
            return latest
        number = self._numbers(table)
        stood = number[number >= 0].min(initial=newest)
        self.torn += broken if stood == 0 else 0
        inside = (number >= 0) & (number < self.span.windows)
        self.outside += int((~inside).sum())
        table, number = table.filter(pa.array(inside)), number[inside]
        highest = np.minimum.accumulate(np.concatenate([[latest], number]))
        self.late += int((number > highest[:-1]).sum())
        if len(number):
            self._sort(table, number, labels)
        return int(highest[-1])

    def _add_unfit(self, table: pa.Table) -> int:
        """Count records of another contract; return the newest window with one of them."""
        if not table.num_rows:
            return self.span.windows
        number, models = self._numbers(table), np.array(table["model"].to_pylist(), object)
        inside = (number >= 0) & (number < self.span.windows)
        for model in set(models[inside]):
            chosen = inside & (models == model)
            self._count(table, chosen, model)
            for window, count in zip(*np.unique(number[chosen], return_counts=True), strict=True):
                self.unfit[int(window), model] += int(count)
        return int(number[inside].min(initial=self.span.windows))

    def _keep_aside(self, broken: list[bytes]) -> None:
        for line in broken[: _KEPT_ASIDE - len(self.aside)]:
            if self._aside + len(line) <= _BYTES_ASIDE:
                self._aside += len(line)
                self.aside.append(line)

    def _numbers(self, table: pa.Table) -> NDArray[np.int64]:
        moments = table["time"].cast(pa.int64()).to_numpy()
        newest = _EPOCH + int(moments.max()) * _TICK
        self.newest = max(newest, self.newest) if self.newest else newest
        return np.asarray(self._before(moments) // (self.span.window // _TICK), np.int64)

    def _before(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return microseconds before the end of the newest window; negative after it."""
        return (self.span.until - _EPOCH) // _TICK - 1 - moments

    def _sort(self, table: pa.Table, number: NDArray[np.int64], labels: Labels | None) -> None:
        hashes = row_hashes(
            table.select(["time", "request_id", "index"])
            .set_column(0, "time", table["time"].cast(pa.int64()))
            .to_pandas()
        )
        places = labels.places(identity(table)) if labels else None
        models = table["model"].combine_chunks().dictionary_encode()
        self._models.update(models.dictionary.to_pylist())
        if len(self._models) > _MODELS:
            raise GatehouseError(
                f"the log names more than {_MODELS:,} models from "
                f"{self.span.start(self.span.windows - 1):%Y-%m-%d %H:%M} to "
                f"{self.span.until:%Y-%m-%d %H:%M} UTC; is it of one service?"
            )
        codes = models.indices.to_numpy()
        for code, model in enumerate(models.dictionary.to_pylist()):
            of_model = codes == code
            self._count(table, of_model, model)
            for window in np.unique(number[of_model]).tolist():
                chosen = of_model & (number == window)
                key = (window, model)
                part = table if chosen.all() else table.filter(pa.array(chosen))
                self.windows.setdefault(key, Sample(self.size)).add(part, hashes[chosen])
                if places is not None:
                    known = chosen & (places >= 0)
                    part = table.append_column(PLACE, pa.array(places)).filter(pa.array(known))
                    self.labelled.setdefault(key, Sample(self.size)).add(part, hashes[known])

    def _count(self, table: pa.Table, chosen: NDArray[np.bool_], model: str) -> None:
        moments = table["time"].cast(pa.int64()).to_numpy()[chosen]
        part = self.span.window // _TICK // _PARTS
        parts, counts = np.unique(self._before(moments) // part, return_counts=True)
        for place, count in zip(parts.tolist(), counts.tolist(), strict=True):
            self._latest[place][model] += count


def scan(url: str, contract: Contract, span: Span, size: int, labels: Labels | None = None) -> Scan:
    """Read the log at a path or URL.

    Raises:
        GatehouseError: it can't be read, or the log or one of its large files contains no record.
    """
    from tqdm import tqdm

    result, done = Scan(span, size), set[str]()
    with tqdm(unit="B", unit_scale=True, desc="log", disable=None) as bar:
        # A rotation meanwhile renames the oldest file to a name that did not exist before.
        while found := [file for file in log_files.find(url) if file.path not in done]:
            for file in found:
                done.add(file.path)
                _read(file, contract, result, labels, bar.update)
    if not result.read + result.unfit.total():
        _check_any(result.broken, shown(url), contract)
    return result


def _read(
    file: log_files.File,
    contract: Contract,
    result: Scan,
    labels: Labels | None,
    advance: Callable[[int], object],
) -> None:
    before, broken, latest = result.read + result.unfit.total(), result.broken, result.span.windows
    for blocks, batch in enumerate(log_records.read(file, contract, advance), 1):
        latest = result.add(batch, labels, latest)
        torn, read = result.broken - broken, result.read + result.unfit.total()
        if read == before and (torn > _GIVEN_UP or blocks >= _BLOCKS_GIVEN_UP):
            _check_any(torn, file.name, contract)


def _check_any(broken: int, name: str, contract: Contract) -> None:
    if broken:
        keys = ", ".join(logged.names(contract.task))
        raise GatehouseError(
            f"{name}: none of its first {broken:,} lines is a record of an inference log that fits "
            f"the contract: time, request_id, index, model, {keys}, row"
        )


def keep_aside(lines_: list[bytes], path: Path) -> None:
    """Store unreadable lines as they are, replacing earlier ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines_))
