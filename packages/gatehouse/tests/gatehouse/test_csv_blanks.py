"""Attacks names and values with the blanks that a writer put behind separators."""

from __future__ import annotations

import pytest

from gatehouse.csv_blanks import follow_separators, stripped, without_blanks
from gatehouse.errors import GatehouseError


def test_the_line_of_names_decides() -> None:
    """Behind every separator, or they are the names' alone."""
    assert follow_separators(["a", " b", "\tc"])
    assert follow_separators([" a", " b"])
    assert not follow_separators(["a", " b", "c"])
    assert not follow_separators([" a"])
    assert stripped(["a ", " b", "c d"]) == ["a", "b", "c d"]


def test_rows_come_back_without_them() -> None:
    """Quotes behind a blank are quotes; blanks inside of them, and at the end, are values'."""
    lines = ['a, b\n', '1, "x, y"\n', '2,  " z"\n', '"3\n', '4", é \n']  # fmt: skip
    with without_blanks(lines, ",") as stream:
        assert stream.read().decode() == 'a,b\n1,"x, y"\n2, z\n"3\n4",é \n'


def test_a_quote_that_is_never_closed_is_told() -> None:
    """Attacks memory, and a traceback."""
    with pytest.raises(GatehouseError, match=r"line 1: field larger.*never closed"):
        without_blanks(['a, "' + "x" * 200_000], ",")
