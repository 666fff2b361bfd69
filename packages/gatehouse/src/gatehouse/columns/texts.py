"""Text columns: with values that the contract lists, or with any values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from gatehouse.columns.expectation import IN_SET, Expectation
from gatehouse.columns.kind import ColumnKind

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Column

MAX_TEXT = 200
"""Maximum characters of a text input if the contract does not list the values."""


def _typed(values: pd.Series, _: Column) -> pd.Series:
    return values.astype("str")


def _listed(name: str, column: Column, _: pd.Series) -> list[Expectation]:
    severity = column.severity if column.unknown == "reject" else "warning"
    return [Expectation(IN_SET, name, severity, {"value_set": list(column.categories or ())})]


def _text(column: Column) -> Any:
    from pydantic import Field

    longest = MAX_TEXT if column.is_model_input else None
    values: Any = Annotated[str, Field(min_length=1, max_length=longest)]
    if column.categories:
        values = Annotated[values, Field(examples=list(column.categories))]
    return values


def _category(column: Column) -> Any:
    if column.unknown == "other":
        return _text(column)
    assert column.categories is not None
    return Literal[column.categories]


def _narrower(ours: Column, theirs: Column) -> str | None:
    if ours.unknown == "other" and theirs.unknown != "other":
        return "may hold no unlisted category there"
    unlisted = sorted(set(ours.categories or ()) - set(theirs.categories or ()))
    if unlisted and theirs.unknown != "other":
        return f"lists no {', '.join(unlisted)} there"
    return None


CATEGORY = ColumnKind(
    name="category",
    title="category (listed values)",
    numeric=False,
    whole=False,
    listed=True,
    fed=True,
    typed=_typed,
    expectations=_listed,
    accepts=_category,
    example=lambda column: column.categories[0] if column.categories else None,
    narrower=_narrower,
)
STRING = ColumnKind(
    name="string",
    title="string",
    numeric=False,
    whole=False,
    listed=False,
    fed=False,
    typed=_typed,
    expectations=lambda *_: [],
    accepts=_text,
    example=lambda _: None,
    narrower=_narrower,
)
