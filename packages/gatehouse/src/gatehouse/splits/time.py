"""The split rule `time`: train before valid before test, at dates that the contract names.

With a group column, a group is placed by its first row. Rows of a group beyond the end of its side
are left out of all splits, as are rows in the gap and rows without a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from gatehouse.columns.times import moments, start_of
from gatehouse.splits.hash import value_hashes
from gatehouse.splits.rule import LEFT_OUT, Deal, NoSettings, SplitRule

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from gatehouse.contract import Contract


@dataclass(frozen=True)
class Firsts:
    """The first moment of each of G groups.

    Attributes:
        groups: shape [G], sorted hashes of the groups.
        moments: shape [G], the time of each group's first row, datetime64[us] in UTC.
    """

    groups: NDArray[np.uint64]
    moments: NDArray[np.datetime64]

    def of(
        self, groups: NDArray[np.uint64], times: NDArray[np.datetime64]
    ) -> NDArray[np.datetime64]:
        """Return the first moment of each of N rows' group, shape [N].

        Args:
            groups: shape [N], hashes of the rows' groups.
            times: shape [N], moments of the rows, for groups that are not known.
        """
        import numpy as np

        if not len(self.groups):
            return times
        places = np.minimum(np.searchsorted(self.groups, groups), len(self.groups) - 1)
        return np.where(self.groups[places] == groups, self.moments[places], times)


def _columns(contract: Contract) -> tuple[str, ...]:
    assert contract.split.time is not None  # by: time needs it
    return (contract.split.time, *([contract.group] if contract.group else []))


def times_of(rows: pa.Table, contract: Contract) -> NDArray[np.datetime64]:
    """Return the moment of each of N rows, shape [N], datetime64[us] in UTC; NaT if it has none."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as types

    name = contract.split.time
    assert name is not None
    timezone = contract.columns[name].timezone
    assert timezone is not None
    values = rows[name]
    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not types.is_timestamp(values.type):
        values = values.cast(pa.large_string())
    found = moments(values.to_pandas(), timezone)
    return np.asarray(found.dt.tz_localize(None).to_numpy("datetime64[us]"))


def _survey(tables: Iterable[pa.Table], deal: Deal[NoSettings]) -> Firsts | None:
    """Return the first moment of each group; None if the contract has no groups."""
    import numpy as np

    group = deal.contract.group
    if group is None:
        return None
    found = [Firsts(np.empty(0, np.uint64), np.empty(0, "datetime64[us]"))]
    for rows in tables:
        found.append(_firsts(value_hashes(rows, [group]), times_of(rows, deal.contract)))
    return _firsts(*(np.concatenate(each) for each in zip(*_pairs(found), strict=True)))


def _pairs(found: list[Firsts]) -> Iterable[tuple[NDArray[np.uint64], NDArray[np.datetime64]]]:
    return ((each.groups, each.moments) for each in found)


def _firsts(groups: NDArray[np.uint64], times: NDArray[np.datetime64]) -> Firsts:
    import numpy as np

    order = np.lexsort((times, groups))  # NaT comes last
    groups, times = groups[order], times[order]
    first = np.ones(len(groups), bool)
    first[1:] = groups[1:] != groups[:-1]
    return Firsts(groups[first], times[first])


def _deal(rows: pa.Table, deal: Deal[NoSettings]) -> NDArray[np.uint8]:
    import numpy as np

    times = times_of(rows, deal.contract)
    anchors = times
    if deal.survey is not None:
        assert deal.contract.group is not None
        hashes = value_hashes(rows, [deal.contract.group])
        anchors = deal.survey.of(hashes, times)
    cuts, ends = _cuts(deal.contract)
    sides = np.searchsorted(cuts, anchors, side="right")
    beyond = times >= np.append(ends, np.datetime64("9999-12-31"))[np.minimum(sides, 2)]
    out = np.isnat(times) | beyond | (deal.official_test & (sides == 2))
    return np.where(out, LEFT_OUT, sides).astype(np.uint8)


def _cuts(contract: Contract) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return the starts of valid and test, and the ends of train and valid, in UTC; each [2]."""
    split = contract.split
    assert split.valid_from is not None
    assert split.test_from is not None
    days, gap = (split.valid_from, split.test_from), timedelta(days=split.gap)
    return _moments(days, contract), _moments([day - gap for day in days], contract)


def _moments(days: Iterable[date], contract: Contract) -> NDArray[np.datetime64]:
    from datetime import UTC

    import numpy as np

    assert contract.split.time is not None
    timezone = contract.columns[contract.split.time].timezone
    assert timezone is not None
    starts = (start_of(day, timezone).astimezone(UTC) for day in days)
    return np.array([start.replace(tzinfo=None) for start in starts], "datetime64[us]")


TIME = SplitRule(
    name="time",
    label="the time in",
    settings=NoSettings,
    deal=_deal,
    columns=_columns,
    keys=("time", "valid_from", "test_from"),
    survey=_survey,
)
