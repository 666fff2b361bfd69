"""Derived features: section `features` of params.yaml, and its check against the contract."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from gatehouse.columns.numbers import FLOAT32_MAX
from gatehouse.contract import CONTRACT_FILE, Contract, Role
from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.places import PARAMS
from gatehouse.typed import Frozen

_NUMERIC, _CATEGORY, _TIME = "integer or number", "category", "timestamp"
_EITHER = f"{_NUMERIC}, or two of type {_TIME}"


def _different(names: tuple[str, str]) -> tuple[str, str]:
    if names[0] == names[1]:
        raise ValueError(f"names '{names[0]}' twice; name two columns")
    return names


def _rising(edges: tuple[float, ...]) -> tuple[float, ...]:
    if not edges:
        raise ValueError("is empty; write at least one edge")
    for edge in edges:
        if abs(edge) > FLOAT32_MAX:
            raise ValueError(f"{edge:g} is beyond float32, in which the graph computes")
    for low, high in pairwise(map(_float32, edges)):
        if low >= high:
            raise ValueError(f"{high:g} after {low:g} does not rise in float32; sort the edges")
    return edges


def _float32(value: float) -> float:
    """Round to the graph's precision, without NumPy: every command reads params.yaml."""
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


_Two = Annotated[tuple[str, str], AfterValidator(_different)]
_Edges = Annotated[tuple[float, ...], AfterValidator(_rising)]


class _Kind(Frozen):
    """One kind of derived feature; its first field names the kind."""

    def reads(self) -> list[tuple[str, str, str]]:
        """Key, column and needed type of each column that the feature reads."""
        raise NotImplementedError


class Ratio(_Kind):
    """The first column divided by the second."""

    ratio: _Two = Field(description="two numeric columns: the first over the second")

    def reads(self) -> list[tuple[str, str, str]]:
        return [("ratio", name, _NUMERIC) for name in self.ratio]


class Difference(_Kind):
    """The first column minus the second; in days for two timestamps."""

    difference: _Two = Field(
        description="two numeric columns, or two timestamps (in days): the first minus the second"
    )

    def reads(self) -> list[tuple[str, str, str]]:
        return [("difference", name, _EITHER) for name in self.difference]


class Part(_Kind):
    """A part of a timestamp, on the clock of the column's timezone."""

    part: Literal["year", "month", "day", "weekday", "hour"] = Field(
        description="of the date or time; weekday 0 is Monday"
    )
    of: str = Field(description="a timestamp column")

    def reads(self) -> list[tuple[str, str, str]]:
        return [("of", self.of, _TIME)]


class Bins(_Kind):
    """The number of edges that a value reaches: 0 below the first edge."""

    bins: _Edges = Field(
        description="edges in rising order; a value on an edge belongs to the bin above it"
    )
    of: str = Field(description="a numeric column")

    def reads(self) -> list[tuple[str, str, str]]:
        return [("of", self.of, _NUMERIC)]


class Mean(_Kind):
    """The mean of a column in the row's group, learned on the train split."""

    mean: str = Field(description="a numeric column, never the target")
    by: str = Field(description="a category column; a group that train lacks has the overall mean")

    def reads(self) -> list[tuple[str, str, str]]:
        return [("mean", self.mean, _NUMERIC), ("by", self.by, _CATEGORY)]


_ALL: dict[str, type[_Kind]] = {
    next(iter(kind.model_fields)): kind for kind in (Ratio, Difference, Part, Bins, Mean)
}


def _one_kind(value: Any) -> Any:
    """Return a feature's raw value if exactly one of its keys names a kind."""
    keys = [key for key in _ALL if key in value] if isinstance(value, Mapping) else []
    if len(keys) != 1 and not isinstance(value, _Kind):
        raise ValueError(f"a feature has exactly one of the keys {', '.join(_ALL)}; add one")
    return value


def _tag(value: Any) -> str:
    if isinstance(value, _Kind):
        return type(value).__name__
    return next(kind.__name__ for key, kind in _ALL.items() if key in value)


Feature: TypeAlias = Annotated[
    Annotated[Ratio, Tag("Ratio")]
    | Annotated[Difference, Tag("Difference")]
    | Annotated[Part, Tag("Part")]
    | Annotated[Bins, Tag("Bins")]
    | Annotated[Mean, Tag("Mean")],
    Discriminator(_tag),
    BeforeValidator(_one_kind),
]
Features: TypeAlias = dict[Annotated[str, Field(min_length=1)], Feature]


def check_features(features: Mapping[str, Feature], contract: Contract) -> None:
    """Check the features' names and columns.

    Raises:
        GatehouseError: a feature has the name of a column, or reads a column that is missing, not a
            model input or of the wrong type; or no feature reads a timestamp that is a model input.
    """
    read: set[str] = set()
    for name, feature in features.items():
        if name in contract.columns:
            raise GatehouseError(
                f"{PARAMS}: features.{name}: {CONTRACT_FILE} has a column '{name}'; give the "
                "feature another name"
            )
        for key, column, wanted in feature.reads():
            if fault := _fault(column, wanted, features, contract):
                raise GatehouseError(f"{PARAMS}: features.{name}.{key}: {fault}")
            read.add(column)
        if isinstance(feature, Difference):
            first, second = (contract.columns[each] for each in feature.difference)
            if first.kind.moments != second.kind.moments:
                raise GatehouseError(
                    f"{PARAMS}: features.{name}.difference: '{feature.difference[0]}' has type: "
                    f"{first.type} and '{feature.difference[1]}' type: {second.type}; name two "
                    "numbers or two timestamps"
                )
    for name, each in contract.inputs.items():
        if each.kind.moments and name not in read:
            raise GatehouseError(
                f"{CONTRACT_FILE}: columns.{name}: a model reads a timestamp through a derived "
                f"feature only, and none of {PARAMS} reads it; add one under features, or set "
                "role: ignored here"
            )


def _fault(
    name: str, wanted: str, features: Mapping[str, Feature], contract: Contract
) -> str | None:
    if name in features:
        return f"'{name}' is a derived feature; name columns of {CONTRACT_FILE} only"
    column = contract.columns.get(name)
    if column is None:
        near = hint(name, contract.inputs) or f"; name one of {', '.join(contract.inputs)}"
        return f"{CONTRACT_FILE} has no column '{name}'{near}"
    if column.role is Role.TARGET:
        return f"'{name}' is the target, which is not known for new rows; name another column"
    if not column.is_model_input:
        return f"'{name}' is not a model input in {CONTRACT_FILE}; name one that is"
    kind = column.kind
    fits = {
        _NUMERIC: kind.numeric,
        _CATEGORY: kind.listed,
        _TIME: kind.moments,
        _EITHER: kind.numeric or kind.moments,
    }[wanted]
    return None if fits else f"'{name}' has type: {column.type}; name a column of type {wanted}"
