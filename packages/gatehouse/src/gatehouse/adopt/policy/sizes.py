"""The number of rows for each purpose, and which groups are large enough to be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatehouse.adopt.plan import ColumnPlan
from gatehouse.adopt.scan import Scan
from gatehouse.contract import Contract, Task
from gatehouse.gates.fairness.measure import partitions

CONFIDENCE = 0.95
DEPTH = 2
"""Maximum number of protected attributes to cross: each doubles the number of intersections."""
ENOUGH = 1_000
"""Number of test rows from which an interval that crosses a limit blocks."""
_LEAST_OF_CLASS = 10
"""Rows of the rarest class that a test split needs so that metrics by class are always defined."""
_ROOM = 1.5
"""Safety factor: splits are random, so a group may have fewer rows there than its share."""


@dataclass(frozen=True)
class Sizes:
    """The number of rows for each purpose.

    Attributes:
        train: approximate rows of the train split.
        test: approximate rows of the test split.
        rarest: rows of the rarest class among these; None for a regression.
    """

    train: int
    test: int
    rarest: int | None

    @property
    def few(self) -> bool:
        """Whether the rows are so few that a rule whose interval crosses its limit only warns."""
        return self.test < ENOUGH

    @property
    def unsure_classes(self) -> bool:
        """Whether a class may be missing in the test split, or in its resamples."""
        return self.rarest is not None and self.rarest < _LEAST_OF_CLASS


def sizes_of(scan: Scan, plan: ColumnPlan, valid: float, test: float) -> Sizes:
    """Return the sizes of the splits, from their shares."""
    rarest = None
    if plan.target.classes:
        rarest = int(plan.target.smallest[1] * test)
    return Sizes(int(scan.rows * (1 - valid - test)), int(scan.rows * test), rarest)


def minimum(sizes: Sizes) -> int:
    """Return the number of test rows that a rule needs."""
    return min(ENOUGH, round_down(sizes.test / 2))


def unsure(sizes: Sizes, *, by_class: bool = False) -> str | None:
    """Return the policy's value for inconclusive results."""
    if by_class and sizes.unsure_classes:
        return "pass"
    return "warn" if sizes.few else None


@dataclass(frozen=True)
class Groups:
    """Which groups are large enough to be compared.

    Attributes:
        rows: rows that a group needs.
        of_class: rows of each class that it needs.
        some: whether every attribute, and every combination of them, has two groups with that many
            rows.
        some_of_class: the same for that many rows of each class.
    """

    rows: int
    of_class: int
    some: bool
    some_of_class: bool

    @classmethod
    def of(cls, scan: Scan, contract: Contract, sizes: Sizes) -> Groups:
        """Return the sample's groups, as the fairness gate chooses them in the test split."""
        rows = 100 if sizes.test >= ENOUGH else max(20, round_down(sizes.test / 10))
        of_class = 50 if sizes.test >= ENOUGH else max(10, round_down(sizes.test / 20))
        sample, share = scan.sample, sizes.test / max(1, len(scan.sample)) / _ROOM
        some = some_of_class = True
        for attributes in partitions(contract.protected, DEPTH):
            columns = [sample[name].fillna("") for name in attributes]
            if not contract.classes:
                large = sample.groupby(columns).size().to_numpy() * share >= rows
                some &= bool(large.sum() >= 2)
                continue
            counts = sample.groupby([*columns, sample[contract.target]]).size().unstack()
            counts = counts.reindex(columns=list(contract.classes)).fillna(0)
            total = counts.sum(axis=1).to_numpy()
            large = total * share >= rows
            some &= bool(large.sum() >= 2)
            # As in the gate, a class counts with the groups that have enough rows of it.
            watched = contract.classes[1:] if contract.task is Task.BINARY else contract.classes
            enough = [
                large & (np.minimum(n, total - n) * share >= of_class)
                for n in (counts[value].to_numpy() for value in watched)
            ]
            some_of_class &= any(groups.sum() >= 2 for groups in enough)
        return cls(rows, of_class, some, some_of_class)


def round_down(value: float) -> int:
    """Round down to one digit and zeros: 48 becomes 40."""
    whole = max(1, int(value))
    step = int(10 ** (len(str(whole)) - 1))
    return whole // step * step
