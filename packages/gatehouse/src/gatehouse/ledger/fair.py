"""Do the rows that a change touches fall into train, valid and test in the contract's shares?

Rows are split by a hash of their identity. An honest process adds, removes or changes rows without
regard to their split, so their distinct identities fall into the splits at random. This test
detects an author who nudges values until the public hash says train. If it passes, a fifth of any
bulk change is in test, where it is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatehouse.ledger.compare import Splits


@dataclass(frozen=True)
class Deal:
    """How some distinct identities were split.

    Attributes:
        counts: identities in train, valid and test.
        deviation: total variation distance of their shares from the contract's; 0 without any.
        p_value: probability that chance alone gives a split so few or so many.
    """

    counts: tuple[int, int, int]
    deviation: float
    p_value: float

    @property
    def n(self) -> int:
        return sum(self.counts)


def fair_deal(splits: Splits, shares: Sequence[float]) -> Deal:
    """Test how N distinct identities were split against the contract's shares.

    Each split gets an exact two-sided binomial test, and the smallest p-value is multiplied by
    three (Bonferroni). The chance of a false alarm at level alpha is therefore at most alpha.

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
