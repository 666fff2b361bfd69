"""Rows of test that have a copy in train or valid under another id, beyond what chance explains.

Independent rows coincide too if their inputs have few values. How often can be bounded without a
model of the inputs. Let f_k be the number of distinct rows that occur k times. If rows are drawn
independently, the counts of the distinct rows are a mixture of Poisson counts, whatever the inputs
are, and by Cauchy and Schwarz k f_k^2 <= (k + 1) f_{k-1} f_{k+1} (the inequality behind Chao 1984).
A table in which rows were copied breaks it: it has many pairs, and too few triples for them.

The inequality also holds for any subset of the inputs, and for numbers replaced by cells, so copies
with one input changed, or with every number nudged, are found in the same way.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.compare import TEST
from gatehouse.ledger.grid import Grid
from gatehouse.ledger.keyed import Hashes, RowHasher, packed
from gatehouse.ledger.parts import batches
from gatehouse.splits.rule import LEFT_OUT

if TYPE_CHECKING:
    import pyarrow as pa

    from gatehouse.contract import Contract
    from gatehouse.ledger.ledger import Table

MOST = 5
"""Rows that occur up to so often are looked at."""
_SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_ALPHA = 0.001


@dataclass(frozen=True)
class Copies:
    """Copies across splits.

    Attributes:
        share: share of the test rows with a copy in train or valid, beyond chance; 0 or more.
        p_value: of the hypothesis that rows are independent, adjusted for all looks at them.
        rows: number of test rows.
        seen: if so large a share of the rows had a copy, it would be found; None if no share.
    """

    share: float
    p_value: float
    rows: int
    seen: float | None


def copies(table: Table, contract: Contract, key: bytes | None = None) -> tuple[Copies, Copies]:
    """Return the copies with equal inputs, and those with one input changed or all nudged.

    Rows of one group, or of one identity, are counted once. By time and without a key, each row
    counts. Rows that are left out of all splits do not count.

    Args:
        table: rows with their splits.
        contract: names the graph's inputs and the identity.
        key: key of the hashes and cells; drawn at random if None.

    Raises:
        GatehouseError: a part cannot be read.
    """
    profiles, units = _hashed(table, contract, secrets.token_bytes(32) if key is None else key)
    inside = table.splits != LEFT_OUT
    test = table.splits[inside] == TEST
    counted: Hashes | None = units[inside]
    if counted is not None and len(np.unique(counted)) == len(counted):
        counted = None
    found = [across(each[inside], counted, test, len(profiles)) for each in profiles]
    return _worst(found[:2]), _worst(found[2:])


def _worst(found: list[Copies]) -> Copies:
    """Return the most significant result, with Bonferroni's adjustment for all of them."""
    worst = min(found, key=lambda each: each.p_value)
    seen = min((each.seen for each in found if each.seen is not None), default=None)
    return Copies(worst.share, min(1.0, worst.p_value * len(found)), worst.rows, seen)


def across(
    profiles: Hashes, units: Hashes | None, test: NDArray[np.bool_], looks: int = 1
) -> Copies:
    """Return the copies across splits among N rows.

    Args:
        profiles: shape [N], hashes of the rows' inputs.
        units: shape [N], hashes of what is counted once, a group or an identity; None if each row
            is.
        test: shape [N], mask of the test rows.
        looks: number of such looks at the table, which `Copies.seen` takes into account.
    """
    if units is None:
        order = np.argsort(profiles)
        profiles, test = profiles[order], test[order]
    else:
        order = np.lexsort((units, profiles))
        profiles, units, test = profiles[order], units[order], test[order]
        fresh = np.ones(len(order), bool)
        fresh[1:] = (profiles[1:] != profiles[:-1]) | (units[1:] != units[:-1])
        profiles, test = profiles[fresh], test[fresh]
    starts = np.flatnonzero(np.r_[True, profiles[1:] != profiles[:-1]])
    if not len(profiles) or not test.any():
        return Copies(0.0, 1.0, int(test.sum()), None)
    sizes = np.diff(np.r_[starts, len(profiles)])
    tested = np.add.reduceat(test.astype(np.int64), starts)
    times = np.bincount(sizes, minlength=MOST + 3).astype(float)
    rate, best = float(test.mean()), (1.0, 0.0)
    for k in range(2, MOST + 1):
        chosen = (sizes == k) & (tested < k)
        chance = _bound(times, k) * k * rate * (1 - rate ** (k - 1))
        excess = float(tested[chosen].sum()) - chance
        if excess > 0:
            best = min(best, (_p_value(times, k), -excess))
    return Copies(
        share=abs(best[1]) / int(test.sum()),
        p_value=min(1.0, best[0] * (MOST - 1)),
        rows=int(test.sum()),
        seen=_seen(times, looks),
    )


def _bound(times: NDArray[np.float64], k: int) -> float:
    """Return the largest number of rows that independent draws give k times."""
    return float(np.sqrt(times[k - 1] * times[k + 1] * (k + 1) / k))


def _p_value(times: NDArray[np.float64], k: int) -> float:
    """Return the probability of so few rows that occur k + 1 times, given those of k and k - 1.

    Their expected number is at least k / (k + 1) f_k^2 / f_{k-1}. A negative binomial distribution
    takes in that f_k and f_{k-1} are counts themselves.
    """
    from scipy.stats import nbinom

    before, here, after = times[k - 1] + 1, times[k], times[k + 1]
    if not here:
        return 1.0
    mean = k / (k + 1) * here**2 / before
    size = 1 / (4 / here + 1 / before)
    return float(nbinom.cdf(after, size, size / (size + mean)))


def _seen(times: NDArray[np.float64], looks: int) -> float | None:
    """Return the smallest share of copied rows that would be found, of a few; None if none is."""
    from scipy.stats import binom

    most = MOST + 2
    for share in _SHARES:
        copied = np.zeros(most + 1)
        for k in range(1, most + 1):
            copied[k:] += times[k] * binom.pmf(np.arange(most + 1 - k), k, share)
        best = min(_p_value(copied, k) for k in range(2, MOST + 1))
        if best * (MOST - 1) * looks < _ALPHA:
            return share
    return None


def _hashed(table: Table, contract: Contract, key: bytes) -> tuple[Hashes, Hashes]:
    """Return hashes of N rows' inputs and units, shapes [S, N] and [N].

    The S subsets are all inputs, all columns that are no id, all inputs by cells, and all but each
    input.
    """
    inputs = list(contract.inputs)
    unit = _unit(contract)
    ids = {*contract.keys, contract.group, contract.split.time}
    whole = [name for name in contract.columns if name not in ids]
    names = list(dict.fromkeys([*whole, *unit]))
    hasher = RowHasher(names, key)
    grid = Grid.over(_every(table, inputs), inputs, key)
    out = inputs if len(inputs) > 1 else []
    found = np.empty((3 + len(out), len(table)), np.uint64)
    units = np.arange(len(table), dtype=np.uint64)
    place = 0
    for batch in _every(table, names):
        rows = slice(place, place := place + batch.num_rows)
        terms = hasher.terms(batch)
        cells = grid.cells(batch)
        by_cells = hasher.terms(cells)
        by_cells = terms | {name: by_cells[name] for name in cells.schema.names}
        sums = hasher.sums(terms, inputs, batch.num_rows)
        found[0, rows] = packed(sums)
        found[1, rows] = hasher.hashes(terms, whole, batch.num_rows)
        found[2, rows] = hasher.hashes(by_cells, inputs, batch.num_rows)
        for into, name in zip(found[3:], out, strict=True):
            into[rows] = packed(sums - terms[name])
        if unit:
            units[rows] = hasher.hashes(terms, unit, batch.num_rows)
    return found, units


def _unit(contract: Contract) -> tuple[str, ...]:
    """Return the columns that name what is counted once; none if each row is."""
    if contract.group is not None:
        return (contract.group,)
    by_time = contract.split.time is not None and not contract.keys
    return () if by_time else contract.split.identity


def _every(table: Table, columns: Iterable[str]) -> Iterable[pa.RecordBatch]:
    for part in table.parts:
        yield from batches(part, list(columns))
