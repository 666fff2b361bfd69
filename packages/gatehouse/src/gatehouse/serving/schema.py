"""The type of a row, made from the contract: what is checked is what OpenAPI shows."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from gatehouse.contract import FLOAT32_EXACT_INTEGERS, Column, ColumnType, Contract, Role

MAX_TEXT = 200
"""Longest text, in characters, that is fed where the contract does not list the values."""

FLOAT32_MAX = 3.4028234663852886e38


def accepted(contract: Contract) -> dict[str, Column]:
    """Columns that a row may have: what the model is fed, keys and protected attributes."""
    return {
        name: column
        for name, column in contract.columns.items()
        if column.is_model_input or column.role in (Role.KEY, Role.PROTECTED)
    }


def fed_range(column: Column) -> tuple[float, float]:
    """Smallest and largest number that the contract allows and the graph's float32 can hold."""
    largest = FLOAT32_EXACT_INTEGERS if column.type is ColumnType.INTEGER else FLOAT32_MAX
    low, high = column.range or (-largest, largest)
    return max(low, -largest), min(high, largest)


def row_type(contract: Contract) -> Any:
    """The type of one row: model inputs are required, keys and protected attributes are not."""
    fields: dict[str, Any] = {}
    for name, column in accepted(contract).items():
        kind: Any = Annotated[_values(column), Field(description=_description(column))]
        fields[name] = kind if column.is_model_input else NotRequired[kind]
    row = TypedDict("Row", fields)  # type: ignore[misc] # made at run time
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, title="Row")
    return with_config(config)(row)


def row_adapter(contract: Contract) -> TypeAdapter[dict[str, Any]]:
    """What validates one row."""
    return TypeAdapter(row_type(contract))


def _values(column: Column) -> Any:
    values: Any
    if column.type is ColumnType.CATEGORY and column.unknown == "reject":
        assert column.categories is not None
        values = Literal[column.categories]
    elif column.is_numeric:
        low, high = fed_range(column) if column.is_model_input else column.range or (None, None)
        if column.type is ColumnType.INTEGER:
            # A range may end between two integers: int() would let in the one outside of it.
            least = None if low is None else math.ceil(low)
            most = None if high is None else math.floor(high)
            values = Annotated[int, Field(ge=least, le=most)]
        else:
            values = Annotated[float, Field(ge=low, le=high)]
    else:
        longest = MAX_TEXT if column.is_model_input else None
        values = Annotated[str, Field(min_length=1, max_length=longest)]
        if column.categories:
            values = Annotated[values, Field(examples=list(column.categories))]
    return values | None if column.missing else values


def _description(column: Column) -> str:
    told = [column.description]
    if column.unknown == "other":
        told.append("a value beside the examples is scored as unknown")
    if column.missing:
        told.append("null: not known")
    if not column.is_model_input:
        told.append("not fed to the model")
    return "; ".join(told)
