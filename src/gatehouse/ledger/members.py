"""A set of hashes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.keyed import Hashes


class Members:
    """A set of hashes that says quickly of most others that they are not in it."""

    def __init__(self, hashes: Hashes) -> None:
        self._sorted = np.sort(hashes)  # far faster than np.unique, and repeats do no harm
        size = 1 << max(10, int(4 * len(self._sorted)).bit_length())
        self._mask = np.uint64(size - 1)
        self._marked = np.zeros(size, bool)
        self._marked[self._sorted & self._mask] = True

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of N hashes are in the set, shape [N]."""
        found = self._marked[hashes & self._mask]
        maybe = np.flatnonzero(found)
        if len(maybe):
            asked = hashes[maybe]
            places = np.searchsorted(self._sorted[:-1], asked)
            found[maybe] = self._sorted[places] == asked
        return np.asarray(found)
