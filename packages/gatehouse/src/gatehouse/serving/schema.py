"""The type of a row, made from the contract, so that OpenAPI shows exactly the checks."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from gatehouse.contract import Column, Contract, Role


def accepted(contract: Contract) -> dict[str, Column]:
    """Return the columns that a row may have: model inputs, keys and protected attributes."""
    return {
        name: column
        for name, column in contract.columns.items()
        if column.is_model_input or column.role in (Role.KEY, Role.PROTECTED)
    }


def row_type(contract: Contract) -> Any:
    """Return the type of one row; only the model inputs are required."""
    fields: dict[str, Any] = {}
    for name, column in accepted(contract).items():
        kind: Any = Annotated[_values(column), Field(description=_description(column))]
        fields[name] = kind if column.is_model_input else NotRequired[kind]
    row = TypedDict("Row", fields)  # type: ignore[misc] # made at run time
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, title="Row")
    return with_config(config)(row)


def row_adapter(contract: Contract) -> TypeAdapter[dict[str, Any]]:
    """Return the validator of one row."""
    return TypeAdapter(row_type(contract))


def _values(column: Column) -> Any:
    values = column.kind.accepts(column)
    return values | None if column.missing else values


def _description(column: Column) -> str:
    parts = [column.description]
    if column.unknown == "other":
        parts.append("a value next to the examples is scored as unknown")
    if column.missing:
        parts.append("null: not known")
    if not column.is_model_input:
        parts.append("not fed to the model")
    return "; ".join(parts)
