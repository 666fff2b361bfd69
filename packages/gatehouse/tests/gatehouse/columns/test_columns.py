"""The table of column types: each member does what contract, pipeline, gates and service ask."""

from __future__ import annotations

from pathlib import Path

import gates
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from gatehouse.columns import KINDS
from gatehouse.columns.kind import ColumnKind
from gatehouse.contract import Column, Role

VALUES = {
    "number": ["1.5", "2", None],
    "whole": ["1", "2"],
    "text": ["a", "b"],
    "moments": ["2026-01-31", "2026-02-01T10:30:00+01:00", None],
}


def column(kind: ColumnKind) -> Column:
    """A column that says no more than its type asks for."""
    return Column(
        type=kind.name,
        description="one",
        role=Role.FEATURE if kind.fed else Role.IGNORED,
        timezone="Europe/Berlin" if kind.moments else None,
        categories=("a", "b") if kind.listed else None,
    )


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> ColumnKind:
    found: ColumnKind = request.param
    return found


def test_what_was_ingested_keeps_its_own_expectations(kind: ColumnKind) -> None:
    """Attacks a type whose values, read once more, are others, or break what is expected."""
    given = VALUES[
        "whole"
        if kind.whole
        else "number"
        if kind.numeric
        else "moments"
        if kind.moments
        else "text"
    ]
    values = kind.typed(pd.Series(given, dtype="str"), column(kind))
    assert (values.dtype.kind in "if") is kind.numeric
    pd.testing.assert_series_equal(kind.typed(values, column(kind)), values)
    for expectation in kind.expectations("x", column(kind), values):
        assert expectation.column == "x"
        limits = expectation.arguments
        if "value_set" in limits:
            assert set(values) <= set(limits["value_set"])
        if "type_list" in limits:
            assert values.dtype.name.replace(", UTC", "") in limits["type_list"]
        if "max_value" in limits:
            assert values.dropna().between(limits["min_value"], limits["max_value"]).all()


def test_the_service_accepts_the_example_and_nothing_of_another_type(kind: ColumnKind) -> None:
    """Attacks a request's type that the contract's own example breaks, or that takes anything."""
    one = column(kind)
    accepts = TypeAdapter(kind.accepts(one))
    if (example := kind.example(one)) is not None:
        accepts.validate_python(example, strict=True)
    for stranger in ([1], {"a": 1}, "" if not kind.numeric else "text"):
        with pytest.raises(ValidationError):
            accepts.validate_python(stranger, strict=True)


def test_no_type_is_narrower_than_itself(kind: ColumnKind) -> None:
    """Attacks a shadow that is refused for being as its model."""
    assert kind.narrower(column(kind), column(kind)) is None


def test_a_type_that_is_not_there_is_named_with_those_that_are() -> None:
    """Attacks `type: float`: the error says what can be written."""
    with pytest.raises(
        ValidationError, match="'integer', 'number', 'category', 'string' or 'timestamp'"
    ):
        Column(type="float", description="one")


MONEY = """\
from dataclasses import replace
from gatehouse.columns.numbers import NUMBER

MONEY, AMOUNT = replace(NUMBER, name="money", title="money"), 5
"""


def test_a_kind_of_one_s_own_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a type that is read and then taken for text, and an object that is no type."""
    (tmp_path / "money_of_ours.py").write_text(MONEY)
    monkeypatch.setattr(gates, "__path__", [*gates.__path__, str(tmp_path)])
    column = Column(type="gates.money_of_ours:MONEY", description="one", range=(0, 9))
    assert column.kind.name == "money"
    assert column.is_numeric
    for name, message in (
        ("gates.money_of_ours:AMOUNT", r"is no gatehouse\.columns\.kind\.ColumnKind, but a int"),
        ("gates.money_of_ours:NONE", "has no object 'NONE'"),
        ("gates.nowhere_at_all:MONEY", "there is no module 'gates.nowhere_at_all'"),
        ("pipeline.money:MONEY", "or gates.MODULE:OBJECT of your own"),
    ):
        with pytest.raises(ValidationError, match=message):
            Column(type=name, description="one")
