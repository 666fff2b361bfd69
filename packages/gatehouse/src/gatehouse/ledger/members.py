"""A set of hashes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.keyed import Hashes

_SEVERAL = 255
"""The tag of a slot that hashes of different tags share; 0 is an empty one's."""


class Members:
    """A set of hashes that says quickly of most others that they are not in it.

    A hash's low bits choose a slot of a table, which holds a tag of the high bits. Only where slot
    and tag fit, fewer than 1 in 10 of the others, is the hash looked up.

    Args:
        hashes: shape [N]; the set keeps the array, and sorts it in place.
    """

    def __init__(self, hashes: Hashes) -> None:
        self._sorted = hashes
        self._sorted.sort()  # far faster than np.unique, and repeats do no harm
        size = 1 << max(10, int(2 * len(self._sorted)).bit_length())
        self._mask = np.uint64(size - 1)
        self._table = np.zeros(size, np.uint8)
        slots, tags = self._sorted & self._mask, _tags(self._sorted)
        self._table[slots] = tags
        self._table[slots[self._table[slots] != tags]] = _SEVERAL

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of N hashes are in the set, shape [N]."""
        seen = self._table[hashes & self._mask]
        found = (seen == _tags(hashes)) | (seen == _SEVERAL)
        maybe = np.flatnonzero(found)
        if len(maybe):
            # In order, so that each search begins where the last one ended, in what is in a cache.
            maybe = maybe[np.argsort(hashes[maybe])]
            candidates = hashes[maybe]
            places = np.searchsorted(self._sorted[:-1], candidates)
            found[maybe] = self._sorted[places] == candidates
        return np.asarray(found)


def _tags(hashes: Hashes) -> NDArray[np.uint8]:
    """The seven high bits, as 1 to 128."""
    return (hashes >> np.uint64(57)).astype(np.uint8) + np.uint8(1)
