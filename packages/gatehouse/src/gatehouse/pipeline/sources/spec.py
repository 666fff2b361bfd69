"""Definition of a source of rows: one object with its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Contract
    from gatehouse.pipeline.settings import DataSettings

    Tables = tuple[pd.DataFrame, pd.DataFrame | None]

S = TypeVar("S", bound=Frozen)


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class SourceSpec(Generic[S]):
    """A source.

    Every command reads params.yaml, so functions must import pandas and other large libraries
    themselves.

    Attributes:
        name: name in `data.source`, for a fork's own source the part after the colon; its section
            under `data` has this name.
        label: one-line description.
        settings: model of its section, in which each setting has a default.
        read: takes the settings and the contract, and returns the rows with the contract's columns,
            and the official test rows or None. Raises GatehouseError if a user can fix the error.
        credentials: where passwords and keys come from, because params.yaml stays in Git forever.
        fault: returns what is wrong with settings that are valid one by one, or None.
        check: reports what is missing before a run deletes the rows of the earlier run. Raises
            GatehouseError.
    """

    name: str
    label: str
    settings: type[S]
    read: Callable[[S, Contract], Tables]
    credentials: str = "none"
    fault: Callable[[S], str | None] = _nothing
    check: Callable[[S], None] = _nothing

    def options(self, settings: DataSettings) -> S:
        """Return the source's section of `settings`.

        Raises:
            GatehouseError: the section does not fit the model.
        """
        return settings.section(self.name, self.settings, "data")
