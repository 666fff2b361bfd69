"""What a type of column is: one object, which contract, pipeline, gates and service go by."""

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
    """One type of column, by the name that contract.yaml says.

    Jobs without pandas read contracts, so that functions import what they need.

    Attributes:
        name: `type` of a column in contract.yaml; of a fork's own it is for people alone.
        title: what it is, for contract.yaml's schema.
        numeric: does the graph read it as float32? Else as text.
        whole: does it hold whole numbers alone?
        listed: does the contract list its values?
        fed: may a model read it?
        typed: raw values in the one pandas type of this kind; those that don't fit stay as they
            are, for the data gate to report. What it gave, it gives back unchanged.
        expectations: of a column of this name and its values as they were ingested, besides the
            share that is missing.
        accepts: the type that a value in a request must have, null aside.
        example: a value that keeps the contract; None where it tells none.
        narrower: what a value of the first column can be that the second, of the same kind,
            refuses; None: nothing.
    """

    name: str
    title: str
    numeric: bool
    whole: bool
    listed: bool
    fed: bool
    typed: Callable[[pd.Series], pd.Series]
    expectations: Callable[[str, Column, pd.Series], list[Expectation]]
    accepts: Callable[[Column], Any]
    example: Callable[[Column], float | str | None]
    narrower: Callable[[Column, Column], str | None]

    @property
    def is_free(self) -> bool:
        """Is it text of any kind?"""
        return not self.numeric and not self.listed
