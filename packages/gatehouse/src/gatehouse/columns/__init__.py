"""The types of column that contract.yaml knows without code of one's own."""

from __future__ import annotations

from gatehouse.columns.kind import ColumnKind
from gatehouse.columns.numbers import INTEGER, NUMBER
from gatehouse.columns.texts import CATEGORY, STRING
from gatehouse.named import load_instance

KINDS: tuple[ColumnKind, ...] = (INTEGER, NUMBER, CATEGORY, STRING)

BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str) -> ColumnKind:
    """The kind that a column's `type` names: a built-in one, or an object of the fork's own.

    Raises:
        GatehouseError: there is no such object in `src/gates`, or it is no ColumnKind.
    """
    if name in BY_NAME:
        return BY_NAME[name]
    return load_instance(name, "contract.yaml: columns", ColumnKind)
