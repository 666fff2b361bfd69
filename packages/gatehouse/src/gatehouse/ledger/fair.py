"""Do the rows that a change touches fall into train, valid and test in the contract's shares?

Rows are dealt by a hash of their identity, so whatever honestly added, took away or changed rows
did so without regard to their split: the distinct identities fall into a split like coins. An
author who nudges values until the public hash says train is what this finds, and then a fifth of
any bulk is in test, where it is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatehouse.ledger.compare import Splits


@dataclass(frozen=True)
class Deal:
    """How some distinct identities fell.

    Attributes:
        counts: identities in train, valid and test.
        deviation: total variation distance of their shares from the contract's; 0 if none.
        p_value: that chance alone gives a split so few or so many.
    """

    counts: tuple[int, int, int]
    deviation: float
    p_value: float

    @property
    def n(self) -> int:
        return sum(self.counts)


def fair_deal(splits: Splits, shares: Sequence[float]) -> Deal:
    """Test how N distinct identities fell against the contract's shares.

    Each split has an exact two-sided binomial test; the smallest p-value counts, times three
    (Bonferroni), so the chance of a false alarm at level alpha is at most alpha.

    Args:
        splits: shape [N], the split of each identity: 0 train, 1 valid, 2 test.
        shares: of train, valid and test; their sum is 1.
    """
    from scipy.stats import binomtest

    counts = np.bincount(splits, minlength=3)
    n = int(counts.sum())
    if n == 0:
        return Deal((0, 0, 0), 0.0, 1.0)
    smallest = min(
        float(binomtest(int(count), n, share).pvalue)
        for count, share in zip(counts, shares, strict=True)
    )
    deviation = float(np.abs(counts / n - np.asarray(shares)).sum() / 2)
    train, valid, test = (int(count) for count in counts)
    return Deal((train, valid, test), deviation, min(1.0, 3 * smallest))
