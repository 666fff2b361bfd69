"""The types of column that contract.yaml knows."""

from __future__ import annotations

from gatehouse.columns.kind import ColumnKind
from gatehouse.columns.numbers import INTEGER, NUMBER
from gatehouse.columns.texts import CATEGORY, STRING

KINDS: tuple[ColumnKind, ...] = (INTEGER, NUMBER, CATEGORY, STRING)

BY_NAME = {kind.name: kind for kind in KINDS}
