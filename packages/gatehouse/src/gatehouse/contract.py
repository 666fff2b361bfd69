"""The contract: what a row is (`contract.yaml`)."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from gatehouse.columns import BY_NAME as KINDS
from gatehouse.columns import kind_of
from gatehouse.columns.kind import ColumnKind
from gatehouse.columns.numbers import FLOAT32_EXACT_INTEGERS
from gatehouse.costs import Cost
from gatehouse.errors import GatehouseError
from gatehouse.named import OWN_OBJECT
from gatehouse.nearest import hint
from gatehouse.split_settings import Split
from gatehouse.splits.hash import GROUP
from gatehouse.typed import Frozen, parse_yaml, read_text, validate

CONTRACT_FILE = Path("contract.yaml")

_OWN = "gates.MODULE:OBJECT of your own"
_TYPES = ", ".join([*(each.title for each in KINDS.values()), f"or {_OWN}"])

MOST_CLASSES = 200
"""The gates measure each class separately, which takes time."""

UNLISTED = "(unlisted)"
"""Replaces an unlisted category in the inference log, because clients choose its text."""


def _known(name: str) -> str:
    if re.fullmatch(OWN_OBJECT, name):
        try:
            kind_of(name)
        except GatehouseError as error:
            raise ValueError(str(error).removeprefix("contract.yaml: columns: ")) from None
    elif name not in KINDS:
        expected = " or ".join(", ".join(map(repr, KINDS)).rsplit(", ", 1))
        raise PydanticKnownError("enum", {"expected": f"{expected}, or {_OWN}"})
    return name


ColumnType = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema(
        {"anyOf": [{"enum": [*KINDS]}, {"pattern": f"^{OWN_OBJECT}$"}], "type": "string"}
    ),
]


class Role(StrEnum):
    FEATURE = "feature"
    TARGET = "target"
    PROTECTED = "protected"
    KEY = "key"
    WEIGHT = "weight"
    GROUP = "group"
    IGNORED = "ignored"


class Task(StrEnum):
    """What is predicted; the target column decides."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Column(Frozen):
    """One column of the table."""

    type: ColumnType = Field(description=_TYPES)
    role: Role = Field(
        default=Role.FEATURE,
        description="feature; target; protected (an attribute that fairness is measured by); "
        "key (identifies a row); weight (of the row in the training loss); "
        "group (the patient, customer or machine of a row, which may have many rows); ignored",
    )
    description: str = Field(min_length=1, description="one line for people")
    range: tuple[float, float] | None = Field(
        default=None, description="smallest and largest allowed value of a numeric column"
    )
    categories: tuple[str, ...] | None = Field(
        default=None, description="the allowed values of a category column"
    )
    missing: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="largest allowed share of missing values: false (0), true (1) or a share",
        json_schema_extra={"type": ["number", "boolean"]},
    )
    unknown: Literal["reject", "other"] = Field(
        default="reject",
        description="a category that is not listed breaks the contract (reject), or is allowed "
        "and scored as the model's unknown category (other)",
    )
    positive: str | None = Field(
        default=None,
        description="target of two categories only: the one whose probability the model gives",
    )
    timezone: str | None = Field(
        default=None,
        description="zone of a timestamp column's values without an offset from UTC: an IANA name, "
        "such as UTC or Europe/Berlin; required there",
    )
    model_input: bool | None = Field(
        default=None,
        description="does the model read the column? By default it reads features, and no "
        "protected attributes",
    )
    logged: bool = Field(
        default=True,
        description="may the service's inference log hold this column? Protected attributes, "
        "timestamps, and columns that the model does not read, are never logged",
    )
    severity: Literal["critical", "warning"] = Field(
        default="critical", description="does a broken expectation of this column stop training?"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        kind = self.kind
        if self.range is not None:
            if not kind.numeric:
                raise ValueError("only an integer or number column has a range; use categories")
            if self.range[0] > self.range[1]:
                raise ValueError("range is [smallest, largest]; swap the two")
        if (self.categories is not None) != kind.listed:
            raise ValueError("a category column lists its categories, and no other column does")
        if self.categories is not None:
            if len(set(self.categories)) != len(self.categories):
                raise ValueError("categories names a value twice; take one out")
            if "" in self.categories:
                raise ValueError("the empty string means missing; take it out of categories")
        if self.role is Role.TARGET:
            self._check_target()
        elif self.positive is not None:
            raise ValueError("the target names its positive category, and no other column does")
        if self.role is Role.PROTECTED and not kind.listed:
            raise ValueError("a protected attribute is a category column (bin a numeric one)")
        if self.role is Role.WEIGHT and not kind.numeric:
            raise ValueError("the weight is an integer or number column")
        if self.role is Role.GROUP and not (kind.whole or kind.listed or kind.is_free):
            raise ValueError("a group is an integer, category or string column")
        self._check_timezone()
        if self.model_input and self.role not in (Role.FEATURE, Role.PROTECTED):
            raise ValueError("only a feature or a protected attribute can be a model input")
        if self.is_model_input:
            if not kind.fed:
                raise ValueError("free text can't be an input; set role: ignored, or a category")
            largest = max(map(abs, self.range)) if self.range is not None else 0
            if kind.whole and largest > FLOAT32_EXACT_INTEGERS:
                raise ValueError(
                    "integers beyond 16,777,216 lose digits in the graph's float32 input; "
                    "declare type: number, or rescale the column"
                )
        return self

    def _check_timezone(self) -> None:
        if self.kind.moments and self.timezone is None:
            raise ValueError("a timestamp column names its timezone, such as timezone: UTC")
        if self.timezone is not None:
            if not self.kind.moments:
                raise ValueError("only a timestamp column has a timezone; take it out")
            try:
                ZoneInfo(self.timezone)
            except (ValueError, OSError, KeyError):
                raise ValueError(
                    f"there is no timezone '{self.timezone}'; write an IANA name, such as UTC or "
                    "Europe/Berlin"
                ) from None

    def _check_target(self) -> None:
        if self.missing:
            raise ValueError("the target may not be missing; set missing to false")
        found = len(self.categories) if self.categories is not None else MOST_CLASSES
        if not self.kind.fed or self.kind.moments or not 2 <= found <= MOST_CLASSES:
            raise ValueError(
                f"the target is a category column with 2 to {MOST_CLASSES} categories, or numeric"
            )
        if self.unknown != "reject":
            raise ValueError("the target's categories are all listed; take unknown out")
        two = self.categories is not None and len(self.categories) == 2
        if two and self.positive is None:
            raise ValueError("a target of two categories names its positive category")
        if self.positive is not None and not two:
            raise ValueError("positive is of a target of exactly two categories; take it out")
        if self.categories is not None and two and self.positive not in self.categories:
            raise ValueError(f"positive must be one of {list(self.categories)}")

    @property
    def is_model_input(self) -> bool:
        if self.model_input is not None:
            return self.model_input
        return self.role is Role.FEATURE

    @property
    def kind(self) -> ColumnKind:
        return kind_of(self.type)

    @property
    def is_numeric(self) -> bool:
        return self.kind.numeric


class Retention(Frozen):
    """How long rows are kept. A change may remove all older rows at once."""

    column: str = Field(
        description="a column of type timestamp, or of type string with ISO 8601 dates (2026-11-30)"
    )
    days: Annotated[int, Field(ge=1, le=36_525)] = Field(description="maximum age of a row")


class Contract(Frozen):
    """Description of a row: columns in order, their types, limits and roles."""

    version: Literal[1] = Field(description="version of this file's schema")
    name: str = Field(min_length=1, description="name of the data set")
    description: str = Field(min_length=1, description="what one row is")
    copies: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.01,
        description="largest allowed share of rows with an exact copy, where no column is a key",
    )
    columns: dict[str, Column] = Field(min_length=2, description="the columns, by name")
    split: Split = Field(description="which rows train, validate and test")
    retention: Retention | None = Field(
        default=None,
        description="maximum age of rows; a complete sweep of older ones may remove exam rows",
    )
    cost: Cost | None = Field(
        default=None,
        description="cost of wrong decisions; the accuracy gate measures it per decision, and "
        "`decision.threshold: cost` in params.yaml chooses the cheapest threshold",
    )
    show_rows: bool = Field(
        default=False,
        description="may the site show test rows that the model gets wrong? Never their keys, nor "
        "columns with logged: false",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for role in (Role.TARGET, Role.WEIGHT, Role.GROUP):
            names = self.names(role)
            if len(names) > 1:
                raise ValueError(f"role {role}: only one column may have it, found {names}")
        if not self.names(Role.TARGET):
            raise ValueError("no column has role: target; mark the one to be predicted")
        if not self.inputs:
            raise ValueError("no column is a model input; mark at least one role: feature")
        return self

    @field_validator("split")
    @classmethod
    def _check_identity(cls, split: Split, info: ValidationInfo) -> Split:
        columns: dict[str, Column] = info.data.get("columns", {})  # empty if they are invalid
        for name in split.identity if columns else ():
            column = columns.get(name)
            if column is None:
                raise ValueError(
                    f"identity: there is no column '{name}'; bring it back, or take it out here, "
                    "which deals all rows again" + hint(name, columns)
                )
            if column.role in (Role.TARGET, Role.WEIGHT):
                raise ValueError(
                    f"identity: '{name}' has role: {column.role}, and that must not decide which "
                    "rows are tested; take it out"
                )
        return split

    @field_validator("cost")
    @classmethod
    def _check_cost(cls, cost: Cost | None, info: ValidationInfo) -> Cost | None:
        columns: dict[str, Column] = info.data.get("columns", {})  # empty if they are invalid
        target = next((n for n, each in columns.items() if each.role is Role.TARGET), None)
        if cost is not None and target is not None:
            if len(columns[target].categories or ()) != 2:
                raise ValueError(
                    "wrong decisions have a cost between two classes only; take it out"
                )
            cost.check(
                {name: each.type for name, each in columns.items()},
                [name for name, each in columns.items() if each.is_numeric],
            )
        return cost

    @field_validator("split")
    @classmethod
    def _check_deciding(cls, split: Split, info: ValidationInfo) -> Split:
        columns: dict[str, Column] = info.data.get("columns", {})  # empty if they are invalid
        if not columns:
            return split
        groups = [name for name, column in columns.items() if column.role is Role.GROUP]
        if split.by == GROUP.name and not groups:
            raise ValueError("by: group needs a column with role: group; mark one")
        if split.time is not None:
            column = columns.get(split.time)
            if column is None:
                raise ValueError(
                    f"time: there is no column '{split.time}'" + hint(split.time, columns)
                )
            if not column.kind.moments:
                raise ValueError(
                    f"time: '{split.time}' has type: {column.type}; name one of type timestamp"
                )
        for name in (*groups, *([split.time] if split.time else [])):
            if columns[name].missing:
                raise ValueError(
                    f"'{name}' decides which rows are tested and may not be missing; set missing: "
                    "false"
                )
        return split

    @field_validator("retention")
    @classmethod
    def _check_retention(
        cls, retention: Retention | None, info: ValidationInfo
    ) -> Retention | None:
        columns: dict[str, Column] = info.data.get("columns", {})  # empty if they are invalid
        if retention is not None and columns:
            column = columns.get(retention.column)
            if column is None:
                raise ValueError(
                    f"there is no column '{retention.column}'; name one that is there"
                    + hint(retention.column, columns)
                )
            if not (column.kind.is_free or column.kind.moments):
                raise ValueError(
                    f"'{retention.column}' has type: {column.type}; name a column of type "
                    "timestamp, or of type string that holds dates"
                )
        return retention

    def names(self, role: Role) -> list[str]:
        """Return the names of the columns with `role`, in the contract's order."""
        return [name for name, column in self.columns.items() if column.role is role]

    @property
    def target(self) -> str:
        return self.names(Role.TARGET)[0]

    @property
    def weight(self) -> str | None:
        return next(iter(self.names(Role.WEIGHT)), None)

    @property
    def group(self) -> str | None:
        """Name of the column with role: group, whose rows depend on each other."""
        return next(iter(self.names(Role.GROUP)), None)

    @property
    def protected(self) -> list[str]:
        return self.names(Role.PROTECTED)

    @property
    def keys(self) -> list[str]:
        return self.names(Role.KEY)

    @property
    def inputs(self) -> dict[str, Column]:
        """Columns that the model takes as inputs, in the contract's order."""
        return {name: column for name, column in self.columns.items() if column.is_model_input}

    def without_ignored(self, other: Contract) -> Contract:
        """Return this contract without the columns that both contracts ignore.

        Columns that a setting of either names (split, retention, cost) stay.
        """
        named = {name for each in (self, other) for name in each._named}
        return self.model_copy(
            update={
                "columns": {
                    name: column
                    for name, column in self.columns.items()
                    if name in named
                    or column.role is not Role.IGNORED
                    or (name in other.columns and other.columns[name].role is not Role.IGNORED)
                }
            }
        )

    @property
    def _named(self) -> set[str]:
        """Names of the columns that decide something, whatever their role."""
        names: list[object] = [*self.split.identity, self.split.time]
        names += [self.retention.column] if self.retention else []
        names += self.cost.amounts if self.cost else ()
        return {name for name in names if isinstance(name, str)}

    @property
    def logged(self) -> dict[str, Column]:
        """Columns of the inference log: the model's inputs except protected attributes and times.

        Times always drift.
        """
        return {
            name: column
            for name, column in self.inputs.items()
            if column.logged and column.role is not Role.PROTECTED and not column.kind.moments
        }

    @property
    def task(self) -> Task:
        """The task that the target implies: two classes, several classes or a number."""
        target = self.columns[self.target]
        if target.categories is None:
            return Task.REGRESSION
        return Task.BINARY if len(target.categories) == 2 else Task.MULTICLASS

    @property
    def classes(self) -> tuple[str, ...]:
        """Target categories in the contract's order, of two the positive last; () if none."""
        target = self.columns[self.target]
        values = target.categories or ()
        if target.positive is None:
            return values
        return (*(value for value in values if value != target.positive), target.positive)

    @property
    def digest(self) -> str:
        """SHA-256 of the contract's content, ignoring comments and layout.

        Defaults are ignored as well: otherwise, a new key in a later version would make every
        trained model belong to another contract. `show_rows` is ignored because it does not
        describe a row.
        """
        document = self.model_dump(mode="json", exclude_defaults=True, exclude={"show_rows"})
        content = json.dumps(document, sort_keys=True)
        return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def load_contract(path: Path = CONTRACT_FILE) -> Contract:
    """Load the contract at `path`.

    Raises:
        GatehouseError: with the file, line, key and fix.
    """
    return parse_contract(read_text(path), path)


@functools.lru_cache(maxsize=16)  # parsing YAML is slow, and one process asks repeatedly
def parse_contract(text: str, name: str | Path) -> Contract:
    """Parse the contract in `text`; `name` is the file that errors mention."""
    return validate(Contract, parse_yaml(text, name), name)
