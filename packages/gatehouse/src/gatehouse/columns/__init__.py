"""The built-in column types of contract.yaml."""

from __future__ import annotations

from gatehouse.columns.kind import ColumnKind
from gatehouse.columns.numbers import INTEGER, NUMBER
from gatehouse.columns.texts import CATEGORY, STRING
from gatehouse.columns.times import TIMESTAMP
from gatehouse.named import load_instance

KINDS: tuple[ColumnKind, ...] = (INTEGER, NUMBER, CATEGORY, STRING, TIMESTAMP)

BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str) -> ColumnKind:
    """Return the kind that a column's `type` names: built in, or a fork's own object.

    Raises:
        GatehouseError: there is no such object in `src/gates`, or it is not a ColumnKind.
    """
    if name in BY_NAME:
        return BY_NAME[name]
    return load_instance(name, "contract.yaml: columns", ColumnKind)
