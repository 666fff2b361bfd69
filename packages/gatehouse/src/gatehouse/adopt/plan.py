"""The planned columns of a table, with their roles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from gatehouse.adopt.profile import Profile
from gatehouse.adopt.target import Target
from gatehouse.contract import Role


@dataclass(frozen=True)
class Planned:
    """A column of the table with its planned role.

    Attributes:
        profile: of the column.
        column: its entry in contract.yaml; None if the contract does not name it.
        note: information for people.
        warning: whether the note is a warning.
    """

    profile: Profile
    column: dict[str, Any] | None
    note: str = ""
    warning: bool = False

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def role(self) -> Role | None:
        """The column's role; None if the contract does not name it."""
        return None if self.column is None else Role(self.column.get("role", Role.FEATURE))

    @property
    def has_unlisted(self) -> bool:
        """Whether the table holds values that the contract allows but does not list."""
        listed = (self.column or {}).get("categories")
        return listed is not None and len(listed) < len(self.profile.counts)


@dataclass(frozen=True)
class ColumnPlan:
    """All columns, in the table's order."""

    target: Target
    columns: tuple[Planned, ...]
    warnings: tuple[str, ...] = field(default=())

    def of(self, *roles: Role) -> list[Planned]:
        return [column for column in self.columns if column.role in roles]

    @property
    def inputs(self) -> list[str]:
        """Names of the columns that the model takes as inputs."""
        return [
            planned.name
            for planned in self.columns
            if planned.column is not None
            and planned.column.get("model_input", planned.role is Role.FEATURE)
        ]

    def warned(self, name: str, note: str) -> ColumnPlan:
        """Return this plan with a warning on one column."""
        changed = (
            replace(column, note="; ".join(filter(None, [column.note, note])), warning=True)
            if column.name == name
            else column
            for column in self.columns
        )
        return replace(self, columns=tuple(changed))

    def leaving_out(self, name: str, note: str) -> ColumnPlan:
        """Return this plan with one feature ignored, so that its future values stop nothing."""
        changed = (
            plan_ignored(column.profile, note) if column.name == name else column
            for column in self.columns
        )
        return replace(self, columns=tuple(changed))


def plan_ignored(profile: Profile, note: str) -> Planned:
    """Plan a column that the contract names, but the model is not fed; `note` says why."""
    return Planned(
        profile, {"type": "string", "role": "ignored", "missing": True}, note, warning=True
    )
