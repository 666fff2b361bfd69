"""What a source of rows is: one object with its settings."""

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

    params.yaml is read with each command, so that functions import pandas and other large
    libraries themselves.

    Attributes:
        name: as `data.source` says it, of a fork's own after the colon; its section under `data`
            has this name.
        label: what it is, in one line.
        settings: the model of its section, in which each setting has a default.
        read: from the settings and the contract, the rows with the contract's columns, and the
            official test rows or None. It raises GatehouseError for what a user can put right.
        credentials: where passwords and keys come from; params.yaml is in Git for good.
        fault: what is wrong with settings of which each one alone is right; None: nothing.
        check: tells what is missing before a run takes the rows of the earlier one away.
            Raises GatehouseError.
    """

    name: str
    label: str
    settings: type[S]
    read: Callable[[S, Contract], Tables]
    credentials: str = "none"
    fault: Callable[[S], str | None] = _nothing
    check: Callable[[S], None] = _nothing

    def options(self, settings: DataSettings) -> S:
        """The source's section of `settings`.

        Raises:
            GatehouseError: the section does not fit the model.
        """
        return settings.section(self.name, self.settings, "data")
