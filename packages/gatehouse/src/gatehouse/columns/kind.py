"""Definition of a column type: one object that contract, pipeline, gates and service use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.columns.expectation import Expectation
    from gatehouse.contract import Column


@dataclass(frozen=True, kw_only=True)
class ColumnKind:
    """One type of column, under its name in contract.yaml.

    Jobs without pandas read contracts, so functions import the packages that they need.

    Attributes:
        name: `type` of a column in contract.yaml; for a fork's own type it is only for people.
        title: description for the schema of contract.yaml.
        numeric: does the graph read it as float32? If not, as text, or as seconds for `moments`.
        whole: does it contain only whole numbers?
        listed: does the contract list its values?
        fed: may a model read it?
        moments: does it contain timestamps, which can decide a split? Then a column of this kind
            names its `timezone`, and a model reads it through derived features only.
        typed: converts a column's raw values to the one pandas type of this kind. Values that don't
            fit stay unchanged, for the data gate to report. Applying it twice changes nothing.
        expectations: takes a column's name, the column and its ingested values, and returns the
            expectations other than the one on the share of missing values.
        accepts: the type that a value in a request must have, apart from null.
        example: a value that meets the contract; None if there is none to show.
        narrower: describes values that the first column allows and the second, of the same kind,
            does not; None if there are none.
    """

    name: str
    title: str
    numeric: bool
    whole: bool
    listed: bool
    fed: bool
    typed: Callable[[pd.Series, Column], pd.Series]
    expectations: Callable[[str, Column, pd.Series], list[Expectation]]
    accepts: Callable[[Column], Any]
    example: Callable[[Column], float | str | None]
    narrower: Callable[[Column, Column], str | None]
    moments: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it is arbitrary text."""
        return not (self.numeric or self.listed or self.moments)
