"""Settings in sections: one for each member of a table, and one for an object of a fork's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails

from gatehouse.errors import GatehouseError
from gatehouse.nearest import hint
from gatehouse.places import PARAMS
from gatehouse.typed import Frozen, validate

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]

OWN_OBJECT = r"pipeline(\.\w+)+:\w+"
"""An object of the fork's own package `pipeline`, as `pipeline.module:object`."""

S = TypeVar("S", bound=Frozen)


class Member(Protocol):
    """What the members of such tables have in common."""

    @property
    def name(self) -> str:
        """As params.yaml says it; so is its section called."""
        ...

    @property
    def settings(self) -> type[Frozen]:
        """The model of its section."""
        ...


class Sections(Frozen):
    """A part of params.yaml that names members of a table, each of which has a section.

    The sections of built-in members are fields. An object of a fork's own has a section of the
    object's name, which the object's model checks once it is loaded. While another one is named,
    its section waits, unless its name may be a misspelt one.
    """

    model_config = ConfigDict(extra="allow")

    def members(self) -> tuple[str, ...]:
        """What these settings name, by name or as `module:object`."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _check_sections(self) -> Self:
        own = {section_of(name) for name in self.members() if ":" in name}
        known = {*type(self).model_fields, *own}
        wrong = [
            InitErrorDetails(
                type="dict_type" if key in own else "extra_forbidden", loc=(key,), input=value
            )
            for key, value in (self.model_extra or {}).items()
            if not isinstance(value, Mapping) or (key not in own and hint(key, known))
        ]
        if wrong:
            raise ValidationError.from_exception_data(type(self).__name__, wrong)
        return self

    def section(self, name: str, model: type[S], place: str) -> S:
        """The settings of the member called `name`.

        Args:
            name: of the member.
            model: of its settings.
            place: the key of params.yaml that holds the sections.

        Raises:
            GatehouseError: the section does not fit the model, or the name is that of another key.
        """
        field = type(self).model_fields.get(name)
        if field is None:
            return validate(model, (self.model_extra or {}).get(name, {}), PARAMS, (place, name))
        found = getattr(self, name)
        if not isinstance(found, model):
            raise GatehouseError(
                f"{PARAMS}: {place}.{name}: the name is taken; give your object another one"
            )
        return found


def with_sections(name: str, base: type[S], table: Iterable[Member]) -> type[S]:
    """The class `base` with a section for each member of a table that it has no field for yet."""
    fields: dict[str, Any] = {
        each.name: (each.settings, each.settings())
        for each in table
        if each.name not in base.model_fields
    }
    made: type[S] = create_model(
        name, __base__=base, __module__=base.__module__, __doc__=base.__doc__, **fields
    )
    return made


def check_member(name: str, table: Iterable[str], what: str) -> str:
    """`name` if it is of a table, or an object of the fork's own.

    Raises:
        ValueError: it is neither; `what` says what the table holds.
    """
    table = tuple(table)
    if name not in table and not re.fullmatch(OWN_OBJECT, name):
        raise ValueError(
            f"'{name}' names no {what}; there are: {', '.join(table)}; for one of your own, in "
            "src/pipeline, write pipeline.MODULE:OBJECT"
        )
    return name


def section_of(name: str) -> str:
    """The section that belongs to a name in params.yaml."""
    return name.rpartition(":")[2]
