"""What wrong decisions cost, as contract.yaml says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Amount = Annotated[float, Field(ge=0)] | Annotated[str, Field(min_length=1)]


class Cost(Frozen):
    """The cost of a wrong decision between two classes; a right decision costs nothing."""

    false_positive: Amount = Field(
        description="cost of deciding for the positive class wrongly: a number, or a column of "
        "numbers"
    )
    false_negative: Amount = Field(
        description="cost of missing the positive class: a number, or a column of numbers"
    )

    @property
    def amounts(self) -> tuple[float | str, float | str]:
        return self.false_positive, self.false_negative

    def check(self, columns: Mapping[str, str], numeric: Collection[str]) -> None:
        """Check the columns that it names.

        Args:
            columns: type of each column, by name.
            numeric: names of the columns of numbers.

        Raises:
            ValueError: a column is missing, or is no number.
        """
        for name in self.amounts:
            if not isinstance(name, str):
                continue
            if name not in columns:
                raise ValueError(
                    f"there is no column '{name}'; name one that is there, or a number"
                    + hint(name, columns)
                )
            if name not in numeric:
                raise ValueError(f"'{name}' has type: {columns[name]}; name a column of numbers")


def costs_of(rows: pd.DataFrame, cost: Cost) -> NDArray[np.float64]:
    """Return the cost of a false positive and of a false negative of each row, shape [N, 2].

    Raises:
        GatehouseError: a row has no cost, or one below 0.
    """
    import numpy as np
    import pandas as pd

    found = np.empty((len(rows), 2))
    for place, amount in enumerate(cost.amounts):
        if not isinstance(amount, str):
            found[:, place] = amount
            continue
        if amount not in rows:
            raise GatehouseError(f"the table has no column '{amount}', a cost of the contract")
        numbers = pd.to_numeric(rows[amount], errors="coerce")
        found[:, place] = numbers.to_numpy(np.float64, na_value=np.nan)
        bad = int((~(found[:, place] >= 0)).sum())
        if bad:
            raise GatehouseError(
                f"column '{amount}': {bad:,} rows hold no cost, which is a number of at least 0; "
                "fill them in, or give one number under `cost` in contract.yaml"
            )
    return found
