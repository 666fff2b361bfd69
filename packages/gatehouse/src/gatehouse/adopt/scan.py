"""Read a table once, and profile each of its columns.

All rows are read, block by block. For each column, memory holds value counts while there are few
distinct values, and 64-bit hashes while no value has been repeated. It also holds a bounded sample
of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from gatehouse.adopt.cells import without_missing
from gatehouse.adopt.profile import Kind, Profile
from gatehouse.adopt.standins import standins
from gatehouse.adopt.table import Table
from gatehouse.adopt.tally import Tally, share_of_copies
from gatehouse.pipeline.file_source import MISSING
from gatehouse.rows import row_hashes

SAMPLE_ROWS = 20_000
"""Number of rows for training the baseline; every row is equally likely to be sampled."""
_SAMPLE_CELLS = 4_000_000


@dataclass(frozen=True)
class Scan:
    """A profiled table.

    Attributes:
        rows: number of rows.
        profiles: of its columns, by name.
        sample: rows drawn at random as text, missing as NaN; the whole table if it is small.
        copies: share of rows that have an exact copy, ignoring row numbers.
        marks: texts that mean a missing value, besides those that always do.
    """

    rows: int
    profiles: dict[str, Profile]
    sample: pd.DataFrame
    copies: float
    marks: tuple[str, ...]

    def marked(self) -> dict[str, tuple[str, ...]]:
        """Return which columns contain which of these marks."""
        found = {p.name: tuple(mark for mark in self.marks if mark in p.marks)
                 for p in self.profiles.values()}  # fmt: skip
        return {name: marks for name, marks in found.items() if marks}


def scan(
    table: Table,
    target: str,
    seed: int = 0,
    marks: Sequence[str] = (),
    row_numbers: Collection[str] = (),
) -> Scan:
    """Read all rows of `table`, using 8 bytes of memory per row and otherwise bounded memory.

    A text such as "?" that is not a number in an otherwise numeric column means a missing value in
    all columns. So does a "?" among categories, and each of `marks`. Other classes of `target` are
    classes. `row_numbers` are columns known to number the rows.

    Raises:
        GatehouseError: the file is broken.
    """
    names = [name for name in table.columns if name not in table.unread]
    tallies = {name: Tally(table.dialect.decimal) for name in names}
    # The contract can't name the others, such as pandas' row numbers.
    named = [name for name in names if name.strip() and name not in row_numbers]
    kept = _Sample(min(SAMPLE_ROWS, max(1_000, _SAMPLE_CELLS // max(1, len(names)))), seed)
    rows, hashes = 0, []
    for block in table.blocks():
        rows += block.num_rows
        for name in names:
            tallies[name].add(block[name])
        hashes.append(row_hashes(block.select(named).to_pandas()))
        kept.add(block)
    meant = {*marks, *(mark for tally in tallies.values() for mark in tally.means_missing())}
    for name, tally in tallies.items():
        tally.settle(tally.means_missing() if name == target else meant)
    profiles = {
        name: tallies[name].profile(name, rows, time=name in table.times)
        if name in tallies
        else Profile(name, Kind.UNREAD, rows)
        for name in table.columns
    }
    plain = [name for name in named if not profiles[name].is_row_number]
    if plain != named:  # row numbers make every row distinct, whatever else it contains
        hashes = [row_hashes(block.select(plain).to_pandas()) for block in table.blocks()]
    sample = kept.frame(names)
    sample = sample.apply(lambda c: c.mask(c.isin(profiles[str(c.name)].marks)))
    for name, profile in profiles.items():
        if profile.is_numeric and (far := standins(sample[name], table.dialect.decimal)):
            profiles[name] = replace(profile, standins=far)
    return Scan(rows, profiles, sample, share_of_copies(hashes), tuple(sorted(meant - {*MISSING})))


class _Sample:
    """A uniform sample of rows: those with the smallest random keys."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.rng = size, np.random.default_rng(seed)
        self.parts: list[pa.Table] = []
        self.keys = np.empty(0)

    def add(self, block: pa.Table) -> None:
        keys = self.rng.random(block.num_rows)
        rows = pa.concat_tables([*self.parts, block])
        keys = np.concatenate([self.keys, keys])
        if len(keys) > self.size:
            chosen = np.sort(np.argpartition(keys, self.size)[: self.size])
            rows, keys = rows.take(pa.array(chosen)), keys[chosen]
        self.parts, self.keys = [rows], keys

    def frame(self, names: list[str]) -> pd.DataFrame:
        if not self.parts:
            return pd.DataFrame({name: pd.Series([], dtype="str") for name in names})
        frame = self.parts[0].to_pandas()
        return frame.astype("str").apply(without_missing)
