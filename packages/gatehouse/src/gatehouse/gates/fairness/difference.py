"""The difference between two models' largest gaps on the same rows, with its interval.

The largest gap is the maximum of all contrasts: ordered pairs of groups in each rate. The
difference of two maxima is min over q of max over p of (p of the candidate - q of the base). Each
of these differences has a paired interval, and the interval of the whole follows from them. The
differences hold at once for the contrasts of the candidate, given the base's true largest contrast,
and the other way round. Equal decisions give a difference of exactly 0.

Only contrasts that may be the largest take part; those that lie surely below do not make the
interval wider (Andrews, Soares 2010, "Inference for parameters defined by moment inequalities using
generalized moment selection").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatehouse.evidence import Interval
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.fairness.gaps import Draws, Found
from gatehouse.gates.fairness.means import Means

_ENDS = 12
"""Groups with the highest and the lowest values of a rate that can form the largest gap."""
_COARSE = 200
_FINE = 12
"""Maximum number of contrasts of a model."""
_NEAR = 2.0
"""Standard errors below the largest contrast within which another may be the largest."""


class _Contrasts(NamedTuple):
    """Contrasts of P pairs for M models, M = 2.

    Attributes:
        centres: shape [M, P].
        drawn: deviations of the centres, shape [B, M, P].
    """

    centres: Floats
    drawn: Floats


def gap_difference(rates: Sequence[Means], draws: Draws) -> Found:
    """Return the first model's largest gap minus the second's, and its interval.

    Args:
        rates: each rate's groups, for two models on the same rows.
        draws: settings.

    Returns:
        The difference of the values and its interval, widened if needed to contain it. None if no
        rate has two groups.
    """
    rates = [rate for rate in rates if len(rate.n) > 1]
    if not rates:
        return None
    ours, theirs = (max(float(np.ptp(rate.values[m])) for rate in rates) for m in (0, 1))
    value = ours - theirs
    contrasts = _contrasts(rates, draws)
    chosen = sorted({*_leading(contrasts, 0), *_leading(contrasts, 1)})
    p, q = (contrasts.centres[m][chosen] for m in (0, 1))
    p_drawn, q_drawn = (contrasts.drawn[:, m][:, chosen] for m in (0, 1))
    estimates = p[:, None] - q
    moved = p_drawn[:, :, None] - q_drawn[:, None, :]
    errors = moved.std(axis=0)
    errors[errors < 1e-12] = 0.0
    t = np.divide(moved, errors, out=np.zeros_like(moved), where=errors > 0)
    at = (1 + draws.confidence) / 2
    below = float(np.quantile(t.max(axis=1), at, axis=0).max())
    above = float(np.quantile((-t).max(axis=2), at, axis=0).max())
    low = float((estimates - draws.together(below) * errors).max(axis=0).min())
    high = float((estimates + above * errors).min(axis=1).max())
    return value, Interval(
        low=max(-draws.largest, min(low, value)),
        high=min(draws.largest, max(high, value)),
        confidence=draws.confidence,
    )


def _contrasts(rates: Sequence[Means], draws: Draws) -> _Contrasts:
    """Return the contrasts that may be the largest of either model, by a generous bound."""
    rng = np.random.default_rng(draws.seed)
    centres, bounds, places = [], [], []
    drawn = []
    for rate in rates:
        order = np.argsort(rate.centres, axis=1, kind="stable")
        ends = np.unique(np.concatenate([order[:, :_ENDS], order[:, -_ENDS:]], axis=None))
        few = rate.of_groups(ends)
        drawn.append(few.drawn(draws.count, rng))
        first, second = np.nonzero(~np.eye(len(ends), dtype=bool))
        gaps = few.centres[:, first] - few.centres[:, second]
        errors = np.stack([few.errors(m) for m in (0, 1)])
        bounds.append(gaps + _NEAR * np.hypot(errors[:, first], errors[:, second]))
        centres.append(gaps)
        places.append(np.stack([np.full(len(first), len(drawn) - 1), first, second]))
    gaps, bound = np.concatenate(centres, axis=1), np.concatenate(bounds, axis=1)
    place = np.concatenate(places, axis=1)
    kept = np.unique([np.argsort(-each, kind="stable")[:_COARSE] for each in bound])
    # The largest contrast itself may have a small error, and so a small bound.
    kept = np.union1d(kept, gaps.argmax(axis=1))
    moved = [drawn[rate][:, :, i] - drawn[rate][:, :, j] for rate, i, j in place[:, kept].T]
    return _Contrasts(gaps[:, kept], np.stack(moved, axis=-1))


def _leading(contrasts: _Contrasts, model: int) -> list[int]:
    """Return the contrasts that are not surely smaller than the largest of a model."""
    centres, drawn = contrasts.centres[model], contrasts.drawn[:, model]
    top = int(centres.argmax())
    errors = (drawn - drawn[:, [top]]).std(axis=0)
    behind = centres[top] - centres
    far = np.divide(behind, errors, out=np.full_like(behind, np.inf), where=errors > 0)
    far[behind == 0] = 0.0
    near = np.argsort(far, kind="stable")[:_FINE]
    return [int(place) for place in near if far[place] <= _NEAR]
