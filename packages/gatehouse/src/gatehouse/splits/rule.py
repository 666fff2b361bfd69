"""Split rules: an object that says which rows train, validate and test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from gatehouse.contract import Split

S = TypeVar("S", bound=Frozen)


class NoSettings(Frozen):
    """The settings of a rule without settings."""


@dataclass(frozen=True, kw_only=True)
class SplitRule(Generic[S]):
    """A split rule.

    A row's split depends only on the row's identity columns and the contract's `split`. It must not
    depend on other rows, because a rule sees only some rows at a time. Jobs without numpy read
    contracts, so a rule must import its libraries inside its functions.

    Attributes:
        name: the name in `split.rule`; for a fork's own rule, it is only for display.
        label: what decides a row's split, as the end of "by ...".
        settings: the model of `split.settings`.
        deal: takes a table with the identity columns, the split, the rule's settings and whether
            the test split is a separate file. Returns the index of each row's split in
            `digest.SPLITS` (0 train, 1 valid, 2 test), uint8 [N]. With a separate test file, it
            puts no row into test.
        by_chance: whether identities fall into the contract's shares at random. If so, the rows
            gate tests that a change's rows do.
    """

    name: str
    label: str
    settings: type[S]
    deal: Callable[[pa.Table, Split, S, bool], NDArray[np.uint8]]
    by_chance: bool = False

    def dealt(self, rows: pa.Table, split: Split, *, official_test: bool) -> NDArray[np.uint8]:
        """Call `deal` with the settings of `split`, and check its result.

        Raises:
            GatehouseError: the settings do not fit, or the rule does not return a split for each
                row.
        """
        import numpy as np

        from gatehouse.digest import SPLITS
        from gatehouse.errors import GatehouseError
        from gatehouse.typed import validate

        above = ("split", "settings")
        options: Any = validate(self.settings, split.settings, "contract.yaml", above)
        found = np.asarray(self.deal(rows, split, options, official_test))
        most = len(SPLITS) - 1 - official_test
        whole = found.shape == (rows.num_rows,) and found.dtype.kind in "iu"
        if not whole or not np.isin(found, range(most + 1)).all():
            raise GatehouseError(
                f"contract.yaml: split.rule: {split.rule} must give each row a number from 0 to "
                f"{most}, uint8 [{rows.num_rows}], and gave {found.dtype} {list(found.shape)}"
            )
        return found.astype(np.uint8)
