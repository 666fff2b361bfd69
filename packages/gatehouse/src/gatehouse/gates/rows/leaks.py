"""Leaks across the splits of a table: copies, groups and time.

These numbers are about the candidate's rows alone, so a leak that the base has too counts.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from gatehouse.evidence import Measurement
from gatehouse.ledger.compare import TEST
from gatehouse.splits.rule import LEFT_OUT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gatehouse.contract import Contract
    from gatehouse.ledger.ledger import Table

_KINDS = {
    "equal": "with equal graph inputs",
    "near": "with one graph input changed, or with all numbers in the same cells of a quarter of a "
    "standard deviation",
}


def leaks(table: Table, contract: Contract, seed: int) -> list[Measurement]:
    """Return the measurements of leaks between test and the other splits.

    `seed` gives the key of hashes and cells. A change cannot know it, and it is the same on every
    rerun.

    Raises:
        GatehouseError: a part cannot be read.
    """
    return [*_copies(table, contract, seed), _groups(table, contract), _backwards(table, contract)]


def left_out(table: Table) -> Measurement:
    """Count the rows that are in no split."""
    rows = int((table.splits == LEFT_OUT).sum())
    return Measurement(
        name="left_out_rows",
        value=rows,
        unit="rows",
        n=len(table),
        method="rows of the candidate that the split rule puts into no split; exact",
    )


def _copies(table: Table, contract: Contract, seed: int) -> list[Measurement]:
    from gatehouse.ledger.copies import copies

    key = hashlib.sha256(f"copies {seed}".encode()).digest()
    return [
        Measurement(
            name="split_leak",
            slice=f"rows={kind}",
            value=None if found.seen is None and not found.share else found.share,
            unit="share",
            p_value=found.p_value,
            n=found.rows,
            method=f"test rows that have a row of another id in train or valid {_KINDS[kind]}, "
            "above the largest rate of independent rows (Cauchy-Schwarz of Poisson mixtures); "
            "Bonferroni over the inputs",
            note="undecided: the inputs have so few values that rows coincide by chance"
            if found.seen is None
            else f"would be seen if {found.seen:.1%} of the rows had a copy",
        )
        for kind, found in zip(_KINDS, copies(table, contract, key), strict=True)
    ]


def _groups(table: Table, contract: Contract) -> Measurement:
    share, rows, note = 0.0, int((table.splits == TEST).sum()), None
    if contract.group is None:
        note = "the contract has no column with role: group"
    else:
        groups = _values(table, contract.group)
        test = table.splits == TEST
        outside = groups[~test & (table.splits != LEFT_OUT)]
        share = float(np.isin(groups[test], outside).mean()) if rows else 0.0
    return _counted("group", share, rows, "test rows whose group has rows in train or valid", note)


def _backwards(table: Table, contract: Contract) -> Measurement:
    share, note = 0.0, None
    learned = (table.splits != TEST) & (table.splits != LEFT_OUT)
    rows = int(learned.sum())
    if contract.split.time is None:
        note = "the split is not by time"
    else:
        times = _times(table, contract)
        test = times[(table.splits == TEST) & ~np.isnat(times)]
        share = float((times[learned] >= test.min()).mean()) if len(test) and rows else 0.0
    method = "rows of train and valid that are not before the first test row"
    return _counted("time", share, rows, method, note)


def _counted(kind: str, share: float, rows: int, method: str, note: str | None) -> Measurement:
    """Return the measurement of a share that is counted, so that any leak is no chance."""
    return Measurement(
        name="split_leak",
        slice=f"rows={kind}",
        value=share,
        unit="share",
        p_value=0.0 if share else 1.0,
        n=rows,
        method=f"{method}; exact",
        note=note,
    )


def _values(table: Table, column: str) -> NDArray[np.uint64]:
    """Return hashes of a column's N values, shape [N]."""
    import pyarrow as pa

    from gatehouse.ledger.parts import batches
    from gatehouse.splits.hash import value_hashes

    return np.concatenate([
        value_hashes(pa.Table.from_batches([batch]), [column])
        for part in table.parts for batch in batches(part, [column])
    ])  # fmt: skip


def _times(table: Table, contract: Contract) -> NDArray[np.datetime64]:
    import pyarrow as pa

    from gatehouse.ledger.parts import batches
    from gatehouse.splits.time import times_of

    assert contract.split.time is not None
    return np.concatenate([
        times_of(pa.Table.from_batches([batch]), contract)
        for part in table.parts for batch in batches(part, [contract.split.time])
    ])  # fmt: skip
