"""How many rows there are for what, and which groups are large enough to be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatehouse.adopt.columns import ColumnPlan
from gatehouse.adopt.profile import Scan
from gatehouse.contract import Contract, Task
from gatehouse.gates.fairness.measure import partitions

CONFIDENCE = 0.95
DEPTH = 2
"""Protected attributes that are crossed at most: the number of intersections doubles with each."""
ENOUGH = 1_000
"""Test rows from which on an interval across a limit blocks."""
_LEAST_OF_CLASS = 10
"""Rows of the rarest class that a test split needs for metrics by class to be defined surely."""
_ROOM = 1.5
"""Splits are drawn: a group may have fewer rows there than its share."""


@dataclass(frozen=True)
class Sizes:
    """How many rows there are for what.

    Attributes:
        train: rows of the train split, about.
        test: rows of the test split, about.
        rarest: rows of the rarest class among these; None of a regression.
    """

    train: int
    test: int
    rarest: int | None

    @property
    def few(self) -> bool:
        """Too few for narrow intervals: what lies across a limit warns."""
        return self.test < ENOUGH

    @property
    def unsure_classes(self) -> bool:
        """May a class be missing in the test split, or in its resamples?"""
        return self.rarest is not None and self.rarest < _LEAST_OF_CLASS


def sizes_of(scan: Scan, plan: ColumnPlan, valid: float, test: float) -> Sizes:
    """The sizes of the splits, from their shares."""
    rarest = None
    if plan.target.classes:
        rarest = int(plan.target.smallest[1] * test)
    return Sizes(int(scan.rows * (1 - valid - test)), int(scan.rows * test), rarest)


def minimum(sizes: Sizes) -> int:
    """Test rows that a rule needs."""
    return min(ENOUGH, round_down(sizes.test / 2))


def unsure(sizes: Sizes, *, by_class: bool = False) -> str | None:
    """What inconclusive means."""
    if by_class and sizes.unsure_classes:
        return "pass"
    return "warn" if sizes.few else None


@dataclass(frozen=True)
class Groups:
    """Which groups are large enough to be compared.

    Attributes:
        rows: that a group needs.
        of_class: rows of each class that it needs.
        some: has every attribute, and every combination of them, two groups of as many rows?
        some_of_class: and of as many rows of each class?
    """

    rows: int
    of_class: int
    some: bool
    some_of_class: bool

    @classmethod
    def of(cls, scan: Scan, contract: Contract, sizes: Sizes) -> Groups:
        """By the groups of the sample, as the fairness gate chooses them in the test split."""
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
            # As the gate has it: a class counts with the groups that have enough rows of it.
            watched = contract.classes[1:] if contract.task is Task.BINARY else contract.classes
            enough = [
                large & (np.minimum(n, total - n) * share >= of_class)
                for n in (counts[value].to_numpy() for value in watched)
            ]
            some_of_class &= any(groups.sum() >= 2 for groups in enough)
        return cls(rows, of_class, some, some_of_class)


def round_down(value: float) -> int:
    """One digit and zeros: 48 is 40."""
    whole = max(1, int(value))
    step = int(10 ** (len(str(whole)) - 1))
    return whole // step * step
