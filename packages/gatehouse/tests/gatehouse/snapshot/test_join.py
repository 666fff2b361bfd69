"""Attacks tables put together: rows that come twice, and rows that are lost."""

from __future__ import annotations

import pandas as pd

from gatehouse.contract import Contract, parse_contract
from gatehouse.snapshot.join import join

COLUMNS = """
version: 1
name: small
description: a row
split: {{hash: 1, identity: [n], valid: 0.16, test: 0.2}}
columns:
  id: {{type: string, {role}, missing: true, description: who}}
  n: {{type: integer, missing: true, description: n}}
  y: {{type: category, categories: ["no", "yes"], role: target, positive: "yes", description: y}}
"""


def contract(role: str) -> Contract:
    return parse_contract(COLUMNS.format(role=f"role: {role}"), "small.yaml")


def frame(*rows: tuple[str | None, float | None, str]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["id", "n", "y"])
    return made.astype({"id": "str", "y": "str"})


def rows(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    return [tuple(None if pd.isna(v) else v for v in row) for row in frame.to_numpy()]


def test_whole_rows_without_a_key() -> None:
    """A row in both stands once; copies inside of one table are its own affair."""
    present = frame(("a", 1, "no"), ("a", 1, "no"), ("b", None, "yes"))
    new = frame(("b", None, "yes"), ("a", 2, "no"), ("c", 3, "no"), ("c", 3, "no"))
    joined = join(present, new, contract("ignored"))
    assert rows(joined.rows) == [
        ("a", 1, "no"), ("a", 1, "no"), ("b", None, "yes"),
        ("a", 2, "no"), ("c", 3, "no"), ("c", 3, "no"),
    ]  # fmt: skip
    assert (joined.repeated, joined.replaced) == (1, 0)


def test_a_key_s_new_row_wins() -> None:
    """Of a key that both have the new row counts; one that did not change keeps its place."""
    present = frame(("a", 1, "no"), ("b", 2, "no"), ("c", 3, "no"))
    new = frame(("c", 3, "no"), ("a", 1, "yes"), ("d", 4, "no"))
    joined = join(present, new, contract("key"))
    assert rows(joined.rows) == [
        ("b", 2, "no"), ("c", 3, "no"), ("a", 1, "yes"), ("d", 4, "no"),
    ]  # fmt: skip
    assert (joined.repeated, joined.replaced) == (1, 1)


def test_a_missing_key_is_none() -> None:
    """Rows that nobody can name don't take each other's place."""
    joined = join(frame((None, 1, "no")), frame((None, 2, "no")), contract("key"))
    assert rows(joined.rows) == [(None, 1, "no"), (None, 2, "no")]


def test_numbers_count_by_value() -> None:
    """A column that is float64 here, for a value is missing, and int64 there has equal rows."""
    present = frame(("a", 1, "no"), ("b", None, "no"))
    new = frame(("a", 1, "no"))
    assert str(new["n"].dtype) == "int64"
    assert join(present, new, contract("ignored")).repeated == 1
