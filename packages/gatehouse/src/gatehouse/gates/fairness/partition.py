"""One partition of the rows into groups: which groups decide, and the measurements of its gaps.

A group decides on a rate if the rate's own denominator has enough rows of it. The smaller groups
are reported by name, and pooled: together they count as one more group if they are large enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gatehouse.evidence import Measurement, Of
from gatehouse.gates.bootstrap import Floats
from gatehouse.gates.fairness.difference import gap_difference
from gatehouse.gates.fairness.gaps import MANY, Draws, Found, gap_measurement, largest_gap
from gatehouse.gates.fairness.means import Index, Mask, Means, Rows
from gatehouse.policy import Policy

LISTED = 200
"""Maximum number of groups of a partition whose metrics are listed; all large groups decide."""
_RATES_NAMED = 3


@dataclass(frozen=True)
class Rate:
    """One rate, or another mean, of G groups and then of the pooled small groups.

    Attributes:
        means: of the G groups and the pool, shape [M, G + 1].
        small: groups that are too small to decide alone, shape [G].
        decides: groups that decide, shape [G + 1].
    """

    means: Means
    small: Mask
    decides: Mask

    @classmethod
    def of(
        cls,
        rows: Rows,
        values: Sequence[Floats],
        least: int,
        inside: Mask | None = None,
        *,
        rates: bool = True,
    ) -> Rate:
        """Return a rate of groups of which `least` independent rows decide.

        The other arguments are those of `Rows.means`.
        """  # fmt: skip
        means = rows.means(values, inside, rates=rates)
        small = (means.n < least) | ~np.isfinite(means.values).all(axis=0)
        pool = rows.moved(np.where(small, 0, 1), 2).means(values, inside, rates=rates)
        whole = means.joined(pool.of_groups([0]))
        large = small.sum() > 1 and pool.n[0] >= least and np.isfinite(pool.values[:, 0]).all()
        return cls(whole, small, np.append(~small, large))

    @property
    def pooled(self) -> bool:
        """Whether several groups are small, so that their pool is worth a line."""
        return bool(self.small.sum() > 1)

    @property
    def used(self) -> Mask:
        """Mask of the groups that the gap compares, by themselves or in the pool, shape [G]."""
        if self.decides.sum() < 2:
            return np.zeros(len(self.small), bool)
        return np.asarray(~self.small | self.decides[-1])


@dataclass(frozen=True)
class Partition:
    """The groups of N rows by one or several attributes.

    Attributes:
        name: the attributes, for example `sex & race`.
        names: names of the G groups, shape [G].
        index: each row's group, shape [N].
        policy: gives the settings, and the minimum sizes of groups that decide.
        family: number of partitions tested together, including this one.
    """

    name: str
    names: NDArray[np.object_]
    index: Index
    policy: Policy
    family: int = 1

    @property
    def pool(self) -> str:
        """Name of the group of all groups that are too small."""
        return " & ".join(f"{attribute}=(small groups)" for attribute in self.name.split(" & "))

    @cached_property
    def sizes(self) -> Index:
        return np.bincount(self.index, minlength=len(self.names))

    def listed(self, classes: int = 1) -> Index:
        """Return the indices of the largest groups, which are listed, each with a line per class.

        The pool follows at the index G.
        """
        most = max(10, LISTED // classes)
        chosen = np.argsort(-self.sizes, kind="stable")[:most]
        return np.append(np.sort(chosen), len(self.names))

    def label(self, position: int) -> str:
        """Return the name of a group, or of the pool."""
        return str(self.names[position]) if position < len(self.names) else self.pool

    def gap(
        self,
        metric: str,
        rates: Mapping[str, Rate],
        how: str,
        *,
        classes: int = 1,
        unit: str = "share",
        largest: float = 1.0,
    ) -> Iterator[Measurement]:
        """Yield the gap of the candidate, and, if there is a base, the base's and the difference.

        Args:
            metric: name of the gap.
            rates: the rates of which it is the largest gap, by their names.
            how: description of the gap.
            classes: number of lines of each listed group.
            unit: of the rates.
            largest: largest possible gap.
        """  # fmt: skip
        settings = self.policy.measure
        draws = Draws(
            settings.fairness.confidence, settings.resamples, settings.seed, self.family, largest
        )
        chosen = [rate.means.of_groups(rate.decides) for rate in rates.values()]
        used = np.any([rate.used for rate in rates.values()], axis=0)
        many = max(len(rate.n) for rate in chosen) > MANY
        together = "" if self.family == 1 else f"; lower ends hold for {self.family} partitions"
        level = "Bonferroni over all pairs" if many else "simultaneous (max-t) over all pairs"
        models = len(chosen[0].values)
        paired = "the candidate's largest gap minus the base's, paired; simultaneous intervals"
        found: list[tuple[Of, Found, str]] = [
            (of, largest_gap(chosen, draws, model), f"{how}; normal intervals, {level}")
            for model, of in enumerate((Of.CANDIDATE, Of.BASE)[:models])
        ]
        if models == 2:
            found.append((Of.COMPARISON, gap_difference(chosen, draws), paired))
        for of, measured, method in found:
            yield gap_measurement(
                metric, self.name, measured, self.too_small(rates), int(self.sizes[used].sum()),
                method=method + together, unit=unit, of=of,
                unlisted=len(self.names) - len(self.listed(classes)) + 1,
            )  # fmt: skip

    def too_small(self, rates: Mapping[str, Rate]) -> list[str]:
        """Name the groups that are too small in some of the rates, and in which."""
        texts = []
        small = np.stack([rate.small for rate in rates.values()])
        for position in np.flatnonzero(small.any(axis=0)):
            names = [name for name, here in zip(rates, small[:, position], strict=True) if here]
            where = ""
            if len(names) < len(rates):
                more = ", …" if len(names) > _RATES_NAMED else ""
                where = f" ({', '.join(names[:_RATES_NAMED])}{more})"
            texts.append(f"{self.names[position]}{where}")
        return texts
