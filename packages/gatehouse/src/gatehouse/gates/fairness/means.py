"""Means of groups for one model, or for two models on the same rows, with their covariances.

A rate is a mean of zeros and ones. The covariance is the linearized one of a weighted mean over
independent units (Binder 1983, "On the variances of asymptotically normal estimators from complex
surveys"). If no rows share a unit and all weights are equal, it is the binomial variance, and
between two models it is that of matched proportions. Units in two groups count as
independent.

A rate of 0 or 1 does not prove that its variance is 0. Rates are therefore smoothed: each group
gets one success and one failure more (Agresti, Caffo 2000, "Simple and effective confidence
intervals for proportions and differences of proportions result from adding two successes and two
failures"). For two models, these two rows are spread over the four combinations of outcomes
(Agresti, Min 2005, "Simple improved confidence intervals for comparing matched proportions").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gatehouse.gates.bootstrap import Floats

Mask = NDArray[np.bool_]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Means:
    """Means of G groups for M models.

    Attributes:
        values: means of the rows, shape [M, G]; NaN for a group without rows.
        centres: smoothed means, shape [M, G]; the same as `values` if they are no rates.
        covariance: of the centres between the models, shape [G, M, M].
        n: independent units of each group, shape [G].
        effective: rows of equal weight that would be as informative, shape [G].
        freedom: degrees of freedom of the variances, shape [G]; infinite for rates.
    """

    values: Floats
    centres: Floats
    covariance: Floats
    n: Floats
    effective: Floats
    freedom: Floats

    def of_groups(self, chosen: Mask | Index | list[int]) -> Means:
        """Return the means of the chosen groups."""
        return Means(
            self.values[:, chosen], self.centres[:, chosen], self.covariance[chosen],
            self.n[chosen], self.effective[chosen], self.freedom[chosen],
        )  # fmt: skip

    def of_model(self, model: int) -> Means:
        """Return the means of one model."""
        one = slice(model, model + 1)
        return replace(
            self,
            values=self.values[one],
            centres=self.centres[one],
            covariance=self.covariance[:, one, one],
        )

    def joined(self, other: Means) -> Means:
        """Return the groups of both."""
        return Means(
            np.concatenate([self.values, other.values], axis=1),
            np.concatenate([self.centres, other.centres], axis=1),
            *(np.concatenate(parts) for parts in (
                (self.covariance, other.covariance), (self.n, other.n),
                (self.effective, other.effective), (self.freedom, other.freedom))),
        )  # fmt: skip

    def over(self, scale: float) -> Means:
        """Return the means in units of `scale`."""
        return replace(
            self,
            values=self.values / scale,
            centres=self.centres / scale,
            covariance=self.covariance / scale**2,
        )

    def errors(self, model: int) -> Floats:
        """Return the standard errors of a model's means, shape [G]."""
        return np.sqrt(self.covariance[:, model, model])

    def drawn(self, draws: int, rng: np.random.Generator) -> Floats:
        """Return deviations of the centres from the truth, shape [draws, M, G].

        They are normal, or Student's if the variances have few degrees of freedom.
        """
        root = _square_roots(self.covariance)
        moved = np.einsum("gmk,bkg->bmg", root, rng.standard_normal((draws, *self.centres.shape)))
        for group in np.flatnonzero(np.isfinite(self.freedom)):
            freedom = self.freedom[group]
            moved[:, :, group] *= np.sqrt(freedom / rng.chisquare(freedom, draws))[:, None]
        return np.asarray(moved)


def _square_roots(covariance: Floats) -> Floats:
    """Return matrices R [G, M, M] with R R^T = covariance, also if it is singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0))[:, None, :])


@dataclass(frozen=True)
class Rows:
    """N rows in G groups; equal rows may be merged into one.

    Attributes:
        group: group of each row, shape [N].
        groups: number of groups.
        counts: number of rows merged into each, shape [N].
        weights: sum of their weights, shape [N].
        squares: sum of their squared weights, shape [N].
        unit: index of the group's unit that each row belongs to, shape [N]; None if each is one.
    """

    group: Index
    groups: int
    counts: Floats
    weights: Floats
    squares: Floats
    unit: Index | None = None

    @classmethod
    def of(
        cls, group: Index, groups: int, weights: Floats | None = None, units: Index | None = None
    ) -> Rows:
        """Return N rows that are not merged; `weights` and `units` are as in `Predictions`."""
        own = np.ones(len(group)) if weights is None else weights
        return cls(group, groups, np.ones(len(group)), own, own**2, _unit_of(group, units))

    @classmethod
    def merged(
        cls,
        group: Index,
        groups: int,
        codes: Index,
        kinds: int,
        weights: Floats | None = None,
        units: Index | None = None,
    ) -> tuple[Rows, Index]:
        """Merge the rows of a group (and unit) that have the same code.

        Returns:
            The rows, and the code of each.
        """  # fmt: skip
        flat = group * np.intp(kinds) + codes
        where = None
        if units is not None or groups * kinds > max(4_000_000, len(flat)):
            import pandas as pd

            pairs = flat if units is None else flat * (units.max(initial=0) + 1) + units
            where, distinct = pd.factorize(pairs)
            first = np.full(len(distinct), -1, np.intp)
            first[where] = np.arange(len(where))
            found, flat, size = flat[first], where, len(distinct)
        else:
            size = groups * kinds
            found = np.arange(size, dtype=np.intp)
        counts = np.asarray(np.bincount(flat, minlength=size), np.float64)
        own, squares = counts, counts
        if weights is not None:
            own, squares = (
                np.asarray(np.bincount(flat, w, size), np.float64) for w in (weights, weights**2)
            )
        kept = np.flatnonzero(counts)
        placed = found[kept] // kinds
        unit = None
        if units is not None:
            unit = _unit_of(placed, units[first[kept]])
        rows = cls(placed, groups, counts[kept], own[kept], squares[kept], unit)
        return rows, found[kept] % kinds

    def moved(self, to: Index, groups: int) -> Rows:
        """Return the rows with group `g` renamed to `to[g]`, of `groups` groups."""
        return replace(self, group=to[self.group], groups=groups)

    def sizes(self, inside: Mask | None = None) -> Floats:
        """Return the number of independent units of each group, shape [G]."""
        chosen = np.ones(len(self.group), bool) if inside is None else inside
        if self.unit is None:
            return self._sum(np.where(chosen, self.counts, 0.0))
        _, first = np.unique(self.unit[chosen], return_index=True)
        return np.bincount(self.group[chosen][first], minlength=self.groups).astype(np.float64)

    def means(
        self, values: Sequence[Floats], inside: Mask | None = None, *, rates: bool = True
    ) -> Means:
        """Return the means of the rows that are `inside`, by group.

        Args:
            values: the values of each of M models, each of shape [N].
            inside: mask of the rows, shape [N]; None for all.
            rates: are the values zeros and ones?
        """
        chosen = np.ones(len(self.group), bool) if inside is None else inside
        own = np.where(chosen, self.weights, 0.0)
        total, n = self._sum(own), self.sizes(chosen)
        with np.errstate(divide="ignore", invalid="ignore"):
            points = np.stack([self._sum(own * x) for x in values]) / total
            each = total / self._sum(np.where(chosen, self.counts, 0.0))  # mean weight of a row
            ones = np.asarray(chosen, np.float64)
            kish = total**2 / self._products(ones, ones)
            added = 2 * each if rates else 0.0
            centres = (points * total + added / 2) / (total + added)
            plain = self._covariances(values, chosen, points)
            moments = self._covariances(values, chosen, centres) if rates else plain
            if self.unit is not None or not rates:
                moments = moments * (n / np.maximum(n - 1, 1))[:, None, None]
            if rates:
                alike = all(bool((x == values[0])[chosen].all()) for x in values)
                moments = moments + each[:, None, None] ** 2 * _added(centres, alike=alike)
            covariance = moments / ((total + added) ** 2)[:, None, None]
            spread = points[0] * (1 - points[0])
            inner = rates & (spread > 0)
            effective = np.where(inner, spread * total**2 / plain[:, 0, 0], kish)
            effective = np.nan_to_num(np.minimum(effective, total / each))
            freedom = self._freedom(n, values, chosen, points, plain, rates=rates)
        covariance = np.nan_to_num(covariance, posinf=0.0)
        return Means(points, centres, covariance, n, effective, freedom)

    def _sum(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.group, values, self.groups))

    def _products(self, first: Floats, second: Floats) -> Floats:
        """Return sums over units of the products of the units' weighted sums, shape [G]."""
        if self.unit is None:
            return self._sum(self.squares * first * second)
        (one, owner), (other, _) = self._by_unit(first), self._by_unit(second)
        return np.asarray(np.bincount(owner, one * other, self.groups))

    def _covariances(self, values: Sequence[Floats], chosen: Mask, means: Floats) -> Floats:
        """Return the second moments of the deviations from the means, shape [G, M, M]."""
        away = [np.where(chosen, x - mean[self.group], 0.0)
                for x, mean in zip(values, means, strict=True)]  # fmt: skip
        return np.stack(
            [np.stack([self._products(a, b) for b in away], axis=-1) for a in away], axis=-2
        )

    def _freedom(
        self,
        n: Floats,
        values: Sequence[Floats],
        chosen: Mask,
        means: Floats,
        moments: Floats,
        *,
        rates: bool,
    ) -> Floats:
        """Return the degrees of freedom of the variances, shape [G].

        Rates of single rows have a known variance, and rates of units one degree less than units.
        For other values, the kurtosis decides: the variance of n values with kurtosis k is as
        uncertain as that of a normal sample with 2 n / (k - 1) degrees of freedom.

        Source: O'Neill, "Some useful moment results in sampling problems", 2014.
        """
        smallest = np.full(self.groups, np.inf)
        if rates:
            return smallest if self.unit is None else np.asarray(np.maximum(n - 1, 1.0))
        for place, (x, mean) in enumerate(zip(values, means, strict=True)):
            parts, owner = self._by_unit(np.where(chosen, x - mean[self.group], 0.0))
            relative = np.bincount(owner, parts**4, self.groups) / moments[:, place, place] ** 2
            smallest = np.fmin(smallest, 2 / np.maximum(relative - 1 / n, 1e-9))
        return np.asarray(np.maximum(smallest, 1.0))

    def _by_unit(self, values: Floats) -> tuple[Floats, Index]:
        """Return each unit's weighted sum, and the unit's group."""
        if self.unit is None:
            return self.weights * values, self.group
        owner = np.zeros(self.unit.max(initial=-1) + 1, np.intp)
        owner[self.unit] = self.group
        sums = np.bincount(self.unit, self.weights * values, len(owner))
        return np.asarray(sums, np.float64), owner


def _unit_of(group: Index, units: Index | None) -> Index | None:
    """Number the pairs of group and unit, shape [N]."""
    if units is None:
        return None
    import pandas as pd

    return np.asarray(pd.factorize(group * (units.max(initial=0) + 1) + units)[0], np.intp)


def _added(centres: Floats, *, alike: bool) -> Floats:
    """Return the second moments of the rows that smooth, in squared weights, shape [G, M, M].

    If all models are `alike` in every row, so are they in these, and a difference stays 0.
    """
    models = len(centres)
    if models == 1 or alike:
        outcomes, share = [(0.0,) * models, (1.0,) * models], 1.0
    else:
        outcomes, share = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)], 0.5
    away = np.asarray(outcomes)[:, :, None] - centres  # [outcomes, M, G]
    return np.asarray(share * np.einsum("omg,okg->gmk", away, away))
