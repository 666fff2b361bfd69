"""Building blocks of metrics over blocks of counts or weights: shape [B, N] in, shape [B] out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.metrics.area import Area
from gatehouse.gates.metrics.closed import LOG, PLAIN, Scale, Shares, Sums

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def ratio(top: Floats, bottom: Floats) -> Floats:
    """Return `top / bottom`, NaN where `bottom` is 0; both have the same shape."""
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def mean_of_defined(values: Floats) -> Floats:
    """Return the mean over the defined classes, [B, K] to [B]; NaN if none is defined."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def mean_of(values: Floats, *, scale: Scale | None = None, tailed: bool = False) -> Sums:
    """Return the weighted mean of `values`, shape [N].

    Args:
        values: of each row.
        scale: on which its error is symmetric; by default the log of values that are never
            negative, such as losses.
        tailed: can a few large values decide it, as squared errors can?
    """
    cells = np.stack([values, np.ones_like(values)], axis=1)
    if scale is None:
        scale = LOG if values.min(initial=0.0) >= 0 else PLAIN
    tails = values if tailed else None
    return Sums(cells, lambda sums: ratio(sums[:, 0], sums[:, 1]), scale, tails=tails)


def share_of(hits: NDArray[np.bool_], of: NDArray[np.bool_] | None = None) -> Shares:
    """Return the weighted share of the rows `of` (by default all) that are `hits`; shape [N]."""
    rows = np.ones_like(hits) if of is None else of
    return Shares(*((each[:, None]).astype(np.float64) for each in (hits & rows, rows)))


def roc_auc_of(y: Floats, score: Floats) -> Area:
    """Return the area under the ROC curve; ties count one half."""
    return Area((y, score))


def columns_of(*parts: tuple[NDArray[np.intp], Floats], width: int) -> csr_array:
    """Return sparse cells [N, width]: each part has, for each row, a column and a value."""
    from scipy.sparse import csr_array

    columns = np.stack([each for each, _ in parts], axis=1)
    values = np.stack([each for _, each in parts], axis=1)
    ends = np.arange(len(columns) + 1) * len(parts)
    return csr_array((values.ravel(), columns.ravel(), ends), shape=(len(columns), width))
