"""A uniform random sample of distinct records in bounded memory.

Bottom-k sampling (Cohen, Kaplan 2007): the records with the k smallest hashes are kept. The sample
does not depend on the order of records, a repeated record counts as one, samples of several streams
can be merged, and the counts of the kept records show how many records repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
_LARGEST = np.uint64(2**64 - 1)


@dataclass
class Sample:
    """At most `size` records with the smallest hashes."""

    size: int
    seen: int = 0
    """Number of records added, including repeated ones."""
    _tables: list[pa.Table] = field(default_factory=list)
    _hashes: list[Hashes] = field(default_factory=list)
    _times: list[NDArray[np.int64]] = field(default_factory=list)
    _held: int = 0
    _settled: bool = True
    _below: np.uint64 = _LARGEST
    """Larger hashes are not among the smallest."""

    def add(self, table: pa.Table, hashes: Hashes) -> None:
        """Add records; `hashes` has shape [N]."""
        self.seen += len(hashes)
        kept = hashes <= self._below
        if not kept.all():
            table, hashes = table.filter(pa.array(kept)), hashes[kept]
        if len(hashes):
            self._keep(table, hashes, np.ones(len(hashes), np.int64))

    def _keep(self, table: pa.Table, hashes: Hashes, times: NDArray[np.int64]) -> None:
        self._tables.append(table)
        self._hashes.append(hashes)
        self._times.append(times)
        self._held += len(hashes)
        self._settled = False
        if self._held > 2 * self.size:
            self._settle()

    def _settle(self) -> None:
        """Drop all but the smallest hashes; count repeated records."""
        if self._settled:
            return
        table = pa.concat_tables(self._tables)
        hashes, first, which = np.unique(
            np.concatenate(self._hashes), return_index=True, return_inverse=True
        )
        times = np.bincount(which, weights=np.concatenate(self._times)).astype(np.int64)
        hashes, first, times = hashes[: self.size], first[: self.size], times[: self.size]
        if len(hashes) == self.size:
            self._below = hashes[-1]
        self._tables = [table.take(pa.array(first)).combine_chunks()]
        self._hashes, self._times, self._held = [hashes], [times], len(hashes)
        self._settled = True

    @property
    def table(self) -> pa.Table:
        """Return the sampled records, in the order of their hashes.

        Raises:
            ValueError: no records were added.
        """
        self._settle()
        if not self._tables:
            raise ValueError("no record was given")
        return self._tables[0]

    @property
    def hashes(self) -> Hashes:
        self._settle()
        return self._hashes[0] if self._hashes else np.empty(0, np.uint64)

    @property
    def rows(self) -> int:
        """Return the number of distinct records: exact without repetition, else estimated."""
        self._settle()
        times = self._times[0].sum() if self._times else 0
        return round(self.seen * self._held / times) if times else 0


def merged(samples: list[Sample]) -> Sample:
    """Merge samples of one size into a sample of all their records."""
    if len(samples) == 1:
        return samples[0]
    whole = Sample(samples[0].size)
    whole._below = min(sample._below for sample in samples)
    for sample in samples:
        sample._settle()
        whole.seen += sample.seen
        if sample._held:
            kept = sample._hashes[0] <= whole._below
            table = sample._tables[0].filter(pa.array(kept))
            whole._keep(table, sample._hashes[0][kept], sample._times[0][kept])
    return whole
