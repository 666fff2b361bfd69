"""A set of hashes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatehouse.ledger.keyed import Hashes

_SEVERAL = 255
"""Tag of a slot shared by hashes with different tags; 0 marks an empty slot."""


class Members:
    """A set of hashes that quickly rules out most hashes that are not in it.

    The low bits of a hash choose a slot of a table, which contains a tag of the high bits. Only if
    slot and tag fit, which is the case for fewer than 1 in 10 other hashes, is the hash looked up.

    Args:
        hashes: shape [N]; the set keeps the array, and sorts it in place.
    """

    def __init__(self, hashes: Hashes) -> None:
        self._sorted = hashes
        self._sorted.sort()  # far faster than np.unique, and duplicates do no harm
        size = 1 << max(10, int(2 * len(self._sorted)).bit_length())
        self._mask = np.uint64(size - 1)
        self._table = np.zeros(size, np.uint8)
        slots, tags = self._sorted & self._mask, _tags(self._sorted)
        self._table[slots] = tags
        self._table[slots[self._table[slots] != tags]] = _SEVERAL

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Mask of the N hashes that are in the set, shape [N]."""
        seen = self._table[hashes & self._mask]
        found = (seen == _tags(hashes)) | (seen == _SEVERAL)
        maybe = np.flatnonzero(found)
        if len(maybe):
            # Sorted, so that each search begins near the end of the last one, in cached memory.
            maybe = maybe[np.argsort(hashes[maybe])]
            candidates = hashes[maybe]
            places = np.searchsorted(self._sorted[:-1], candidates)
            found[maybe] = self._sorted[places] == candidates
        return np.asarray(found)


def _tags(hashes: Hashes) -> NDArray[np.uint8]:
    """Return the seven high bits, as 1 to 128."""
    return (hashes >> np.uint64(57)).astype(np.uint8) + np.uint8(1)
