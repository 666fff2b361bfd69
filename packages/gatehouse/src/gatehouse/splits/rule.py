"""Definition of a split rule: one object that assigns rows to train, valid and test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from gatehouse.contract import Contract

S = TypeVar("S", bound=Frozen)

LEFT_OUT = 3
"""The number of rows that are in no split; train, valid and test are 0, 1 and 2."""


class NoSettings(Frozen):
    """The settings of a rule without settings."""


@dataclass(frozen=True)
class Deal(Generic[S]):
    """What a rule knows about the rows that it splits.

    Attributes:
        contract: of the rows.
        settings: of the rule.
        official_test: is the test split a separate file? No row is then assigned to test.
        survey: result of the rule's `survey`; None without one.
    """

    contract: Contract
    settings: S
    official_test: bool = False
    survey: Any = None


def identity_of(contract: Contract) -> tuple[str, ...]:
    """Return the columns that identify a row."""
    return contract.split.identity


@dataclass(frozen=True, kw_only=True)
class SplitRule(Generic[S]):
    """A split rule.

    A row's split depends only on the row's own `columns`, the contract and the rule's `survey` of
    all rows. `deal` sees only some rows at a time. Jobs without numpy read contracts, so a rule
    imports the packages that it needs inside its functions.

    Attributes:
        name: name in `split.by`; for a fork's own rule it is only for people.
        label: what decides a row's split, as the end of "by ..."; the names of `columns` follow.
        settings: model of `split.settings`.
        deal: takes a table with `columns`. Returns each row's index in `digest.SPLITS` (0 train,
            1 valid, 2 test) or `LEFT_OUT`, uint8 [N].
        by_chance: do the values of `columns` fall into the contract's shares at random? If so, the
            rows gate tests whether the rows of a change do too.
        columns: names of the columns that decide, in an order of their own.
        keys: keys of `split` that the rule needs.
        survey: takes all rows that will be dealt, as tables with `columns`; its result is in
            `Deal.survey`. None if the rule needs no look at other rows.
    """

    name: str
    label: str
    settings: type[S]
    deal: Callable[[pa.Table, Deal[S]], NDArray[np.uint8]]
    by_chance: bool = False
    columns: Callable[[Contract], Sequence[str]] = identity_of
    keys: tuple[str, ...] = ("hash", "valid", "test")
    survey: Callable[[Iterable[pa.Table], Deal[S]], Any] | None = None

    def dealt(self, rows: pa.Table, deal: Deal[S]) -> NDArray[np.uint8]:
        """Call `deal` and check the result.

        Raises:
            GatehouseError: the rule gives no split for each row.
        """
        import numpy as np

        found = np.asarray(self.deal(rows, deal))
        whole = found.shape == (rows.num_rows,) and found.dtype.kind in "iu"
        known = [0, 1, *([] if deal.official_test else [2]), LEFT_OUT]
        if not whole or not np.isin(found, known).all():
            raise _wrong(deal, rows.num_rows, found, known)
        return found.astype(np.uint8)


def _wrong(deal: Deal[Any], rows: int, found: NDArray[Any], known: list[int]) -> Exception:
    from gatehouse.errors import GatehouseError

    return GatehouseError(
        f"contract.yaml: split.by: {deal.contract.split.by} must give each row one of "
        f"{', '.join(map(str, known))}, uint8 [{rows}], and gave {found.dtype} {list(found.shape)}"
    )
