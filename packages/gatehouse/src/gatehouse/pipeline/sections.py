"""Settings in sections: one for each member of a table, and one for a fork's own object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import InitErrorDetails

from gatehouse.errors import GatehouseError
from gatehouse.named import load_instance
from gatehouse.nearest import hint
from gatehouse.places import PARAMS
from gatehouse.typed import Frozen, validate

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]

OWN_OBJECT = r"pipeline(\.\w+)+:\w+"
"""An object of the fork's own package `pipeline`, written as `pipeline.module:object`."""

S = TypeVar("S", bound=Frozen)
M = TypeVar("M", bound="Member")


class Member(Protocol):
    """Common interface of the members of such tables."""

    @property
    def name(self) -> str:
        """Name in params.yaml, also of its section."""
        ...

    @property
    def settings(self) -> type[Frozen]:
        """Model of its section."""
        ...


class Sections(Frozen):
    """A part of params.yaml that names members of a table, each of which has a section.

    The sections of built-in members are fields. A fork's own object has a section with the
    object's name, which the object's model checks once it is loaded. While the settings name
    another object, its section is kept unchecked, unless its name looks like a misspelling.
    """

    model_config = ConfigDict(extra="allow")

    def members(self) -> tuple[str, ...]:
        """The members that these settings name, by name or as `module:object`."""
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
        """Return the settings of the member called `name`.

        Args:
            name: name of the member.
            model: model of its settings.
            place: key of params.yaml that contains the sections.

        Raises:
            GatehouseError: the section does not fit the model, or the name belongs to another key.
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
    """Return `base` with a section for each member of a table that it has no field for yet."""
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
    """Return `name` if it is in a table or names a fork's own object.

    Raises:
        ValueError: it is neither; `what` describes the table's members.
    """
    table = tuple(table)
    if name not in table and not re.fullmatch(OWN_OBJECT, name):
        raise ValueError(
            f"'{name}' names no {what}; there are: {', '.join(table)}; for one of your own, in "
            "src/pipeline, write pipeline.MODULE:OBJECT"
        )
    return name


def find_member(name: str, table: Mapping[str, M], kind: type[M], key: str) -> M:
    """Return a table's member, or the fork's own object that `name` names.

    Args:
        name: a name in the table, or `module:object`.
        table: built-in members by name.
        kind: the class of the members.
        key: the setting of params.yaml that names it.

    Raises:
        GatehouseError: there is no such module or object, or it is not a `kind` of that name.
    """
    if name in table:
        return table[name]
    where = f"{PARAMS}: {key}"
    found = load_instance(name, where, kind)
    if found.name != section_of(name):
        raise GatehouseError(f"{where}: {name} has the name '{found.name}'; make the two the same")
    return found


def section_of(name: str) -> str:
    """Return the name of the section for a name in params.yaml."""
    return name.rpartition(":")[2]
